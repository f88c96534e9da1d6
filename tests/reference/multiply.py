"""Naive products with a factor for each number, channel or pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def factor_shape(shape: tuple[int, ...], of: str) -> tuple[int, ...]:
    """The shape of the factor of an x (N, C, H, W)."""
    n, c, h, w = shape
    return {"number": shape, "channel": (n, c, 1, 1), "pixel": (n, 1, h, w)}[of]


def multiply(x: NDArray[np.floating], factor: NDArray[np.floating]) -> NDArray[np.float64]:
    return x.astype(np.float64) * factor


def backward(x: NDArray[np.floating], dy: NDArray[np.floating], of: str) -> NDArray[np.float64]:
    """The gradient to the factor."""
    axes = {"number": (), "channel": (2, 3), "pixel": (1,)}[of]
    products: NDArray[np.float64] = (x.astype(np.float64) * dy).sum(axis=axes, keepdims=True)
    return products
