"""Naive [reorg]: the two views of one memory, index by index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def large_index(k: int, j: int, i: int, c: int, h: int, w: int, stride: int) -> int:
    """Where value (k, j, i) of the (c, h, w) image lies in (c / stride^2, h * stride, w * stride)."""
    depth = c // stride**2
    channel, corner = k % depth, k // depth
    row, column = j * stride + corner // stride, i * stride + corner % stride
    return column + w * stride * (row + h * stride * channel)


def reorg(x: Floats, stride: int, reverse: bool = False) -> Floats:
    """Flat (N, C * H * W) in Darknet's order."""
    n, c, h, w = x.shape
    flat = x.reshape(n, -1)
    y = np.empty_like(flat)
    for small, (k, j, i) in enumerate(np.ndindex(c, h, w)):
        large = large_index(k, j, i, c, h, w, stride)
        if reverse:
            y[:, large] = flat[:, small]
        else:
            y[:, small] = flat[:, large]
    return y


def forward(x: Floats, stride: int) -> Floats:
    """[reorg] stride=s: (N, C s^2, H / s, W / s)."""
    n, c, h, w = x.shape
    return reorg(x, stride).reshape(n, c * stride**2, h // stride, w // stride)


def flatten(x: Floats, reverse: bool) -> Floats:
    """Flat (N, C * H * W): pixels of channels become channels of pixels, or back."""
    n, c, h, w = x.shape
    axes = x.reshape(n, h * w, c) if reverse else x.reshape(n, c, h * w)
    return axes.transpose(0, 2, 1).reshape(n, -1)


def backward(dy: Floats, stride: int) -> Floats:
    """The gradient of forward: every value back to where it was."""
    n, c, h, w = dy.shape
    shape = (n, c // stride**2, h * stride, w * stride)
    where = forward(np.arange(np.prod(shape[1:])).reshape(1, *shape[1:]), stride).ravel()
    dx = np.empty((n, where.size), dy.dtype)
    dx[:, where] = dy.reshape(n, -1)
    return dx.reshape(shape)
