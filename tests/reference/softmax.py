"""Naive softmax, flat, grouped, spatial and along trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def softmax(x: NDArray[np.floating], axis: int, temperature: float = 1.0) -> Doubles:
    e = np.exp((x.astype(np.float64) - x.max(axis=axis, keepdims=True)) / temperature)
    return e / e.sum(axis=axis, keepdims=True)


def grouped(x: NDArray[np.floating], groups: int, temperature: float, spatial: bool) -> Doubles:
    n, c, h, w = x.shape
    if spatial:
        return softmax(x.reshape(n, groups, c // groups, h, w), 2, temperature).reshape(x.shape)
    return softmax(x.reshape(n, groups, -1), 2, temperature).reshape(x.shape)


def tree(x: NDArray[np.floating], sizes: Sequence[int], temperature: float = 1.0) -> Doubles:
    """x (N, C, ...): one softmax for each run of sizes[i] channels."""
    parts = np.split(x, np.cumsum(sizes)[:-1], axis=1)
    return np.concatenate([softmax(part, 1, temperature) for part in parts], axis=1)
