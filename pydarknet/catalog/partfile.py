"""`NAME.part`: a file on its way, which survives an interruption and becomes `NAME` only when it is right."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import DownloadError
from ..formats.atomic import open_regular, replacing
from .checksum import CHUNK, Digests, Expected

MAX_NOTE = 1 << 16  # bytes of what a source said
_FULL = (errno.ENOSPC, errno.EDQUOT)


class PartFile:
    """The part of `target` that has arrived, as a context manager; one process at a time.

    `size` bytes are there; `note` is what the last source said about the whole (kept in `NAME.part.json`, so
    that the next run can resume). An interruption keeps both. DownloadError if the folder can't be written,
    the disk is full, or another process is at it.
    """

    def __init__(self, target: Path, expected: Expected) -> None:
        self.target = target
        self.expected = expected
        self.path = target.with_name(target.name + ".part")
        self.size = 0
        self.inherited = 0  # bytes that an earlier run or another source brought
        self.note: dict[str, Any] = {}
        self._note_path = target.with_name(target.name + ".part.json")
        self._digests = Digests()

    def __enter__(self) -> PartFile:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            self._file = open(descriptor, "a+b", buffering=0)
        except OSError as error:
            raise DownloadError(f"{self.path}: can't be written: {error.strerror}") from error
        try:
            self._lock()
            self._read_back()
            self.inherited, self.note = self.size, self._read_note()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self.size:
            self._unlink()

    def write(self, data: bytes) -> None:
        """Append; a full disk removes the part, so that the disk has its room back."""
        view = memoryview(data)
        try:
            while view:
                written = self._append(view)
                self._digests.update(bytes(view[:written]))
                self.size += written
                view = view[written:]
        except OSError as error:
            if error.errno in _FULL:
                needed = max(self.expected.sizes, default=0)
                self.discard()
                raise self._no_room(needed) from error
            raise DownloadError(f"{self.path}: can't be written: {error.strerror}") from error

    def truncate(self, size: int = 0) -> None:
        """Keep the first `size` bytes."""
        self._file.truncate(size)
        self.inherited, self.note = min(self.inherited, size), {}
        self._read_back()

    def remember(self, note: dict[str, Any]) -> None:
        """Keep what the source said about the whole file, for the next run."""
        self.note = note
        with suppress(OSError), replacing(self._note_path, follow=False) as file:
            file.write(json.dumps(note).encode())  # without the note the next run starts again, no harm

    def check_room(self, whole: int) -> None:
        """DownloadError if the rest of a file of `whole` bytes doesn't fit; nothing has been written yet."""
        if whole - self.size > shutil.disk_usage(self.target.parent).free:
            raise self._no_room(whole)

    def complaint(self) -> str:
        """What is wrong with the part as a whole file, or ''."""
        return self.expected.complaint(self.size, self._digests.hex())

    def commit(self) -> None:
        """Give the file its name."""
        try:
            os.fsync(self._file.fileno())
            os.replace(self.path, self.target)
        except OSError as error:
            raise DownloadError(f"{self.target}: can't be written: {error.strerror}") from error
        with suppress(OSError):
            self._note_path.unlink()

    def discard(self) -> None:
        """Forget everything that has arrived; leaving the context removes the empty file."""
        self.truncate()

    def _append(self, view: memoryview) -> int:
        return self._file.write(view) or 0

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"{self.path}: another process is fetching this file") from error
        except OSError:  # some network file systems have no locks
            return

    def _read_back(self) -> None:
        self.size, self._digests = 0, Digests()
        self._file.seek(0)
        while data := self._file.read(CHUNK):
            self._digests.update(data)
            self.size += len(data)

    def _read_note(self) -> dict[str, Any]:
        with suppress(OSError, ValueError, RecursionError):
            with open(open_regular(self._note_path, os.O_RDONLY), "rb") as file:
                note = json.loads(file.read(MAX_NOTE))
            return note if self.size and isinstance(note, dict) else {}
        return {}

    def _unlink(self) -> None:
        for path in (self.path, self._note_path):
            with suppress(OSError):
                path.unlink()

    def _no_room(self, needed: int) -> DownloadError:
        free = shutil.disk_usage(self.target.parent).free
        wants = f"the file needs {needed} bytes, " if needed else ""
        return DownloadError(
            f"{self.target.parent}: no room for {self.target.name}: {wants}{free} bytes are free; "
            "free some room or choose another folder, then run the command again"
        )
