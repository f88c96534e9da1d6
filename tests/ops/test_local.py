"""[local]: filters of their own at every location."""

from __future__ import annotations

import numpy as np
import pytest
from guarded import Arrays
from reference.activation import activate
from reference.local import local
from tolerances import assert_close, assert_sum_close

from pydarknet.ops import Ops


@pytest.mark.parametrize(
    ("n", "c", "h", "w", "k", "kernel", "stride", "pad"),
    [(1, 1, 1, 1, 1, 1, 1, 0), (2, 3, 7, 7, 5, 3, 1, 1), (3, 17, 5, 6, 19, 3, 2, 1), (1, 4, 9, 8, 3, 5, 1, 2),
     (2, 8, 6, 6, 4, 2, 2, 0), (1, 2, 3, 3, 2, 3, 1, 2), (1, 64, 1, 1, 33, 1, 1, 0), (1, 2, 4, 4, 2, 7, 1, 3)],
)  # fmt: skip
def test_local(
    ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, k: int, kernel: int, stride: int, pad: int
) -> None:
    rng = np.random.default_rng(1)
    out = ((h + 2 * pad - kernel) // stride + 1, (w + 2 * pad - kernel) // stride + 1)
    x = rng.normal(size=(n, c, h, w)).astype(np.float32)
    weights = rng.normal(size=(out[0] * out[1], k, c, kernel, kernel)).astype(np.float32)
    biases = rng.normal(size=(k, *out)).astype(np.float32)
    y = arrays.empty(n, k, *out)
    ops.local_forward(arrays.plain(x), arrays.plain(weights), arrays.plain(biases), y, kernel, stride, pad, "linear")
    expected = local(x, weights, biases, out, stride, pad)
    magnitude = local(np.abs(x), np.abs(weights), np.abs(biases), out, stride, pad)
    assert_sum_close(y, expected, magnitude, c * kernel * kernel + 1)
    linear = y.copy()
    ops.local_forward(arrays.plain(x), arrays.plain(weights), arrays.plain(biases), y, kernel, stride, pad, "leaky")
    assert_close(y, activate(linear, "leaky"), "piecewise")


def test_even_kernel_has_darknets_size(ops: Ops, arrays: Arrays) -> None:
    """(side - 1) / stride + 1 with padding: one less than fits."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 2, 4, 4)).astype(np.float32)
    weights, biases = rng.normal(size=(16, 3, 2, 2, 2)).astype(np.float32), np.zeros((3, 4, 4), np.float32)
    y = arrays.empty(1, 3, 4, 4)
    ops.local_forward(arrays.plain(x), arrays.plain(weights), biases, y, 2, 1, 1, "linear")
    expected = local(x, weights, biases, (4, 4), 1, 1)
    assert_sum_close(y, expected, local(np.abs(x), np.abs(weights), biases, (4, 4), 1, 1), 9)


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "weights", "biases", "activation", "argument"),
    [(0, 1, 1, 432, 32, "relu", "kernel"), (3, 0, 1, 432, 32, "relu", "stride"), (3, 1, -1, 432, 32, "relu", "pad"),
     (3, 1, 1, 863, 32, "relu", "weights"), (3, 1, 1, 864, 31, "relu", "biases"), (3, 1, 0, 864, 32, "relu", "y"),
     (3, 2, 1, 864, 32, "relu", "y"), (3, 1, 1, 864, 32, "rely", "activation")],
)  # fmt: skip
def test_arguments(
    ops: Ops, arrays: Arrays, kernel: int, stride: int, pad: int, weights: int, biases: int, activation: str,
    argument: str,
) -> None:  # fmt: skip
    x, y = arrays.empty(1, 3, 4, 4), arrays.empty(1, 2, 4, 4)
    with pytest.raises(ValueError, match=f"local_forward: argument '{argument}'"):
        ops.local_forward(x, arrays.empty(weights), arrays.empty(biases), y, kernel, stride, pad, activation)
