"""Naive [local]: one product for each output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def local(
    x: NDArray[np.floating],
    weights: NDArray[np.floating],
    biases: NDArray[np.floating],
    out: tuple[int, int],
    stride: int,
    pad: int,
) -> Doubles:
    """weights (locations, K, C, R, R), biases (K, out_h, out_w)."""
    n = x.shape[0]
    _, k, _, kernel, _ = weights.shape
    after = pad + kernel + stride * max(out)
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, after), (pad, after)))
    y = np.empty((n, k, *out))
    for i in range(out[0]):
        for j in range(out[1]):
            top, left = i * stride, j * stride
            patch = padded[:, :, top : top + kernel, left : left + kernel]
            filters = weights[i * out[1] + j].astype(np.float64)
            y[:, :, i, j] = np.einsum("ncrs,kcrs->nk", patch, filters) + biases[:, i, j]
    return y


def backward(
    x: NDArray[np.floating], weights: NDArray[np.floating], dy: NDArray[np.floating], stride: int, pad: int
) -> tuple[Doubles, Doubles, Doubles]:
    """dx, dweights, dbiases."""
    _, _, h, w = x.shape
    kernel, out = weights.shape[3], dy.shape[2:]
    after = pad + kernel + stride * max(out)
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, after), (pad, after)))
    dx, dweights = np.zeros_like(padded), np.empty(weights.shape)
    for i in range(out[0]):
        for j in range(out[1]):
            place = np.s_[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            location, gradient = i * out[1] + j, dy[:, :, i, j].astype(np.float64)
            dweights[location] = np.einsum("ncrs,nk->kcrs", padded[place], gradient)
            dx[place] += np.einsum("kcrs,nk->ncrs", weights[location].astype(np.float64), gradient)
    return dx[:, :, pad : pad + h, pad : pad + w], dweights, dy.astype(np.float64).sum(axis=0)
