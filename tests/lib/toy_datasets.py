"""Data sets of a few images, as VOC and COCO have them, and the command on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pydarknet.cli.commands import data as command
from pydarknet.cli.parser import Parser
from pydarknet.datasets import check, read_dataset

Object = tuple[str, tuple[float, float, float, float], bool]


def picture(path: Path, width: int = 100, height: int = 50, shade: int = 0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.full((height, width, 3), shade, np.uint8))[1].tobytes())
    return str(path)


def annotation(path: Path, objects: Sequence[Object], size: bool = True) -> None:
    rows = "".join(
        f"<object><name>{name}</name><difficult>{int(hard)}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>\n"
        for name, (x1, y1, x2, y2), hard in objects
    )
    shape = "<size><width>100</width><height>50</height><depth>3</depth></size>" if size else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{shape}\n{rows}</annotation>")


def voc_folder(root: Path, sets: dict[str, str] | None = None) -> Path:
    """Three images: a dog and a difficult cat; a person who reaches over the edge; nothing."""
    objects: list[list[Object]] = [
        [("dog", (11, 6, 31, 26), False), ("cat", (1, 1, 5, 5), True)],
        [("person", (91, 41, 120, 60), False), ("dog", (40, 20, 40, 30), False)],
        [],
    ]
    for i, each in enumerate(objects):
        picture(root / "JPEGImages" / f"00{i}.jpg", shade=i)
        annotation(root / "Annotations" / f"00{i}.xml", each, size=i != 1)
    for name, text in (sets or {}).items():
        (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(*arguments: str | Path) -> int:
    parser = Parser(prog="pydarknet data")
    command.add_arguments(parser)
    return command.run(parser.parse([str(each) for each in arguments]))


def coco_json(path: Path, **changes: Any) -> Path:
    content = {
        "categories": [{"id": 7, "name": "train"}, {"id": 2, "name": "bicycle"}],
        "images": [
            {"id": 5, "file_name": "a.jpg", "width": 100, "height": 50},
            {"id": 9, "file_name": "b.jpg", "width": 10, "height": 10},
        ],
        "annotations": [
            {"image_id": 5, "category_id": 7, "bbox": [10, 5, 20, 20], "iscrowd": 0},
            {"image_id": 5, "category_id": 2, "bbox": [0, 0, 100, 50], "iscrowd": 1},
            {"image_id": 5, "category_id": 2, "bbox": [95, 0, 50, 50]},
            {"image_id": 5, "category_id": 2, "bbox": [1, 1, 0, 5]},
        ],
    }
    path.write_text(json.dumps(content | changes))
    return path


def findings(data: Path, **options: bool) -> list[str]:
    root = str(data.parent)
    return [str(each).replace(root + "/", "") for each in check(read_dataset(data), **options)]
