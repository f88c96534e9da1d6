"""Naive inference in 8 bits, as csrc/ops/cpu/int8.h defines it: exact sums, and float32 operation by operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
F = np.float32


def conv_sums(
    x: Bytes, weights: npt.NDArray[np.int8], zero: int, stride: tuple[int, int], pad: tuple[int, int]
) -> Ints:
    """Sums of weights * bytes, `zero` around the image."""
    n, c, h, w = x.shape
    k, _, rows, columns = weights.shape
    padded = np.full((n, c, h + 2 * pad[0], w + 2 * pad[1]), zero, np.int64)
    padded[:, :, pad[0] : pad[0] + h, pad[1] : pad[1] + w] = x
    out_h, out_w = (padded.shape[2] - rows) // stride[0] + 1, (padded.shape[3] - columns) // stride[1] + 1
    y = np.zeros((n, k, out_h, out_w), np.int64)
    for i, j in np.ndindex(rows, columns):
        part = padded[
            :, :, i : i + (out_h - 1) * stride[0] + 1 : stride[0], j : j + (out_w - 1) * stride[1] + 1 : stride[1]
        ]
        y += np.einsum("nchw,kc->nkhw", part, weights[:, :, i, j].astype(np.int64))
    return y


def scaled(sums: Ints, start: npt.NDArray[np.int32], scale: Floats, slope: float) -> Floats:
    """Sums as floats, rectified."""
    f = (sums + start[:, None, None]).astype(F) * scale[:, None, None]
    return np.maximum(f * F(slope), f)


def to_bytes(f: Floats, zero: int) -> Bytes:
    """Clamped, rounded to even and moved by `zero`; NaN becomes 0."""
    clamped = np.minimum(np.where(f > F(-zero), f, F(-zero)), F(255 - zero))
    return (np.rint(clamped).astype(np.int32) + zero).astype(np.uint8)


def quantize(x: Floats, per_unit: float, zero: int) -> Bytes:
    with np.errstate(over="ignore"):  # infinity is clamped as well
        return to_bytes(x * F(per_unit), zero)


def dequantize(x: Bytes, scale: float, zero: int) -> Floats:
    return (x.astype(np.int32) - zero).astype(F) * F(scale)


def rescaled(x: Bytes, ratio: float, zero_x: int, zero_y: int) -> Bytes:
    return to_bytes((x.astype(np.int32) - zero_x).astype(F) * F(ratio), zero_y)


def add(a: Bytes, term_a: tuple[int, int], b: Bytes, term_b: tuple[int, int], shift: int, zero: int) -> Bytes:
    """Terms are (zero, factor)."""
    total: Any = sum((x.astype(np.int64) - z) * factor for x, (z, factor) in ((a, term_a), (b, term_b)))
    return np.clip((total + (1 << (shift - 1)) >> shift) + zero, 0, 255).astype(np.uint8)


STEPS, PER_STEP = (2.0, 2.5, 4.0), (16384, 13107, 0)  # of transformed input, by how many axes are sums
INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
KERNEL = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])  # twice of what it is
OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
SUMMED = np.add.outer(np.arange(4) == 1, np.arange(4) == 1, dtype=int)


def transformed_filters(weights: npt.NDArray[np.int8]) -> tuple[Ints, Floats]:
    """(4, 4, K, C) in 8 bits, and what one is of each filter."""
    whole = np.einsum("ai,kcij,bj->abkc", KERNEL, weights.astype(np.int64), KERNEL).astype(F)
    whole *= (np.array(STEPS, F) / 4)[SUMMED][:, :, None, None]
    units = np.maximum(np.abs(whole).max((0, 1, 3)) / F(127), F(1))
    return np.rint(whole * (1 / units)[:, None]).astype(np.int64), units


def tiled_sums(x: Bytes, weights: npt.NDArray[np.int8], zero: int, pad: tuple[int, int]) -> tuple[Ints, Floats]:
    """Sums by F(2x2, 3x3) whose factors are rounded to 8 bits, and their units."""
    n, c, h, w = x.shape
    out_h, out_w = h + 2 * pad[0] - 2, w + 2 * pad[1] - 2
    padded = np.full((n, c, out_h + out_h % 2 + 2, out_w + out_w % 2 + 2), zero, np.int64)
    padded[:, :, pad[0] : pad[0] + h, pad[1] : pad[1] + w] = x
    tiles = np.lib.stride_tricks.sliding_window_view(padded - zero, (4, 4), (2, 3))[:, :, ::2, ::2]
    points = np.einsum("ai,nchwij,bj->abnchw", INPUT, tiles, INPUT)
    factors = np.array(PER_STEP)[SUMMED].reshape(4, 4, 1, 1, 1, 1)
    rounded = np.clip((points * factors + (1 << 14)) >> 15, -128, 127)
    rounded[1, 1] = points[1, 1]  # exact, in two planes
    filters, units = transformed_filters(weights)
    products = np.einsum("abnchw,abkc->abnkhw", rounded, filters)
    rest = np.einsum("nchw,kc->nkhw", rounded[1, 1] & 7, filters[1, 1])
    products[1, 1] = 2 * ((products[1, 1] - rest) >> 3) + ((rest + 2) >> 2)
    y = np.einsum("ia,abnkhw,jb->nkhiwj", OUTPUT, products, OUTPUT)
    return y.reshape(n, len(weights), 2 * y.shape[2], 2 * y.shape[4])[:, :, :out_h, :out_w], units
