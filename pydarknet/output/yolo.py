"""Darknet's label files, one a picture: `class x y w h`, relative to the picture. Never over the truth.

What was drawn by hand must not be lost: a label file beside the picture, or where training looks for the
picture's labels, is refused; elsewhere only a file that we wrote and nobody changed since is replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..atomic import replacing
from ..errors import DataError
from .base import Result, Writer, clip, prepare_folder

RECORD = ".pydarknet-labels.json"


class YoloWriter(Writer):
    """`<stem>.txt` in the target folder, each written at once; `RECORD` there remembers which are ours."""

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        super().__init__(target, names)
        prepare_folder(target)
        self._own = _read_record(target / RECORD)
        self._written: set[str] = set()

    def _write(self, result: Result) -> None:
        path = self.target / f"{result.stem}.txt"
        content = "".join(_lines(result)).encode()
        self._check(path, result)
        with replacing(path) as file:
            file.write(content)
        self._own[path.name] = hashlib.sha256(content).hexdigest()
        self._written.add(path.name)

    def _check(self, path: Path, result: Result) -> None:
        if path.name in self._written:
            raise DataError(
                f"{path}: two pictures of that name; the second is {result.path}. "
                "Save the labels of each folder of pictures into a folder of their own"
            )
        where = os.path.realpath(path)
        if any(where == os.path.realpath(truth) for truth in _truths(result.path)):
            raise DataError(f"{path}: is where the true labels of {result.path} belong; choose another folder")
        if os.path.lexists(path) and not self._is_own(path):
            raise DataError(
                f"{path}: exists and was not written by pydarknet, or was changed since; it may be the truth. "
                "Choose another folder, or remove the file"
            )

    def _is_own(self, path: Path) -> bool:
        if path.name not in self._own or path.is_symlink() or not path.is_file():
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == self._own[path.name]

    def _commit(self) -> None:
        if self._written:
            with replacing(self.target / RECORD) as file:
                file.write(json.dumps(self._own, indent=0).encode())

    def _abandon(self) -> None:
        """The labels of earlier pictures are whole: they stay, and stay ours."""
        with suppress(OSError):
            self._commit()


def _lines(result: Result) -> Iterator[str]:
    for each in result.detections:
        edges = clip(each.box, result.width, result.height)
        if edges is None:
            continue
        left, top, right, bottom = edges
        if right > left and bottom > top:
            x, w = (left + right) / 2 / result.width, (right - left) / result.width
            y, h = (top + bottom) / 2 / result.height, (bottom - top) / result.height
            yield f"{each.class_id} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n"


def _truths(image: str) -> Iterator[str]:
    """Where the labels of a picture are looked for: beside it, and by Darknet's rule of folders."""
    yield os.path.splitext(image)[0] + ".txt"
    for path in (image, os.path.abspath(image)):
        for folder in ("images", "JPEGImages", "raw"):
            path = path.replace(folder, "labels", 1)
        yield os.path.splitext(path)[0] + ".txt"


def _read_record(path: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            return {str(name): str(value) for name, value in record.items()}
    return {}
