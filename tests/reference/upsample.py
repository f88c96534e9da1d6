"""Naive [upsample]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def upsample(x: NDArray[np.floating], stride: int, scale: float) -> NDArray[np.float64]:
    """stride > 0 repeats pixels, stride < 0 sums tiles."""
    n, c, h, w = x.shape
    if stride > 0:
        return scale * x.astype(np.float64).repeat(stride, axis=2).repeat(stride, axis=3)
    tiles = x.astype(np.float64).reshape(n, c, h // -stride, -stride, w // -stride, -stride)
    return scale * tiles.sum(axis=(3, 5))


def upsample_backward(dy: NDArray[np.floating], stride: int, scale: float) -> NDArray[np.float64]:
    """The transposed map, pixel by pixel."""
    n, c, h, w = dy.shape
    if stride > 0:
        dx = np.zeros((n, c, h // stride, w // stride))
        for i, j in np.ndindex(h, w):
            dx[:, :, i // stride, j // stride] += scale * dy[:, :, i, j]
        return dx
    step = -stride
    dx = np.zeros((n, c, h * step, w * step))
    for i, j in np.ndindex(h * step, w * step):
        dx[:, :, i, j] = scale * dy[:, :, i // step, j // step].astype(np.float64)
    return dx
