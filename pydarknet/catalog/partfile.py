"""`NAME.part`: a file on its way, which survives an interruption and becomes `NAME` only when it is right."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import zlib
from contextlib import suppress
from pathlib import Path

from ..errors import DownloadError
from ..formats.atomic import open_regular
from .checksum import Expected, measure

_FULL = (errno.ENOSPC, errno.EDQUOT)


class PartFile:
    """The part of `target` that has arrived, as a context manager; one process at a time.

    `size` bytes are there, `inherited` of them from an earlier run or another source, whose mistake shows in the
    checksum. Without a checksum each source has a part of its own, and without a known size it starts anew.
    DownloadError if the folder can't be written, the disk is full, or another process is at it.
    """

    def __init__(self, target: Path, expected: Expected, source: str = "") -> None:
        self.target, self.expected = target, expected
        tag = "" if expected.digests else f".{zlib.crc32(source.encode()):08x}"
        self.path = target.with_name(f"{target.name}{tag}.part")
        self.size = self.inherited = 0
        self.total: int | None = None  # bytes of the whole, as the source said

    def __enter__(self) -> PartFile:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise DownloadError(f"{self.path}: can't be written: {error.strerror}") from error
        self._file = open(descriptor, "ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise DownloadError(f"{self.path}: another process is fetching this file") from error
        except OSError:  # some network file systems have no locks
            pass
        if not (self.expected.sizes or self.expected.digests):
            self.truncate()
        self.size = self.inherited = os.fstat(self._file.fileno()).st_size
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self.size:
            with suppress(OSError):
                self.path.unlink()

    def write(self, data: bytes) -> None:
        """Append; a full disk removes the part, so that the disk has its room back."""
        view = memoryview(data)
        try:
            while view:
                written = self._append(view)
                self.size += written
                view = view[written:]
        except OSError as error:
            if error.errno in _FULL:
                self.truncate()
                raise self._no_room(max(self.expected.sizes, default=0)) from error
            raise DownloadError(f"{self.path}: can't be written: {error.strerror}") from error

    def truncate(self) -> None:
        """Forget everything that has arrived; leaving the context removes the empty file."""
        self._file.truncate(0)
        self.size = self.inherited = 0
        self.total = None

    def check_room(self, whole: int) -> None:
        """DownloadError if the rest of a file of `whole` bytes doesn't fit; nothing has been written yet."""
        if whole - self.size > shutil.disk_usage(self.target.parent).free:
            raise self._no_room(whole)

    def complaint(self) -> str:
        """What is wrong with the part as a whole file, or ''."""
        return self.expected.complaint(*measure(self.path))

    def commit(self) -> None:
        """Give the file its name."""
        try:
            os.fsync(self._file.fileno())
            os.replace(self.path, self.target)
        except OSError as error:
            raise DownloadError(f"{self.target}: can't be written: {error.strerror}") from error

    def _append(self, view: memoryview) -> int:
        return self._file.write(view) or 0

    def _no_room(self, needed: int) -> DownloadError:
        free = shutil.disk_usage(self.target.parent).free
        wants = f"the file needs {needed} bytes, " if needed else ""
        return DownloadError(
            f"{self.target.parent}: no room for {self.target.name}: {wants}{free} bytes are free; "
            "free some room or choose another folder, then run the command again"
        )
