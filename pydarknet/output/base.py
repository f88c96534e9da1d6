"""What all writers of detections share: the life of the files, and errors with the path in them."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..atomic import replacing
from ..detection import Box, Detection
from ..errors import ExportError


@dataclass(frozen=True)
class Result:
    """The detections of one picture. `index` counts from 1; `frame` is its number in a film, else None."""

    path: str
    width: int
    height: int
    detections: Sequence[Detection]
    index: int
    frame: int | None

    @property
    def stem(self) -> str:
        """The file's name without folder and extension; with the frame's number if there is one."""
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return stem if self.frame is None else f"{stem}_{self.frame:08d}"


class Writer(ABC):
    """A context manager. Files appear whole, when it is left; also on Ctrl-C, with what is done by then.

    An error before the first result, or of the writer itself, leaves the old files as they were.
    """

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        self.target = target
        self.names = names
        self._count = 0
        self._open = True

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._count:
            self.discard()
        self.close()

    def write(
        self,
        image_path: str | bytes | os.PathLike[str],
        image_size: tuple[int, int],
        detections: Sequence[Detection],
        frame: int | None = None,
    ) -> None:
        """Add the detections of one picture of `image_size` (width, height) pixels.

        ExportError if they can't be written; then the writer is closed and its files are as before.
        """
        if not self._open:
            raise ExportError(f"{self.target}: the writer is closed")
        path = os.fsdecode(image_path)
        result = Result(path, *image_size, detections, self._count + 1, frame)
        try:
            with translated(self.target):
                self._write(result)
        except BaseException as error:
            if isinstance(error, Exception):
                self.discard()
            raise
        self._count += 1

    def close(self) -> None:
        """Give the files their names. A second call does nothing."""
        if self._open:
            self._open = False
            with translated(self.target):
                self._commit()

    def discard(self) -> None:
        """Leave the old files as they were. Nothing happens after `close`."""
        if self._open:
            self._open = False
            self._abandon()

    @abstractmethod
    def _write(self, result: Result) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def _abandon(self) -> None: ...


class FileWriter(Writer):
    """One text file, UTF-8: `head`, what `_text` makes of each result with `between` them, `tail`."""

    head = between = tail = ""

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        super().__init__(target, names)
        self._separator = ""
        self._place = replacing(target)
        with translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._place.__enter__()
            self._put(self.head)

    @abstractmethod
    def _text(self, result: Result) -> str:
        """The result as text, '' for nothing."""

    def _encode(self, text: str) -> bytes:
        return text.encode("utf-8", "surrogateescape")

    def _put(self, text: str) -> None:
        self._file.write(self._encode(text))

    def _write(self, result: Result) -> None:
        if not (text := self._text(result)):
            return
        start = self._file.tell()
        try:
            self._put(self._separator + text)
        except BaseException:  # Ctrl-C in the middle of a result must not leave half of it
            self._file.seek(start)
            self._file.truncate()
            raise
        self._separator = self.between

    def _commit(self) -> None:
        try:
            self._put(self.tail)
        except BaseException:
            self._abandon()
            raise
        self._place.__exit__(None, None, None)

    def _abandon(self) -> None:
        error = _AbandonedError()
        try:
            self._place.__exit__(_AbandonedError, error, None)
        except OSError:  # the disk is full and can't take what was buffered; it need not
            return


class _AbandonedError(Exception):
    """Makes `replacing` remove the file."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """OSError becomes ExportError with the path."""
    try:
        yield
    except OSError as error:
        raise ExportError(f"{path}: can't be written: {error.strerror or error}") from error


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is absent; ExportError if nothing can be written there."""
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ExportError(f"{folder}: can't be written: Permission denied")


def clip(box: Box, width: int, height: int) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) inside the picture; None if a number of the box is not one."""
    if any(math.isnan(value) for value in (*box, box.left, box.top)):
        return None
    left, right = (min(max(x, 0.0), float(width)) for x in (box.left, box.right))
    top, bottom = (min(max(y, 0.0), float(height)) for y in (box.top, box.bottom))
    return left, top, right, bottom
