"""A file that grows by whole records while a training runs, whatever the disk does."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from os import PathLike, fspath

Warn = Callable[[str], None]


class Appender:
    """Appends records to a file. One that can't be written is lost, never half written, and training goes on: `warn`
    is told of the first, and on closing how many there were. OSError if the file can't be opened."""

    def __init__(self, path: str | PathLike[str], warn: Warn) -> None:
        self.path, self._warn = fspath(path), warn
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115
        self._lost = 0

    def add(self, record: bytes) -> None:
        """Write a record to its end, or take back what was written of it."""
        before = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(record) or 0
            if written < len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(before)
            if not self._lost:
                self._warn(f"{self.path}: a row is lost, it can't be written: {error.strerror}; training goes on")
            self._lost += 1

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._file.close()
        if self._lost > 1:
            self._warn(f"{self.path}: {self._lost} rows in all could not be written")
        self._lost = 0
