"""What the scenes are made of: cut-outs of photographs, and photographs to put them on, all of Debian packages.

stamps.csv names the cut-outs of tuxpaint-stamps-default that are used and, for objects, WordNet's synset; those
without one are things of other kinds, which nobody labels. left_out.csv says of all others why they aren't used.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
SHARE = Path("/usr/share")
STAMPS = SHARE / "tuxpaint" / "stamps"
PACKAGES = "tuxpaint-stamps-default mate-backgrounds plasma-workspace-wallpapers lomiri-wallpapers-16.04 wordnet-base"
LONGEST = 192  # pixels; no object of a scene is larger
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Stamp:
    """A cut-out: blue, green, red and alpha (H, W, 4); its synset, empty for a distractor."""

    path: str
    wnid: str
    image: Image


def read_stamps() -> list[Stamp]:
    """Those of the table, without the empty rows and columns around them."""
    return [Stamp(row["stamp"], row["wnid"], _cut(STAMPS / row["stamp"])) for row in rows("stamps.csv")]


def read_backgrounds() -> list[Image]:
    """The photographs, no side of them much above 1000."""
    return [_halved(SHARE / row["file"]) for row in rows("backgrounds.csv")]


def rows(table: str) -> Iterator[dict[str, str]]:
    """The rows of one of the tables beside this file."""
    with open(HERE / table, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def unlisted() -> list[str]:
    """Stamps of the package of which no table says anything."""
    used = {row["stamp"] for row in rows("stamps.csv")}
    left_out = [row["stamps"] for row in rows("left_out.csv")]
    paths = [path.relative_to(STAMPS).as_posix() for path in sorted(STAMPS.rglob("*.png"))]
    return [path for path in paths if path not in used and not any(fnmatch(path, each) for each in left_out)]


def _cut(path: Path) -> Image:
    image = read_image(path, cv2.IMREAD_UNCHANGED)
    solid = image[..., 3] > 127
    rows_, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    image = image[rows_[0] : rows_[-1] + 1, columns[0] : columns[-1] + 1]
    scale = LONGEST / max(image.shape[:2])
    return image if scale >= 1 else _resized(image, scale)


def _halved(path: Path) -> Image:
    image = read_image(path, cv2.IMREAD_COLOR)
    scale = 1000 / max(image.shape[:2])
    return image if scale >= 1 else _resized(image, scale)


def _resized(image: Image, scale: float) -> Image:
    result: Image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return result


def read_image(path: Path, how: int) -> Image:
    """By OpenCV; SystemExit with the packages if it isn't there."""
    image: Image | None = cv2.imread(str(path), how)
    if image is None:
        raise SystemExit(f"{path}: can't be read; apt-get install {PACKAGES}")
    return image
