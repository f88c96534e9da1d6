"""Arrays of BF16 for op tests: blocks of 32 channels, guards around them, 0 in lanes of inputs past the channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..reference.bf16 import Halves
from .bytes_arrays import ByteArrays

LANES = 32


class HalfArrays(ByteArrays):
    """Arrays that begin on a cache line."""

    def empty_halves(self, n: int, c: int, h: int, w: int) -> Halves:
        shape = n, -(-c // LANES), h, w, LANES
        return self.memory(2 * math.prod(shape)).view(np.uint16).reshape(shape)

    def halves(self, x: npt.NDArray[Any]) -> Halves:
        """x (N, C, H, W) of uint16 in blocks."""
        y = self.empty_halves(*x.shape)
        y[...] = 0
        for c in range(x.shape[1]):
            y[:, c // LANES, :, :, c % LANES] = x[:, c]
        return y

    def of_halves(self, y: Halves, c: int) -> Halves:
        """The first c channels of a blocked array as (N, C, H, W); its other lanes must be 0."""
        n, blocks, h, w, lanes = y.shape
        found = y.transpose(0, 1, 4, 2, 3).reshape(n, blocks * lanes, h, w)
        assert not found[:, c:].any(), "spare lanes must be 0"
        return found[:, :c]
