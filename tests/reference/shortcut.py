"""Naive [shortcut], with Darknet's sampling where sizes differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def shortcut(x: NDArray[np.floating], add: NDArray[np.floating], alpha: float, beta: float) -> NDArray[np.float64]:
    y = x.astype(np.float64)
    _, c, h, w = x.shape
    _, add_c, add_h, add_w = add.shape
    stride, sample = max(add_w // w, 1), max(w // add_w, 1)
    for k in range(min(c, add_c)):
        for i in range(min(h, add_h)):
            for j in range(min(w, add_w)):
                other = add[:, k, i * stride, j * stride].astype(np.float64)
                y[:, k, i * sample, j * sample] = alpha * y[:, k, i * sample, j * sample] + beta * other
    return y


def backward(
    dy: NDArray[np.floating], add_shape: tuple[int, ...], alpha: float, beta: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """dx and dadd. Darknet's dx has alpha everywhere, though the forward step leaves x without a partner alone."""
    _, c, h, w = dy.shape
    _, add_c, add_h, add_w = add_shape
    stride, sample = max(add_w // w, 1), max(w // add_w, 1)
    dadd = np.zeros(add_shape)
    for k, i, j in np.ndindex(min(c, add_c), min(h, add_h), min(w, add_w)):
        dadd[:, k, i * stride, j * stride] = beta * dy[:, k, i * sample, j * sample].astype(np.float64)
    return alpha * dy.astype(np.float64), dadd
