"""Naive pooling: every window, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST = np.finfo(np.float32).min


def out_side(side: int, size: int, stride: int, padding: int) -> int:
    """Darknet's size, with C's division."""
    return int((side + padding - size) / stride) + 1


def maxpool(x: NDArray[np.float32], size: int, stride: int, padding: int) -> NDArray[np.float32]:
    n, c, h, w = x.shape
    offset = -padding // 2 if padding % 2 == 0 else -((padding - 1) // 2)  # towards zero
    y = np.empty((n, c, out_side(h, size, stride, padding), out_side(w, size, stride, padding)), np.float32)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            best = np.full((n, c), LOWEST)
            for r in range(i * stride + offset, i * stride + offset + size):
                for s in range(j * stride + offset, j * stride + offset + size):
                    if 0 <= r < h and 0 <= s < w:
                        best = np.fmax(best, x[:, :, r, s])
            y[:, :, i, j] = best
    return y


def avgpool(x: NDArray[np.floating]) -> NDArray[np.float64]:
    return x.astype(np.float64).mean(axis=(2, 3), keepdims=True)
