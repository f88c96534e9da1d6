"""Arrays for op tests: blocked and plain, unwritten elements NaN, guards before and after, noise in spare lanes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

GUARD = 64  # floats before and after each array
MARK = np.float32(-1.2345e30)


class Arrays:
    """Arrays with `block` lanes."""

    def __init__(self, block: int) -> None:
        self.block = block
        self._buffers: list[tuple[Floats, int]] = []
        self._noise = np.random.default_rng(99)

    def empty(self, *shape: int) -> Floats:
        """A plain array full of NaN."""
        size = math.prod(shape)
        buffer = np.full(size + 2 * GUARD, MARK, np.float32)
        buffer[GUARD : GUARD + size] = np.nan
        self._buffers.append((buffer, size))
        return buffer[GUARD : GUARD + size].reshape(shape)

    def empty_blocked(self, n: int, c: int, h: int, w: int) -> Floats:
        return self.empty(n, -(-c // self.block), h, w, self.block)

    def plain(self, x: npt.NDArray[Any]) -> Floats:
        """A copy of x."""
        y = self.empty(*x.shape)
        y[...] = x
        return y

    def blocked(self, x: npt.NDArray[Any], noise: float = 1e6) -> Floats:
        """x (N, C, H, W) in blocks; spare lanes hold numbers up to `noise` that no result may show."""
        n, c, h, w = x.shape
        y = self.empty_blocked(n, c, h, w)
        lanes = self._noise.uniform(-noise, noise, (n, y.shape[1] * self.block, h, w)).astype(np.float32)
        lanes[:, :c] = x
        y[...] = lanes.reshape(n, y.shape[1], self.block, h, w).transpose(0, 1, 3, 4, 2)
        return y

    def channels(self, y: Floats, c: int) -> Floats:
        """The first c channels of a blocked array as (N, C, H, W); spare lanes must be finite."""
        assert np.isfinite(self.lanes(y)[:, c:]).all(), "spare lanes must hold finite numbers"
        return self.lanes(y)[:, :c]

    def lanes(self, y: Floats) -> Floats:
        """All lanes of a blocked array as (N, lanes, H, W)."""
        n, blocks, h, w, block = y.shape
        return y.transpose(0, 1, 4, 2, 3).reshape(n, blocks * block, h, w)

    def check(self) -> None:
        """Fails if a guard was overwritten."""
        for buffer, size in self._buffers:
            assert (buffer[:GUARD] == MARK).all(), "written before the array"
            assert (buffer[GUARD + size :] == MARK).all(), "written after the array"


def sizes_around(block: int) -> list[int]:
    """Channel counts that matter for blocks: 1, primes, one block less and more by one, several blocks."""
    return sorted({1, 3, block - 1, block, block + 1, 2 * block + 3, 37} - {0})
