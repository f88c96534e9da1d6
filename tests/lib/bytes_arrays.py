"""Arrays of bytes for op tests: blocks of 16 channels, or an image's 4, guards around them, noise in spare lanes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

GUARD = 64  # bytes before and after each array, a cache line
MARK = 0xA5

Bytes = npt.NDArray[np.uint8]


class ByteArrays:
    """Arrays that begin on a cache line."""

    def __init__(self) -> None:
        self._made: list[tuple[Bytes, int, int]] = []
        self._noise = np.random.default_rng(7)

    def memory(self, size: int) -> Bytes:
        """So many bytes, of noise."""
        buffer = np.full(size + 3 * GUARD, MARK, np.uint8)
        start = GUARD + -buffer.ctypes.data % GUARD
        buffer[start : start + size] = self._noise.integers(0, 256, size)
        self._made.append((buffer, start, size))
        return buffer[start : start + size]

    def empty(self, n: int, c: int, h: int, w: int, lanes: int = 16) -> Bytes:
        shape = n, -(-c // lanes), h, w, lanes
        return self.memory(math.prod(shape)).reshape(shape)

    def blocked(self, x: npt.NDArray[Any], lanes: int = 16) -> Bytes:
        """x (N, C, H, W) in blocks."""
        y = self.empty(*x.shape, lanes)
        for c in range(x.shape[1]):
            y[:, c // lanes, :, :, c % lanes] = x[:, c]
        return y

    @staticmethod
    def channels(y: Bytes, c: int) -> Bytes:
        """The first c channels of a blocked array as (N, C, H, W)."""
        n, blocks, h, w, lanes = y.shape
        return y.transpose(0, 1, 4, 2, 3).reshape(n, blocks * lanes, h, w)[:, :c]

    def check(self) -> None:
        """Fails if a guard was overwritten."""
        for buffer, start, size in self._made:
            assert (buffer[:start] == MARK).all(), "written before the array"
            assert (buffer[start + size :] == MARK).all(), "written after the array"
