"""Detections into files: one writer a format, all used alike.

with open_writer("json", Path("out.json"), names) as writer:
    writer.write("dog.jpg", (768, 576), detections)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..formats.text import did_you_mean
from .base import Result, Writer
from .coco import CocoWriter
from .imagenet import ImagenetWriter
from .json_files import JsonLinesWriter, JsonWriter
from .lines import darknet_lines
from .table import CsvWriter
from .voc import VocWriter
from .yolo import BesideWriter, YoloWriter

__all__ = ["KINDS", "BesideWriter", "Result", "Writer", "darknet_lines", "open_writer", "target_of"]

_FILES: dict[str, tuple[type[JsonWriter | JsonLinesWriter | CocoWriter | CsvWriter | ImagenetWriter], str]] = {
    "json": (JsonWriter, "detections.json"),
    "jsonl": (JsonLinesWriter, "detections.jsonl"),
    "coco": (CocoWriter, "coco_results.json"),
    "csv": (CsvWriter, "detections.csv"),
    "imagenet": (ImagenetWriter, "imagenet-detection.txt"),
}

KINDS = (*_FILES, "voc", "yolo")


def open_writer(kind: str, target: str | os.PathLike[str], names: Sequence[str], root: str | None = None) -> Writer:
    """A writer of that kind, ready: what can't be written is known before the first image.

    `target` is a file for json, jsonl, coco, csv and imagenet (or a folder, where the file gets its usual
    name) and a folder for voc and yolo, made if it is absent; /dev/stdout, a pipe or a device gets results as they
    come. `names` are those of all classes; labels of images below `root` keep their folders. ValueError for an
    unknown kind, ExportError if the target can't be written.
    """
    path = target_of(kind, target)
    if kind == "yolo":
        return YoloWriter(path, names, root)
    if kind == "voc":
        return VocWriter(path, names)
    return _FILES[kind][0](path, names)


def target_of(kind: str, target: str | os.PathLike[str]) -> Path:
    """Where a kind is written to: what is given, or in a folder the file of its usual name. ValueError as above."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of output {kind!r}{did_you_mean(kind, KINDS)}; one of {', '.join(KINDS)}")
    path = Path(target)
    if kind in _FILES and (path.is_dir() or os.fspath(target).endswith(os.sep)):
        path = path / _FILES[kind][1]
    return path
