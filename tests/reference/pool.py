"""Naive pooling: every window, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOWEST = np.finfo(np.float32).min


def out_side(side: int, size: int, stride: int, padding: int) -> int:
    """Darknet's size, with C's division."""
    return int((side + padding - size) / stride) + 1


def windows(x: NDArray[Any], size: int, stride: int | tuple[int, int], padding: int) -> tuple[int, int, int, int]:
    """How many windows there are down and across, and how far apart."""
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    return out_side(x.shape[2], size, down, padding), out_side(x.shape[3], size, across, padding), down, across


def maxpool(x: NDArray[Any], size: int, stride: int | tuple[int, int], padding: int) -> NDArray[Any]:
    n, c, h, w = x.shape
    offset = -(padding // 2)
    rows, columns, down, across = windows(x, size, stride, padding)
    y = np.empty((n, c, rows, columns), x.dtype)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            best = np.full((n, c), LOWEST)
            for r in range(i * down + offset, i * down + offset + size):
                for s in range(j * across + offset, j * across + offset + size):
                    if 0 <= r < h and 0 <= s < w:
                        best = np.fmax(best, x[:, :, r, s])
            y[:, :, i, j] = best
    return y


def local_avgpool(
    x: NDArray[np.floating], size: int, stride: int | tuple[int, int], padding: int
) -> NDArray[np.float64]:
    """The mean of each window's pixels inside; 0 where there are none."""
    rows, columns, down, across = windows(x, size, stride, padding)
    y = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        inside = x[:, :, covered(i, down, size, padding), covered(j, across, size, padding)]
        if inside.size:
            y[:, :, i, j] = inside.astype(np.float64).mean(axis=(2, 3))
    return y


def covered(index: int, stride: int, size: int, padding: int) -> slice:
    """The positions of a window along one axis, which the array's end cuts."""
    first = index * stride - padding // 2
    return slice(max(first, 0), max(first + size, 0))


def local_avgpool_backward(
    dy: NDArray[np.floating], x_shape: tuple[int, ...], size: int, stride: int | tuple[int, int], padding: int
) -> NDArray[np.float64]:
    """Each dy in equal parts to its window's pixels inside."""
    dx = np.zeros(x_shape)
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    for i, j in np.ndindex(dy.shape[2:]):
        inside = dx[:, :, covered(i, down, size, padding), covered(j, across, size, padding)]
        if inside.size:
            inside += dy[:, :, i : i + 1, j : j + 1] / (inside.shape[2] * inside.shape[3])
    return dx


def avgpool(x: NDArray[np.floating]) -> NDArray[np.float64]:
    return x.astype(np.float64).mean(axis=(2, 3), keepdims=True)


def maxpool_backward(
    x: NDArray[np.floating], dy: NDArray[np.floating], size: int, stride: int | tuple[int, int], padding: int
) -> NDArray[np.float64]:
    """Each dy to the first largest number of its window, row by row; nowhere if none exceeds LOWEST."""
    dx = np.zeros(x.shape)
    offset = -(padding // 2)
    _, _, down, across = windows(x, size, stride, padding)
    for n, c, i, j in np.ndindex(dy.shape):
        best, where = LOWEST, None
        for r in range(i * down + offset, i * down + offset + size):
            for s in range(j * across + offset, j * across + offset + size):
                if 0 <= r < x.shape[2] and 0 <= s < x.shape[3] and x[n, c, r, s] > best:
                    best, where = x[n, c, r, s], (n, c, r, s)
        if where:
            dx[where] += dy[n, c, i, j]
    return dx


def avgpool_backward(dy: NDArray[np.floating], h: int, w: int) -> NDArray[np.float64]:
    return np.broadcast_to(dy.astype(np.float64) / (h * w), (*dy.shape[:2], h, w))
