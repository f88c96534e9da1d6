"""What a file is expected to be, and what it is: size and checksums."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath

from ..errors import DataError

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
            return f"expected {in_words(self.sizes)} bytes, found {size}"
        for algorithm in ALGORITHMS:
            if algorithm in self.digests and digests[algorithm] != self.digests[algorithm]:
                return f"expected {algorithm} {self.digests[algorithm]}, found {digests[algorithm]}"
        return ""


def in_words(sizes: Iterable[int]) -> str:
    """The sizes that are right."""
    return " or ".join(map(str, sizes))


def measure(path: str | PathLike[str]) -> tuple[int, dict[str, str]]:
    """Size in bytes and checksums of a file. DataError if it can't be read, as a device, which has no end."""
    import hashlib

    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS}
    size = 0
    try:
        with open(fspath(path), "rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
                raise ValueError("is a device, not a file")
            while data := file.read(CHUNK):
                size += len(data)
                for each in hashes.values():
                    each.update(data)
    except (OSError, ValueError) as error:
        raise DataError(f"{fspath(path)}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    return size, {name: each.hexdigest() for name, each in hashes.items()}
