"""Detections, and ways to write them and to see what was written."""

from __future__ import annotations

from pathlib import Path

from pydarknet.detection.results import Box, Detection
from pydarknet.writers import KINDS, open_writer

NAMES = ["person", "dog", 'sofa "red", <b>', "стол"]
DOG = Detection(1, "dog", 0.875, 0.9375, Box(50.0, 40.0, 20.0, 10.0))
EDGE = Detection(3, "стол", 0.25, 0.5, Box(95.0, 2.0, 30.0, 20.0), ("мебель", "стол"))
SIZE = (100, 80)
FILES = [kind for kind in KINDS if kind not in {"voc", "yolo"}]


def save(kind: str, target: Path, *pictures: tuple[str, list[Detection]], names: list[str] = NAMES) -> None:
    with open_writer(kind, target, names) as writer:
        for name, detections in pictures:
            writer.write(name, SIZE, detections)


def folder_of(*parts: str | Path) -> Path:
    """A folder, made: there a file gets its usual name."""
    folder = Path(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
