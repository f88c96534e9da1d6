"""[local]: filters of their own at every location."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close, assert_sum_close
from tests.reference.activation import activate
from tests.reference.local import backward, local

# n, c, h, w, k, kernel, stride, pad
CASES = [(1, 1, 1, 1, 1, 1, 1, 0), (2, 3, 7, 7, 5, 3, 1, 1), (3, 17, 5, 6, 19, 3, 2, 1), (1, 4, 9, 8, 3, 5, 1, 2),
         (2, 8, 6, 6, 4, 2, 2, 0), (1, 2, 3, 3, 2, 3, 1, 2), (1, 64, 1, 1, 33, 1, 1, 0), (1, 2, 4, 4, 2, 7, 1, 3)
         ]  # fmt: skip


@pytest.mark.parametrize(("n", "c", "h", "w", "k", "kernel", "stride", "pad"), CASES)
def test_local(
    ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, k: int, kernel: int, stride: int, pad: int
) -> None:
    rng = np.random.default_rng(1)
    out = ((h + 2 * pad - kernel) // stride + 1, (w + 2 * pad - kernel) // stride + 1)
    x = rng.normal(size=(n, c, h, w)).astype(np.float32)
    weights = rng.normal(size=(out[0] * out[1], k, c, kernel, kernel)).astype(np.float32)
    biases = rng.normal(size=(k, *out)).astype(np.float32)
    y = arrays.empty(n, k, *out)
    ops.local_forward(
        arrays.plain(x), arrays.plain(weights), arrays.plain(biases), y, kernel, stride, pad, ops.Activation("linear")
    )
    expected = local(x, weights, biases, out, stride, pad)
    magnitude = local(np.abs(x), np.abs(weights), np.abs(biases), out, stride, pad)
    assert_sum_close(y, expected, magnitude, c * kernel * kernel + 1)
    linear = y.copy()
    ops.local_forward(
        arrays.plain(x), arrays.plain(weights), arrays.plain(biases), y, kernel, stride, pad, ops.Activation("leaky")
    )
    assert_close(y, activate(linear, "leaky"), "piecewise")


def test_even_kernel_has_darknets_size(ops: Ops, arrays: Arrays) -> None:
    """(side - 1) / stride + 1 with padding: one less than fits."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 2, 4, 4)).astype(np.float32)
    weights, biases = rng.normal(size=(16, 3, 2, 2, 2)).astype(np.float32), np.zeros((3, 4, 4), np.float32)
    y = arrays.empty(1, 3, 4, 4)
    ops.local_forward(arrays.plain(x), arrays.plain(weights), biases, y, 2, 1, 1, ops.Activation("linear"))
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


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("n", "c", "h", "w", "k", "kernel", "stride", "pad"), CASES)
def test_backward(
    ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, k: int, kernel: int, stride: int, pad: int,
    accumulate: bool,
) -> None:  # fmt: skip
    rng = np.random.default_rng(3)
    out = ((h + 2 * pad - kernel) // stride + 1, (w + 2 * pad - kernel) // stride + 1)
    x, before = rng.normal(size=(2, n, c, h, w)).astype(np.float32)
    weights, old = rng.normal(size=(2, out[0] * out[1], k, c, kernel, kernel)).astype(np.float32)
    dy, old_biases = rng.normal(size=(n, k, *out)).astype(np.float32), rng.normal(size=(k, *out)).astype(np.float32)
    dx = arrays.plain(before) if accumulate else arrays.empty(n, c, h, w)
    dweights, dbiases = arrays.plain(old), arrays.plain(old_biases)
    given = arrays.plain(x), arrays.plain(weights), arrays.plain(dy)
    ops.local_backward(*given, dx, dweights, dbiases, kernel, stride, pad, accumulate)
    expected = backward(x, weights, dy, stride, pad)
    magnitude = backward(np.abs(x), np.abs(weights), np.abs(dy), stride, pad)
    assert_sum_close(
        dx, expected[0] + before * accumulate, magnitude[0] + np.abs(before) * accumulate, k * kernel**2 + 1
    )
    assert_sum_close(dweights, old + expected[1], np.abs(old) + magnitude[1], n + 1)
    assert_sum_close(dbiases, old_biases + expected[2], np.abs(old_biases) + magnitude[2], n + 1)
    again = arrays.plain(old), arrays.plain(old_biases)
    ops.local_backward(*given, None, *again, kernel, stride, pad, False)
    np.testing.assert_array_equal(again[0], dweights)


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 1, 1), (3, 2, 1), (2, 1, 0)])
def test_backward_is_the_derivative(kernel: int, stride: int, pad: int) -> None:
    rng = np.random.default_rng(4)
    out = ((4 + 2 * pad - kernel) // stride + 1, (5 + 2 * pad - kernel) // stride + 1)
    x, weights = rng.normal(size=(2, 2, 4, 5)), rng.normal(size=(out[0] * out[1], 3, 2, kernel, kernel))
    biases, dy = rng.normal(size=(3, *out)), rng.normal(size=(2, 3, *out))
    dx, dweights, dbiases = backward(x, weights, dy, stride, pad)
    assert_gradient(dx, lambda x: local(x, weights, biases, out, stride, pad), x, dy)
    assert_gradient(dweights, lambda weights: local(x, weights, biases, out, stride, pad), weights, dy)
    assert_gradient(dbiases, lambda biases: local(x, weights, biases, out, stride, pad), biases, dy)


@pytest.mark.parametrize(
    ("kernel", "weights", "dweights", "dbiases", "dx", "argument"),
    [(0, 864, 864, 32, 4, "kernel"), (3, 863, 864, 32, 4, "weights"), (3, 864, 863, 32, 4, "dweights"),
     (3, 864, 864, 31, 4, "dbiases"), (3, 864, 864, 32, 5, "dx"), (5, 9999, 9999, 32, 4, "dy")],
)  # fmt: skip
def test_backward_arguments(
    ops: Ops, arrays: Arrays, kernel: int, weights: int, dweights: int, dbiases: int, dx: int, argument: str
) -> None:
    x, dy = arrays.empty(1, 3, 4, 4), arrays.empty(1, 2, 4, 4)
    with pytest.raises(ValueError, match=f"local_backward: argument '{argument}'"):
        ops.local_backward(
            x, arrays.empty(weights), dy, arrays.empty(1, 3, 4, dx), arrays.empty(dweights), arrays.empty(dbiases),
            kernel, 1, 1, False,
        )  # fmt: skip
