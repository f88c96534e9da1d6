"""Darknet's label files, one an image: `class x y w h`, relative to the image. Never over the truth.

What was drawn by hand must not be lost: a label file beside the image, or where training looks for the
image's labels, is refused; elsewhere only a file that we wrote and that is unchanged is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import DataError
from ..formats.labels import label_places
from .base import Result, Writer, clip, prepare_folder, stem_of
from .own_files import OwnFiles


class YoloWriter(Writer):
    """`<stem>.txt` in the target folder, each written at once. Images below the folder `root` keep their folders
    below the target; so do others whose name is taken."""

    def __init__(self, target: Path, names: Sequence[str], root: str | None = None) -> None:
        super().__init__(target, names)
        prepare_folder(target)
        self._root = root
        self._own = OwnFiles(target)
        self._places: dict[tuple[str, int | None], str] = {}
        self._taken: set[str] = set()

    def check(self, image_path: str, frame: int | None = None) -> None:
        """DataError for a place where the truth is, or may be."""
        path = self._place(image_path, frame)
        where = os.path.realpath(path)
        if any(where == os.path.realpath(truth) for truth in _truths(image_path)):
            raise DataError(f"{path}: is where the true labels of {image_path} belong; choose another folder")
        refuse_others(path, self._own)

    def _write(self, result: Result) -> None:
        self._own.write(self._place(result.path, result.frame), content(result))

    def _place(self, image: str, frame: int | None) -> Path:
        """The label file of an image, the same whenever it is asked for."""
        key = os.path.abspath(image), frame
        if key not in self._places:
            free = (name for name in self._names(image, frame) if name not in self._taken)
            self._places[key] = next(free)
            self._taken.add(self._places[key])
        return self.target / self._places[key]

    def _names(self, image: str, frame: int | None) -> Iterator[str]:
        stem = stem_of(image, frame)
        folder = os.path.dirname(image)
        if self._root is None:
            yield stem + ".txt"
        else:
            yield os.path.join(_below(os.path.relpath(os.path.abspath(folder), self._root)), stem + ".txt")
        below = os.path.join(_below(folder), stem)
        yield below + ".txt"
        number = 2
        while True:
            yield f"{below}_{number}.txt"
            number += 1

    def _commit(self) -> None:
        self._own.save()

    def _abandon(self) -> None:
        """The labels of earlier images are whole: they stay, and stay ours."""
        with suppress(OSError):
            self._own.save()


class BesideWriter(Writer):
    """Labels beside their images, where training finds them: to label a data set by a network.

    Images that have labels of another origin, there or where training looks first, are refused.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(Path("beside the images"), names)
        self._own: dict[str, OwnFiles] = {}

    def check(self, image_path: str, frame: int | None = None) -> None:
        """DataError for an image that has labels already."""
        for place in dict.fromkeys([*_truths(image_path), _beside(image_path)]):
            refuse_others(Path(place), self._record(place))

    def _write(self, result: Result) -> None:
        path = _beside(result.path)
        self._record(path).write(Path(path), content(result))

    def _record(self, path: str) -> OwnFiles:
        folder = os.path.dirname(path)
        if folder not in self._own:
            self._own[folder] = OwnFiles(Path(folder))
        return self._own[folder]

    def _commit(self) -> None:
        for own in self._own.values():
            own.save()

    def _abandon(self) -> None:
        with suppress(OSError):
            self._commit()


def refuse_others(path: Path, own: OwnFiles) -> None:
    """DataError for a file that exists and is not ours."""
    if os.path.lexists(path) and path not in own:
        raise DataError(
            f"{path}: exists and was not written by pydarknet, or was changed since; it may be the truth. "
            "Choose another folder, or remove the file"
        )


def content(result: Result) -> bytes:
    """The label file of an image."""
    return "".join(_lines(result)).encode()


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
    """Where training looks for the labels of an image, however a list may name it."""
    yield from label_places(image)
    yield from label_places(os.path.abspath(image))


def _beside(image: str) -> str:
    return os.path.splitext(image)[0] + ".txt"


def _below(folder: str) -> str:
    """A folder as a path that leads nowhere but down."""
    parts = os.path.normpath(os.path.splitdrive(folder)[1]).split(os.sep)
    return os.path.join("", *(part for part in parts if part not in ("", os.curdir, os.pardir)))
