"""Detections into files: one writer a format, all used alike.

with open_writer("json", Path("out.json"), names) as writer:
    writer.write("dog.jpg", (768, 576), detections)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ..formats.text import did_you_mean
from .base import Result, Writer
from .lines import darknet_lines

__all__ = ["KINDS", "Result", "Writer", "darknet_lines", "open_writer", "target_of"]

# Kinds that are one file: the writer, loaded on first use, and the file's usual name.
_FILES = {
    "json": ("json_files.JsonWriter", "detections.json"),
    "jsonl": ("json_files.JsonLinesWriter", "detections.jsonl"),
    "coco": ("coco.CocoWriter", "coco_results.json"),
    "csv": ("table.CsvWriter", "detections.csv"),
    "imagenet": ("imagenet.ImagenetWriter", "imagenet-detection.txt"),
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
        from .yolo import YoloWriter

        return YoloWriter(path, names, root)
    if kind == "voc":
        from .voc import VocWriter

        return VocWriter(path, names)
    module, name = _FILES[kind][0].split(".")
    writer: Writer = getattr(import_module(f".{module}", __name__), name)(path, names)
    return writer


def target_of(kind: str, target: str | os.PathLike[str]) -> Path:
    """Where a kind is written to: what is given, or in a folder the file of its usual name. ValueError as above."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of output {kind!r}{did_you_mean(kind, KINDS)}; one of {', '.join(KINDS)}")
    path = Path(target)
    if kind in _FILES and (path.is_dir() or os.fspath(target).endswith(os.sep)):
        path = path / _FILES[kind][1]
    return path
