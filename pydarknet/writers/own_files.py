"""Which label files in a folder are ours: only those may be replaced, since others may be the truth."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from ..formats.atomic import replacing

RECORD = ".pydarknet-labels.json"


class OwnFiles:
    """The files that were written below a folder by pydarknet, with their contents' checksums, kept in `RECORD`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums = _read(folder / RECORD)
        self._changed = False

    def __contains__(self, path: Path) -> bool:
        """Whether the file is ours and nobody changed it since."""
        known = self._sums.get(self._key(path))
        if known is None or path.is_symlink() or not path.is_file():
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == known

    def write(self, path: Path, content: bytes) -> None:
        """Write a file that is ours from now on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
        self._sums[self._key(path)] = hashlib.sha256(content).hexdigest()
        self._changed = True

    def save(self) -> None:
        """Write the record, if there is anything new in it."""
        if self._changed:
            with replacing(self._folder / RECORD) as file:
                file.write(json.dumps(self._sums, indent=0).encode())
            self._changed = False

    def _key(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._folder)).as_posix()


def _read(path: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            return {str(name): str(value) for name, value in record.items()}
    return {}
