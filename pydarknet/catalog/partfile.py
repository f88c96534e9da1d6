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
    """The `size` bytes of `target` that have arrived, as a context manager; one process at a time.

    Those of an earlier run or another source may be wrong, which shows in the checksum. Without a checksum each
    source has a part of its own, and without a known size it starts anew. `total`: bytes of the whole, as the source
    said. DownloadError if the folder can't be written, the disk is full, or another process is at it.
    """

    def __init__(self, target: Path, expected: Expected, source: str = "") -> None:
        self.target, self.expected = target, expected
        tag = "" if expected.digests else f".{zlib.crc32(source.encode()):08x}"
        self.path = target.with_name(f"{target.name}{tag}.part")
        self.size = 0
        self.total: int | None = None

    def __enter__(self) -> PartFile:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._file = open_regular(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise DownloadError(f"{self.path}: another process is fetching this file") from error
        except OSError:  # some network file systems have no locks
            pass
        if not (self.expected.sizes or self.expected.digests):
            self.truncate()
        self.size = os.fstat(self._file).st_size
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
        if not self.size:
            with suppress(OSError):
                self.path.unlink()

    def write(self, data: bytes) -> None:
        """Append; a full disk removes the part, so that the disk has its room back."""
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]
        except OSError as error:
            if error.errno in _FULL:
                self.truncate()
                raise self._no_room(max(self.expected.sizes, default=0)) from error
            raise self._unwritable(error) from error

    def truncate(self, size: int = 0) -> None:
        """Forget what has arrived, but for the first bytes; leaving the context removes an empty file."""
        os.ftruncate(self._file, size)
        self.size, self.total = size, None

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
            os.fsync(self._file)
            os.replace(self.path, self.target)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> DownloadError:
        return DownloadError(
            f"{self.path}: can't be written: {error.strerror}; another folder is taken by `weights get --folder`, "
            "or by the environment variable XDG_CACHE_HOME"
        )

    def _no_room(self, needed: int) -> DownloadError:
        free = shutil.disk_usage(self.target.parent).free
        wants = f"the file needs {needed} bytes, " if needed else ""
        return DownloadError(
            f"{self.target.parent}: no room for {self.target.name}: {wants}{free} bytes are free; "
            "free some room or choose another folder, then run the command again"
        )
