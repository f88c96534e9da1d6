"""Naive gradients of a convolution in float64: the definition, tap by tap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def conv_backward(
    x: NDArray[np.floating],
    weights: NDArray[np.floating],
    dy: NDArray[np.floating],
    stride: tuple[int, int] = (1, 1),
    pad: tuple[int, int] = (0, 0),
    groups: int = 1,
    dilation: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x (N, C, H, W), weights (K, C / groups, R, S), dy (N, K, out_h, out_w) -> gradients to x and weights."""
    h, w = x.shape[2:]
    k, group_c, kernel_h, kernel_w = weights.shape
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    dpadded, dweights = np.zeros_like(padded), np.zeros(weights.shape)
    dy = dy.astype(np.float64)
    group_k = k // groups
    for g in range(groups):
        channels, filters = slice(g * group_c, (g + 1) * group_c), slice(g * group_k, (g + 1) * group_k)
        for i in range(kernel_h):
            for j in range(kernel_w):
                rows = slice(i * dilation, i * dilation + stride[0] * (dy.shape[2] - 1) + 1, stride[0])
                columns = slice(j * dilation, j * dilation + stride[1] * (dy.shape[3] - 1) + 1, stride[1])
                tap = weights[filters, :, i, j].astype(np.float64)
                dpadded[:, channels, rows, columns] += np.einsum("nkhw,kc->nchw", dy[:, filters], tap)
                dweights[filters, :, i, j] = np.einsum(
                    "nkhw,nchw->kc", dy[:, filters], padded[:, channels, rows, columns]
                )
    return dpadded[:, :, pad[0] : pad[0] + h, pad[1] : pad[1] + w], dweights
