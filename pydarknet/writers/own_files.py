"""Which label files in a folder are ours: only those may be replaced, since others may be the truth."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..formats.atomic import open_regular, replacing

RECORD = ".pydarknet-labels.json"
JOURNAL = ".pydarknet-labels.log"  # what is not in the record yet; a run that was killed leaves it


class OwnFiles:
    """The files that were written below a folder by pydarknet, with their contents' checksums, kept in `RECORD`
    (and in `JOURNAL`, until they are there)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums = _read(folder / RECORD)
        written = {
            name: total for name, total in _read_journal(folder / JOURNAL) if _checksum(folder / name) == total
        }
        self._sums.update(written)
        self._changed = bool(written)
        self._noted = os.path.lexists(folder / JOURNAL)

    def __contains__(self, path: Path) -> bool:
        """Whether the file is ours and unchanged since."""
        known = self._sums.get(self._key(path))
        return known is not None and not path.is_symlink() and _checksum(path) == known

    def write(self, path: Path, content: bytes) -> None:
        """Write a file that is ours from now on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        total = hashlib.sha256(content).hexdigest()
        self._noted = True
        self._note(self._key(path), total)
        with replacing(path) as file:
            file.write(content)
        self._sums[self._key(path)] = total
        self._changed = True

    def save(self) -> None:
        """Write the record, if there is anything new in it."""
        if self._changed:
            with replacing(self._folder / RECORD) as file:
                file.write(json.dumps(self._sums, indent=0).encode())
            self._changed = False
        if self._noted:
            (self._folder / JOURNAL).unlink(missing_ok=True)
            self._noted = False

    def _note(self, name: str, total: str) -> None:
        """Say what is about to be written, so that it is known as ours whenever the process ends."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with open(open_regular(self._folder / JOURNAL, flags), "ab") as journal:
            journal.write(json.dumps([name, total]).encode() + b"\n")

    def _key(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._folder)).as_posix()


def _read(path: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            return {str(name): str(value) for name, value in record.items()}
    return {}


def _read_journal(path: Path) -> Iterator[tuple[str, str]]:
    """Names and checksums, line by line; of a line that was cut off nothing."""
    with suppress(OSError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError):
                match json.loads(line):
                    case [str(name), str(total)]:
                        yield name, total


def _checksum(path: Path) -> str | None:
    """Of a regular file; None of anything else."""
    with suppress(OSError, ValueError):
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return None
