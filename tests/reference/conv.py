"""Naive convolution in float64: the definition, tap by tap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def conv(
    x: NDArray[np.floating],
    weights: NDArray[np.floating],
    bias: NDArray[np.floating] | None = None,
    stride: tuple[int, int] = (1, 1),
    pad: tuple[int, int] = (0, 0),
    groups: int = 1,
    dilation: int = 1,
) -> NDArray[np.float64]:
    """x (N, C, H, W), weights (K, C / groups, R, S), bias (K,) -> (N, K, out_h, out_w)."""
    n, _, h, w = x.shape
    k, group_c, kernel_h, kernel_w = weights.shape
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    out_h = (h + 2 * pad[0] - dilation * (kernel_h - 1) - 1) // stride[0] + 1
    out_w = (w + 2 * pad[1] - dilation * (kernel_w - 1) - 1) // stride[1] + 1
    y = np.zeros((n, k, out_h, out_w))
    group_k = k // groups
    for g in range(groups):
        channels = padded[:, g * group_c : (g + 1) * group_c]
        filters = weights[g * group_k : (g + 1) * group_k].astype(np.float64)
        for i in range(kernel_h):
            for j in range(kernel_w):
                rows = slice(i * dilation, i * dilation + stride[0] * (out_h - 1) + 1, stride[0])
                columns = slice(j * dilation, j * dilation + stride[1] * (out_w - 1) + 1, stride[1])
                y[:, g * group_k : (g + 1) * group_k] += np.einsum(
                    "nchw,kc->nkhw", channels[:, :, rows, columns], filters[:, :, i, j]
                )
    return y if bias is None else y + bias.astype(np.float64)[:, None, None]
