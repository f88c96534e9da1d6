"""The C library's rand() in the place of a NumPy generator, so that ours draws the numbers that Darknet draws."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

RAND_MAX = 2**31 - 1  # glibc
F = np.float32

_libc = ctypes.CDLL("libc.so.6")


def seed(value: int) -> None:
    """Begin the process's one row of numbers anew."""
    _libc.srand(value)


class CRand:
    """What the augmentation asks of a generator, in Darknet's words: `rand()/RAND_MAX`, `rand() % n`."""

    def random(self, dtype: Any = None) -> np.float32:
        return F(F(_libc.rand()) / F(RAND_MAX))

    def integers(self, low: int, high: int | None = None, size: int | None = None, endpoint: bool = False) -> Any:
        if size is not None:
            return [self.integers(low) for _ in range(size)]
        if high is None:
            return int(_libc.rand() % low)
        return int(_libc.rand() % (high - low + endpoint) + low)
