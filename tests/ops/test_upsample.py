"""[upsample] and its reverse."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays, sizes_around
from tests.lib.tolerances import assert_sum_close
from tests.reference.upsample import upsample, upsample_backward


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("h", "w"), [(1, 1), (3, 2), (13, 13), (1, 17)])
def test_enlarges(ops: Ops, arrays: Arrays, stride: int, h: int, w: int) -> None:
    for c in sizes_around(ops.block):
        x = np.random.default_rng(c).normal(size=(2, c, h, w)).astype(np.float32)
        for scale in (1.0, -0.5):
            y = arrays.empty_blocked(2, c, h * stride, w * stride)
            ops.upsample_forward(arrays.blocked(x), y, stride, scale)
            np.testing.assert_array_equal(arrays.channels(y, c), upsample(x, stride, scale))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_negative_stride_sums_tiles(ops: Ops, arrays: Arrays, stride: int) -> None:
    c = ops.block + 3
    x = np.random.default_rng(7).normal(size=(2, c, 4 * stride, 3 * stride)).astype(np.float32)
    y = arrays.empty_blocked(2, c, 4, 3)
    ops.upsample_forward(arrays.blocked(x), y, -stride, 0.25)
    expected, magnitude = upsample(x, -stride, 0.25), upsample(np.abs(x), -stride, 0.25)
    assert_sum_close(arrays.channels(y, c), expected, magnitude, stride * stride)


@pytest.mark.parametrize(
    ("stride", "argument"), [(0, "stride"), (3, "y"), (-2, "stride"), (-5, "y"), (1 << 30, "stride")]
)
def test_arguments(ops: Ops, arrays: Arrays, stride: int, argument: str) -> None:
    with pytest.raises(ValueError, match=f"upsample_forward: argument '{argument}'"):
        ops.upsample_forward(arrays.empty_blocked(1, 3, 5, 5), arrays.empty_blocked(1, 3, 10, 10), stride, 1.0)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3, -1, -2, -3])
def test_backward(ops: Ops, arrays: Arrays, stride: int, accumulate: bool) -> None:
    h, w = 3 * abs(stride), 5 * abs(stride)
    for c in sizes_around(ops.block):
        rng = np.random.default_rng(c)
        x = rng.normal(size=(2, c, h, w)).astype(np.float32)
        dy = rng.normal(size=upsample(x, stride, 1).shape).astype(np.float32)
        dx = arrays.blocked(x) if accumulate else arrays.empty_blocked(*x.shape)
        ops.upsample_backward(arrays.blocked(dy), dx, stride, -0.5, accumulate)
        expected = upsample_backward(dy, stride, -0.5) + x * accumulate
        magnitude = upsample_backward(np.abs(dy), stride, 0.5) + np.abs(x) * accumulate
        assert_sum_close(arrays.channels(dx, c), expected, magnitude, stride * stride)


@pytest.mark.parametrize("stride", [2, 3, -2])
def test_backward_is_the_derivative(stride: int) -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(2, 3, 4, 6))
    dy = rng.normal(size=upsample(x, stride, 0.5).shape)
    assert_gradient(upsample_backward(dy, stride, 0.5), lambda x: upsample(x, stride, 0.5), x, dy)


@pytest.mark.parametrize(("stride", "argument"), [(0, "stride"), (3, "dy"), (-2, "stride"), (1, "dx")])
def test_backward_arguments(ops: Ops, arrays: Arrays, stride: int, argument: str) -> None:
    dx = arrays.empty_blocked(1, 3, 5, 5)
    dy = dx if stride == 1 else arrays.empty_blocked(1, 3, 10, 10)
    with pytest.raises(ValueError, match=f"upsample_backward: argument '{argument}'"):
        ops.upsample_backward(dy, dx, stride, 1.0, False)
