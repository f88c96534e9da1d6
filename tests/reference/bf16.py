"""BF16: the upper half of a float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Halves = npt.NDArray[np.uint16]


def rounded(values: npt.NDArray[Any]) -> Halves:
    """The nearest BF16, ties to even; NaN stays NaN."""
    floats = np.ascontiguousarray(values, dtype=np.float32)
    bits = floats.view(np.uint32).astype(np.uint64)
    near = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(floats), (bits >> 16) | 0x40, near).astype(np.uint16)


def widened(halves: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The same numbers in float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)
