"""What a file is expected to be, and what it is: size and checksums, computed while the bytes go by."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath

ALGORITHMS = ("sha256", "sha1", "md5")  # strongest first: the first one known is the one to check
CHUNK = 1 << 20


@dataclass(frozen=True)
class Expected:
    """`sizes`: the lengths in bytes that are right (none: not known). `digests`: algorithm -> hex digits."""

    sizes: tuple[int, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    def complaint(self, size: int, digests: Mapping[str, str]) -> str:
        """How a file of this size and these checksums differs: 'expected ..., found ...', or ''."""
        if self.sizes and size not in self.sizes:
            return f"expected {' or '.join(map(str, self.sizes))} bytes, found {size}"
        for algorithm in ALGORITHMS:
            if algorithm in self.digests and digests[algorithm] != self.digests[algorithm]:
                return f"expected {algorithm} {self.digests[algorithm]}, found {digests[algorithm]}"
        return ""


class Digests:
    """All checksums of the bytes given so far."""

    def __init__(self) -> None:
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS}

    def update(self, data: bytes) -> None:
        for each in self._hashes.values():
            each.update(data)

    def hex(self) -> dict[str, str]:
        """Algorithm -> hex digits."""
        return {name: each.hexdigest() for name, each in self._hashes.items()}


def measure(path: str | PathLike[str]) -> tuple[int, dict[str, str]]:
    """Size in bytes and checksums of a file. OSError as from `open` and `read`, and for a device: it has no end."""
    digests, size = Digests(), 0
    with open(fspath(path), "rb") as file:
        if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is a device, not a file", fspath(path))
        while data := file.read(CHUNK):
            digests.update(data)
            size += len(data)
    return size, digests.hex()
