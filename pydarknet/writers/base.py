"""What all writers of detections share: the life of the files, and errors with the path in them."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..detection.results import Box, Detection
from ..errors import ExportError
from ..formats.atomic import is_same, is_stream, replacing
from ..system.signals import held


@dataclass(frozen=True)
class Result:
    """The detections of one image. `index` counts from 1; `frame` is its number in a video, else None."""

    path: str
    width: int
    height: int
    detections: Sequence[Detection]
    index: int
    frame: int | None

    @property
    def stem(self) -> str:
        """As of `stem_of`."""
        return stem_of(self.path, self.frame)


class Writer(ABC):
    """A context manager. Files appear whole, when it is left; also on Ctrl-C, with what is done by then.

    An error before the first result, or of the writer itself, leaves the old files as they were. `count` results
    have been written, and they are `saved` when the files have their names.
    """

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        self.target = target
        self.names = names
        self.count = 0
        self.saved = False
        self._open = True
        self._is_stream = is_stream(target)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self.count:
            self.discard()
        self.close()

    def write(
        self,
        image_path: str | bytes | os.PathLike[str],
        image_size: tuple[int, int],
        detections: Sequence[Detection],
        frame: int | None = None,
    ) -> None:
        """Add the detections of one image of `image_size` (width, height) pixels.

        ExportError if they can't be written; then the writer is closed and its files are as before. After what
        `check` refuses of many files, it goes on.
        """
        if not self._open:
            raise ExportError(f"{self.target}: the writer is closed")
        path = os.fsdecode(image_path)
        self.check(path, frame)
        result = Result(path, *image_size, detections, self.count + 1, frame)
        with self._whole():
            try:
                with translated(self.target):
                    self._write(result)
            except Exception:
                self.discard()
                raise
            self.count += 1

    def check(self, image_path: str, frame: int | None = None) -> None:  # noqa: B027
        """ExportError, or DataError, if this image's results have no place here; known before it is computed."""

    def close(self) -> None:
        """Give the files their names. A second call does nothing."""
        if self._open:
            with self._whole(), translated(self.target):
                self._open = False
                self._commit()
                self.saved = True

    def discard(self) -> None:
        """Leave the old files as they were. Nothing happens after `close`."""
        if self._open:
            with self._whole():
                self._open = False
                self._abandon()

    def _whole(self) -> AbstractContextManager[None]:
        """Signals wait in it. Not where something else has to read what is written, and may never."""
        return nullcontext() if self._is_stream else held()

    @abstractmethod
    def _write(self, result: Result) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def _abandon(self) -> None: ...


class FileWriter(Writer):
    """One text file, UTF-8: `head`, what `_text` makes of each result with `between` them, `tail`.

    A stream gets each result at once, whole.
    """

    head = between = tail = ""

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        super().__init__(target, names)
        self._begun = False
        self._place = replacing(target)
        with translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._place.__enter__()

    def check(self, image_path: str, frame: int | None = None) -> None:
        """ExportError, and nothing is written, for the image whose place the file would take."""
        if not self._is_stream and is_same(image_path, self.target):
            self.discard()
            raise ExportError(f"{self.target}: is an image that is being read; choose another name to save to")

    @abstractmethod
    def _text(self, result: Result) -> str:
        """The result as text, '' for nothing."""

    def _encode(self, text: str) -> bytes:
        return text.encode("utf-8", "surrogateescape")

    def _put(self, text: str) -> None:
        self._file.write(self._encode(text))
        if self._is_stream:
            self._file.flush()

    def _write(self, result: Result) -> None:
        if not (text := self._text(result)):
            return
        start = 0 if self._is_stream else self._file.tell()
        try:
            self._put((self.between if self._begun else self.head) + text)
        except BaseException:  # whatever broke it off: half of a result must not stay
            if not self._is_stream:
                self._file.seek(start)
                self._file.truncate()
            raise
        self._begun = True

    def _commit(self) -> None:
        try:
            self._put(self.tail if self._begun else self.head + self.tail)
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
    """OSError becomes ExportError with the path, but for a stream whose reader is gone."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{path}: can't be written: {error.strerror or error}") from error


def stem_of(path: str, frame: int | None = None) -> str:
    """A file's name without folder and extension; with the frame's number if there is one."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return stem if frame is None else f"{stem}_{frame:08d}"


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is absent; ExportError if nothing can be written there."""
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ExportError(f"{folder}: can't be written: Permission denied")


def clip(box: Box, width: int, height: int) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) inside the image; None if a number of the box is not one."""
    if any(math.isnan(value) for value in (*box, box.left, box.top)):
        return None
    left, right = (min(max(x, 0.0), float(width)) for x in (box.left, box.right))
    top, bottom = (min(max(y, 0.0), float(height)) for y in (box.top, box.bottom))
    return left, top, right, bottom
