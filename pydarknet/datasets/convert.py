"""Writing a converted data set: label files, lists, .names and .data. What was there is not overwritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

from ..errors import DataError, ImageError
from ..formats.atomic import replacing
from ..formats.labels import label_path, label_text, sibling_label
from ..formats.text import counted, short
from ..images.size import image_size
from .dataset import LISTS

Row = tuple[int, float, float, float, float]  # class, centre x, y, width, height in fractions of the image
Placing = Literal["keep", "link", "copy"]

PROPORTION = 0.02  # of width to height: what scaling and rounding change


@dataclass(frozen=True)
class Sample:
    """An image and what is in it; `size`: its width and height by the annotations, if they say."""

    image: str
    labels: list[Row]
    size: tuple[int, int] | None = None


class LeftOut:
    """Objects that a reader left out, by the reason, with the first place of each."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, why: str, place: str) -> None:
        """One more; `place` is its file, or its image."""
        self._places.setdefault(why, []).append(place)

    def notes(self) -> list[str]:
        """A line for each reason."""
        return [
            f"left out {counted(len(places), 'object')}: {why}; the first: {places[0]}"
            for why, places in sorted(self._places.items())
        ]


@dataclass
class Conversion:
    """What a reader made of a data set: names, the samples of each set, and what the user should know.

    `labels_in_place`: the label files of these samples are there, where they are looked for, and say this already.
    `labels`: of a classifier, the words in paths that say the class; it has no label files. `root`: the folder below
    which images keep their places when they are linked or copied.
    """

    names: list[str]
    sets: dict[str, list[Sample]]
    notes: list[str] = field(default_factory=list)
    labels_in_place: bool = False
    labels: list[str] = field(default_factory=list)
    root: str = ""


def write(
    data: Conversion,
    out: str | PathLike[str],
    *,
    name: str | None = None,
    images: Placing = "keep",
    force: bool = False,
) -> list[str]:
    """Write the label files, and into `out` a list for each set, NAME.names and NAME.data.

    The images stay where they are, their labels go where Darknet looks for them; or they are linked or copied
    into `out`/images, and the labels go into `out`/labels. Files that exist and say something else are an error,
    before anything is written, unless `force`. An empty label file says that there is nothing to be seen.
    Returns what the user should know. DataError also for two images of one name, and for what can't be written.
    """
    _check_lines(data)
    folder = Path(os.path.abspath(fspath(out)))
    name = name or folder.name
    targets: dict[str, str] = {}  # of images that are brought to `out`
    texts: dict[str, str] = {}  # path -> content, in the order of writing
    lists: dict[str, str] = {}
    for key, samples in data.sets.items():
        paths = []
        for sample in samples:
            image = _place(sample.image, data.root, folder, images, targets)
            paths.append(image)
            if not (data.labels or (data.labels_in_place and images == "keep")):
                _add(texts, sibling_label(image), label_text(sample.labels), sample.image)
        lists[str(folder / f"{key}.txt")] = "".join(f"{path}\n" for path in paths)
    texts |= lists
    texts[str(folder / f"{name}.names")] = "".join(f"{each}\n" for each in data.names)
    if data.labels:
        texts[str(folder / f"{name}.labels")] = "".join(f"{each}\n" for each in data.labels)
    texts[str(folder / f"{name}.data")] = data_text(data, folder, name)
    if not force:
        _refuse_overwriting(texts, beside=images == "keep")
    _bring(targets, images)
    write_texts(texts, force=True)
    return [*data.notes, *_turned(data), *([] if data.labels_in_place else _notes(texts, lists))]


def stays_inside(name: str) -> bool:
    """Whether a path that a data set gives relative to its folder can't lead out of it, on any system."""
    parts = name.replace("\\", "/").split("/")
    return ".." not in parts and bool(parts[0]) and parts[0][1:2] != ":"


def _turned(data: Conversion) -> list[str]:
    """A note if images have other proportions than their annotations say: most often the one is turned, by EXIF."""
    sized = [(sample.image, sample.size) for samples in data.sets.values() for sample in samples if sample.size]
    other = [
        (image, said, found)
        for image, said in sized
        if (found := _size(image)) and abs(found[0] * said[1] / (found[1] * said[0]) - 1) > PROPORTION
    ]
    if not other:
        return []
    image, said, found = other[0]
    return [
        f"{len(other)} of {len(sized)} images have other proportions than their annotations say, so boxes are at "
        f"wrong places; the first: {image} has {found[0]} x {found[1]} pixels (upright, if EXIF turns it), "
        f"not {said[0]} x {said[1]}"
    ]


def _size(image: str) -> tuple[int, int] | None:
    """The size of an image that is there and can be read."""
    try:
        return image_size(image) if os.path.isfile(image) else None
    except ImageError:
        return None


def _check_lines(data: Conversion) -> None:
    """DataError for a name or path that can't be a line of a file."""
    images = (sample.image for samples in data.sets.values() for sample in samples)
    for text in chain(data.names, images):
        if not is_line(text):
            raise DataError(f"{short(text)!r}: a name must be a line of text: not empty, without control characters")


def is_line(text: str) -> bool:
    """Whether a text can be a line of a file: something, no control characters, and nothing that has no bytes."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return bool(text.strip()) and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


def _place(image: str, root: str, folder: Path, images: Placing, targets: dict[str, str]) -> str:
    source = os.path.abspath(image)
    if images == "keep":
        return source
    inside = os.path.relpath(source, root) if root else os.path.basename(source)
    target = str(folder / "images" / inside)
    if targets.setdefault(target, source) != source:
        raise DataError(f"{source}: {targets[target]} has the same name; both can't be in {folder / 'images'}")
    return target


def _add(texts: dict[str, str], path: str, text: str, image: str) -> None:
    if texts.setdefault(path, text) != text:
        raise DataError(f"{path}: would hold the labels of two images, the second being {image}")


def data_text(data: Conversion, folder: Path, name: str) -> str:
    """The .data file of lists KEY.txt in a folder, one for each set, and of NAME.names."""
    keys = {"train": "train", "trainval": "train", "val": "valid", "valid": "valid", "test": "test"}
    chosen: dict[str, str] = {}
    for key in data.sets:
        chosen.setdefault(keys.get(key, key), str(folder / f"{key}.txt"))
    if "valid" not in chosen and "test" in chosen:
        chosen["valid"] = chosen["test"]
    rows = [f"{key} = {chosen[key]}" for key in LISTS if key in chosen]
    if data.labels:
        rows.append(f"labels = {folder / name}.labels")
    rows = [f"classes = {len(data.names)}", *rows, f"names = {folder / name}.names", "backup = backup"]
    return "".join(f"{row}\n" for row in rows)


def _refuse_overwriting(texts: dict[str, str], beside: bool = False) -> None:
    """DataError if a file is there that says something else. `beside`: labels go beside images, not into --out."""
    other = [path for path, text in texts.items() if os.path.lexists(path) and not _holds(path, text)]
    if other:
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        linked = "; --images link gives labels a folder of their own, in --out" if beside else ""
        told = f"exists and says something else{more}; use another --out, or --force to replace it"
        raise DataError(f"{other[0]}: {told}{linked}")


def _holds(path: str, text: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == text.encode("utf-8", "surrogateescape")
    except OSError:
        return False


def _bring(targets: dict[str, str], images: Placing) -> None:
    for target, source in targets.items():
        if not os.path.isfile(source):
            raise DataError(f"{source}: is no file that could be brought to {target}")
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.lexists(target):
                if os.path.realpath(target) != os.path.realpath(source) and not _same(source, target):
                    raise DataError(f"{target}: exists and is not {source}; remove it or choose another folder")
            elif images == "link":
                os.symlink(source, target)
            else:
                with open(source, "rb") as original, replacing(target) as file:
                    shutil.copyfileobj(original, file)
        except OSError as error:
            raise DataError(f"{target}: can't be made from {source}: {error.strerror or error}") from error


def _same(a: str, b: str) -> bool:
    import filecmp

    return filecmp.cmp(a, b, shallow=False)


def write_texts(texts: dict[str, str], force: bool) -> None:
    """Write files, each whole. DataError if one can't be written; unless `force`, and before the first is written,
    if one exists and says something else."""
    if not force:
        _refuse_overwriting(texts)
    for path, text in texts.items():
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with replacing(path) as file:
                file.write(text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise DataError(f"{path}: can't be written: {error.strerror or error}") from error


def _notes(texts: Iterable[str], lists: dict[str, str]) -> list[str]:
    """A word of warning where Darknet's own rule leads elsewhere."""
    written = set(texts)
    for content in lists.values():
        for image in content.splitlines():
            if label_path(image) not in written:
                return [
                    f"{image}: Darknet's programs look for its labels in {label_path(image)}, where they are not: a "
                    "folder above has images, JPEGImages or raw in its name; pydarknet finds them"
                ]
    return []
