"""Naive shares: AlexeyAB's activations across channels and the weights of his [shortcut]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

EPSILON = 1e-4


def shares(x: NDArray[np.floating], axis: int, kind: str) -> Doubles:
    """What each number is of the sum of all along an axis."""
    values: Doubles = x.astype(np.float64)
    if kind == "none":
        return values
    if kind == "softmax_top":
        values = values - values.max(axis=axis, keepdims=True)
    parts = np.maximum(values, 0) if kind == "relu" else np.exp(values)
    result: Doubles = parts / (EPSILON + parts.sum(axis=axis, keepdims=True))
    return result


def backward(y: NDArray[np.floating], dy: NDArray[np.floating], kind: str) -> Doubles:
    """Darknet's: no gradient, but its formula."""
    out, d = y.astype(np.float64), dy.astype(np.float64)
    scaled: Doubles = d * (out * d).sum(axis=1, keepdims=True)
    return np.where(out > 0, scaled, d) if kind == "relu" else scaled
