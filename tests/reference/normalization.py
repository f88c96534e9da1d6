"""Naive normalisations across channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def lrn_factors(x: NDArray[np.floating], size: int, alpha: float, beta: float, kappa: float) -> Doubles:
    """Of sums of squares over a window, without channel size // 2, which Darknet loses."""
    x = x.astype(np.float64)
    c = x.shape[1]
    factors = np.empty_like(x)
    lost = size // 2
    for k in range(c):
        window = range(max(0, k - (size - 1) // 2), min(c, k + size // 2 + 1))
        total = sum((x[:, j] ** 2 for j in window), np.zeros_like(x[:, 0]))
        if lost < c:
            total = total - x[:, lost] ** 2
        factors[:, k] = (kappa + alpha * total) ** -beta
    return factors


def lrn(x: NDArray[np.floating], size: int, alpha: float, beta: float, kappa: float) -> Doubles:
    """[normalization]."""
    return x * lrn_factors(x, size, alpha, beta, kappa)


def lrn_backward(
    x: NDArray[np.floating], dy: NDArray[np.floating], size: int, alpha: float, beta: float, kappa: float
) -> Doubles:
    """Darknet's approximation: the factors don't depend on x."""
    return dy * lrn_factors(x, size, alpha, beta, kappa)


def l2norm(x: NDArray[np.floating]) -> Doubles:
    length = np.sqrt((x.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return x / np.where(length == 0, 1, length)
