"""Pooling against every window taken pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays, sizes_around
from tests.lib.tolerances import assert_close, assert_sum_close
from tests.reference import pool as naive

LOWEST = np.finfo(np.float32).min


Stride = int | tuple[int, int]


def maxpool(ops: Ops, arrays: Arrays, x: np.ndarray, size: int, stride: Stride, padding: int) -> np.ndarray:
    n, c, _, _ = x.shape
    y = arrays.empty_blocked(n, c, *naive.windows(x, size, stride, padding)[:2])
    ops.maxpool_forward(arrays.blocked(x), y, size, stride, padding)
    return arrays.channels(y, c)


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [(1, 1, 0), (1, 2, 0), (2, 2, 1), (2, 2, 0), (2, 1, 1), (3, 2, 2), (3, 1, 2), (3, 2, 1), (3, 3, 4), (2, 3, 1),
     (4, 2, 3), (5, 1, 4), (9, 1, 8), (13, 1, 12), (7, 3, 6), (2, 2, 5), (5, 4, 9), (3, 5, 0),
     (2, (1, 2), 1), (2, (2, 1), 0), (3, (1, 3), 2), (5, (3, 1), 4)],
)  # fmt: skip
@pytest.mark.parametrize(("h", "w"), [(1, 1), (2, 3), (6, 6), (13, 13), (16, 7), (5, 31)])
def test_maxpool(ops: Ops, arrays: Arrays, size: int, stride: Stride, padding: int, h: int, w: int) -> None:
    if min(h, w) + padding < size:
        h, w = h + size, w + size
    x = np.random.default_rng(1).normal(size=(2, ops.block + 3, h, w)).astype(np.float32)
    y = maxpool(ops, arrays, x, size, stride, padding)
    np.testing.assert_array_equal(y, naive.maxpool(x, size, stride, padding))


def test_maxpool_channels(ops: Ops, arrays: Arrays) -> None:
    for c in sizes_around(ops.block):
        x = np.random.default_rng(c).normal(size=(1, c, 6, 5)).astype(np.float32)
        np.testing.assert_array_equal(maxpool(ops, arrays, x, 2, 2, 1), naive.maxpool(x, 2, 2, 1))


@pytest.mark.parametrize("size", [2, 3, 5])
def test_maxpool_of_numbers_below_every_float(ops: Ops, arrays: Arrays, size: int) -> None:
    # Darknet begins with -FLT_MAX, which neither -infinity nor NaN exceeds.
    x = np.full((1, 2, 6, 6), -np.inf, np.float32)
    x[0, 0, :, 3:] = np.nan
    y = arrays.empty_blocked(1, 2, 6, 6)
    ops.maxpool_forward(arrays.blocked(x, noise=1), y, size, 1, size - 1)
    assert (arrays.lanes(y)[:, :2] == LOWEST).all()


def test_maxpool_of_a_window_outside(ops: Ops, arrays: Arrays) -> None:
    y = maxpool(ops, arrays, np.zeros((1, 1, 2, 2), np.float32), 2, 2, 8)
    assert y.shape == (1, 1, 5, 5)
    assert (y[:, :, :2] == LOWEST).all()
    assert (y[:, :, 2, 2] == 0).all()
    assert (y[:, :, 3:] == LOWEST).all()


@pytest.mark.parametrize(("h", "w"), [(1, 1), (7, 7), (13, 13), (3, 2), (100, 3)])
def test_avgpool(ops: Ops, arrays: Arrays, h: int, w: int) -> None:
    for c in sizes_around(ops.block):
        x = np.random.default_rng(c).normal(1, 2, (2, c, h, w)).astype(np.float32)
        y = arrays.empty_blocked(2, c, 1, 1)
        ops.avgpool_forward(arrays.blocked(x), y)
        assert_sum_close(arrays.channels(y, c), naive.avgpool(x), naive.avgpool(np.abs(x)), h * w)


def test_avgpool_of_nothing(ops: Ops, arrays: Arrays) -> None:
    y = arrays.empty_blocked(2, 3, 1, 1)
    ops.avgpool_forward(arrays.empty_blocked(2, 3, 0, 4), y)
    assert not y.any()


@pytest.mark.parametrize(
    ("size", "stride", "padding", "argument"),
    [(0, 1, 0, "size"), (2, 0, 1, "stride"), (2, -1, 1, "stride"), (2, 1, -1, "padding"), (2, 1, 1 << 30, "padding"),
     (1 << 30, 1, 1 << 24, "size"), (3, 1, 1, "y"), (2, 2, 1, "y")],
)  # fmt: skip
def test_maxpool_arguments(ops: Ops, arrays: Arrays, size: int, stride: int, padding: int, argument: str) -> None:
    x, y = arrays.empty_blocked(1, 3, 6, 6), arrays.empty_blocked(1, 3, 6, 6)
    with pytest.raises(ValueError, match=f"maxpool_forward: argument '{argument}'"):
        ops.maxpool_forward(x, y, size, stride, padding)


def test_maxpool_needs_another_array(ops: Ops, arrays: Arrays) -> None:
    x = arrays.empty_blocked(1, 3, 6, 6)
    with pytest.raises(ValueError, match="maxpool_forward: argument 'y': must not be x itself"):
        ops.maxpool_forward(x, x, 2, 1, 1)


BACKWARD = [(1, 1, 0), (1, 2, 0), (2, 2, 1), (2, 2, 0), (2, 1, 1), (3, 2, 2), (3, 1, 2), (2, 3, 1), (5, 1, 4),
            (4, 3, 3), (7, 3, 6), (2, (1, 2), 1), (3, (2, 1), 0), (5, (3, 1), 4)]  # fmt: skip


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("size", "stride", "padding"), BACKWARD)
@pytest.mark.parametrize(("h", "w"), [(7, 7), (8, 9), (11, 5)])
def test_maxpool_backward(
    ops: Ops, arrays: Arrays, size: int, stride: Stride, padding: int, h: int, w: int, accumulate: bool
) -> None:
    """On whole numbers, so that windows have several maxima and sums are exact."""
    rng = np.random.default_rng(3)
    x = rng.integers(-3, 3, (2, ops.block + 3, h, w)).astype(np.float32)
    out = naive.windows(x, size, stride, padding)[:2]
    dy = rng.integers(-9, 9, (*x.shape[:2], *out)).astype(np.float32)
    before = rng.integers(-9, 9, x.shape).astype(np.float32)
    dx = arrays.blocked(before) if accumulate else arrays.empty_blocked(*x.shape)
    ops.maxpool_backward(arrays.blocked(x), arrays.blocked(dy), dx, size, stride, padding, accumulate)
    expected = naive.maxpool_backward(x, dy, size, stride, padding) + before * accumulate
    np.testing.assert_array_equal(arrays.channels(dx, x.shape[1]), expected)


@pytest.mark.parametrize("size", [2, 5])
def test_maxpool_backward_of_numbers_below_every_float(ops: Ops, arrays: Arrays, size: int) -> None:
    x = np.full((1, 2, 6, 6), -np.inf, np.float32)
    x[0, 0, :, 3:] = np.nan
    dx = arrays.empty_blocked(1, 2, 6, 6)
    dy = arrays.blocked(np.ones((1, 2, 6, 6), np.float32), noise=1)
    ops.maxpool_backward(arrays.blocked(x, noise=1), dy, dx, size, 1, size - 1, False)
    assert not arrays.channels(dx, 2).any()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "stride", "padding"), BACKWARD)
def test_maxpool_backward_is_the_derivative(size: int, stride: Stride, padding: int) -> None:
    rng = np.random.default_rng(4)
    x = rng.permutation(2 * 7 * 9).reshape(1, 2, 7, 9).astype(np.float64)
    dy = rng.normal(size=naive.maxpool(x, size, stride, padding).shape)
    dx = naive.maxpool_backward(x, dy, size, stride, padding)
    assert_gradient(dx, lambda x: naive.maxpool(x, size, stride, padding), x, dy)


LOCAL = [*BACKWARD, (2, 2, 7), (3, 4, 9)]  # with windows wholly in the padding


@pytest.mark.parametrize(("size", "stride", "padding"), LOCAL)
@pytest.mark.parametrize(("h", "w"), [(7, 7), (8, 9), (11, 5)])
def test_local_avgpool(ops: Ops, arrays: Arrays, size: int, stride: Stride, padding: int, h: int, w: int) -> None:
    for c in sizes_around(ops.block):
        x = np.random.default_rng(c).normal(1, 2, (2, c, h, w)).astype(np.float32)
        expected = naive.local_avgpool(x, size, stride, padding)
        y = arrays.empty_blocked(*expected.shape)
        ops.local_avgpool_forward(arrays.blocked(x), y, size, stride, padding)
        magnitude = naive.local_avgpool(np.abs(x), size, stride, padding)
        assert_sum_close(arrays.channels(y, c), expected, magnitude, size * size)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("size", "stride", "padding"), LOCAL)
@pytest.mark.parametrize(("h", "w"), [(7, 7), (8, 9), (11, 5)])
def test_local_avgpool_backward(
    ops: Ops, arrays: Arrays, size: int, stride: Stride, padding: int, h: int, w: int, accumulate: bool
) -> None:
    rng = np.random.default_rng(6)
    shape = 2, ops.block + 3, h, w
    out = naive.windows(np.empty(shape), size, stride, padding)[:2]
    dy, before = rng.normal(size=(*shape[:2], *out)), rng.normal(size=shape)
    dx = arrays.blocked(before) if accumulate else arrays.empty_blocked(*shape)
    ops.local_avgpool_backward(arrays.blocked(dy), dx, size, stride, padding, accumulate)
    expected, magnitude = (
        naive.local_avgpool_backward(d, shape, size, stride, padding) + b * accumulate
        for d, b in [(dy, before), (abs(dy), abs(before))]
    )
    assert_sum_close(arrays.channels(dx, shape[1]), expected, magnitude, size * size + 1)


@pytest.mark.parametrize(("size", "stride", "padding"), LOCAL)
def test_local_avgpool_backward_is_the_derivative(size: int, stride: Stride, padding: int) -> None:
    x = np.random.default_rng(4).normal(size=(1, 2, 7, 9))
    dy = np.random.default_rng(5).normal(size=naive.local_avgpool(x, size, stride, padding).shape)
    dx = naive.local_avgpool_backward(dy, x.shape, size, stride, padding)
    assert_gradient(dx, lambda x: naive.local_avgpool(x, size, stride, padding), x, dy)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "argument"),
    [(0, 1, 0, "size"), (2, 0, 1, "stride"), (2, 1, -1, "padding"), (2, 2, 1, "d?y"), (2, 1, 1, "d?[xy]")],
)
def test_local_avgpool_arguments(
    ops: Ops, arrays: Arrays, size: int, stride: int, padding: int, argument: str
) -> None:
    x = arrays.empty_blocked(1, 3, 6, 6)
    y = x if argument == "d?[xy]" else arrays.empty_blocked(1, 3, 6, 6)
    with pytest.raises(ValueError, match=f"local_avgpool_forward: argument '{argument}'"):
        ops.local_avgpool_forward(x, y, size, stride, padding)
    with pytest.raises(ValueError, match=f"local_avgpool_backward: argument '{argument}'"):
        ops.local_avgpool_backward(y, x, size, stride, padding, False)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("h", "w"), [(1, 1), (7, 7), (3, 2), (100, 3), (0, 4)])
def test_avgpool_backward(ops: Ops, arrays: Arrays, h: int, w: int, accumulate: bool) -> None:
    for c in sizes_around(ops.block):
        rng = np.random.default_rng(c)
        dy, before = rng.normal(size=(2, c, 1, 1)), rng.normal(size=(2, c, h, w))
        dx = arrays.blocked(before) if accumulate else arrays.empty_blocked(2, c, h, w)
        ops.avgpool_backward(arrays.blocked(dy), dx, accumulate)
        expected = naive.avgpool_backward(dy, h, w) if h else np.zeros((2, c, h, w))
        assert_close(arrays.channels(dx, c), expected + before * accumulate, "accumulate")


def test_avgpool_backward_is_the_derivative() -> None:
    rng = np.random.default_rng(5)
    x, dy = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 1, 1))
    assert_gradient(naive.avgpool_backward(dy, 4, 5), naive.avgpool, x, dy)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "argument"),
    [(0, 1, 0, "size"), (2, 0, 1, "stride"), (2, 1, -1, "padding"), (3, 1, 1, "dy"), (2, 2, 1, "dy")],
)
def test_maxpool_backward_arguments(
    ops: Ops, arrays: Arrays, size: int, stride: int, padding: int, argument: str
) -> None:
    x, dy, dx = (arrays.empty_blocked(1, 3, 6, 6) for _ in range(3))
    with pytest.raises(ValueError, match=f"maxpool_backward: argument '{argument}'"):
        ops.maxpool_backward(x, dy, dx, size, stride, padding, False)


def test_backward_needs_another_array(ops: Ops, arrays: Arrays) -> None:
    x, dy, wrong = (arrays.empty_blocked(1, 3, *size) for size in [(6, 6), (6, 6), (6, 5)])
    for dx in (x, dy, wrong):
        with pytest.raises(ValueError, match="maxpool_backward: argument 'dx'"):
            ops.maxpool_backward(x, dy, dx, 2, 1, 1, False)
    with pytest.raises(ValueError, match="avgpool_backward: argument 'dy'"):
        ops.avgpool_backward(dy, x, False)
    one = arrays.empty_blocked(1, 3, 1, 1)
    with pytest.raises(ValueError, match="avgpool_backward: argument 'dx'"):
        ops.avgpool_backward(one, one, False)


# Over channels

LOWEST = np.finfo(np.float32).min
DEPTH_CASES = [((1, 1, 1, 1), 1), ((2, 7, 3, 5), 1), ((2, 7, 3, 5), 3), ((1, 32, 1, 17), 8), ((2, 6, 13, 13), 6)]


def draw_ties(*shape: int, seed: int = 1) -> np.ndarray:
    """Few different numbers, so that some are the greatest together; some are none."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, shape).astype(np.float32)
    x[rng.random(shape) < 0.1] = np.nan
    return x


@pytest.mark.parametrize(("shape", "groups"), DEPTH_CASES)
def test_depth(ops: Ops, arrays: Arrays, shape: tuple[int, ...], groups: int) -> None:
    x = draw_ties(*shape)
    y = arrays.empty(shape[0], groups, *shape[2:])
    ops.depth_pool_forward(arrays.plain(x), y)
    numbers = np.where(np.isnan(x), LOWEST, x)
    expected = np.stack([numbers[:, g::groups].max(axis=1) for g in range(groups)], axis=1)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("shape", "groups"), DEPTH_CASES)
def test_depth_backward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], groups: int, accumulate: bool) -> None:
    x, dy = draw_ties(*shape), np.random.default_rng(2).normal(size=(shape[0], groups, *shape[2:])).astype(np.float32)
    before = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    dx = arrays.plain(before) if accumulate else arrays.empty(*shape)
    ops.depth_pool_backward(arrays.plain(x), arrays.plain(dy), dx, accumulate)
    expected = before.copy() if accumulate else np.zeros(shape, np.float32)
    for n, g, i, j in np.ndindex(dy.shape):
        numbers = np.nan_to_num(x[n, g::groups, i, j], nan=LOWEST)
        if not np.isnan(x[n, g::groups, i, j]).all():
            expected[n, g + groups * int(np.argmax(numbers)), i, j] += dy[n, g, i, j]
    np.testing.assert_array_equal(dx, expected)


def test_depth_arguments(ops: Ops, arrays: Arrays) -> None:
    x, y = arrays.empty(1, 4, 2, 2), arrays.empty(1, 2, 2, 2)
    for call, name in [
        (lambda: ops.depth_pool_forward(x, arrays.empty(1, 5, 2, 2)), "y"),
        (lambda: ops.depth_pool_forward(x, arrays.empty(1, 2, 2, 3)), "y"),
        (lambda: ops.depth_pool_forward(x, x), "y"),
        (lambda: ops.depth_pool_backward(x, arrays.empty(2, 2, 2, 2), arrays.empty(1, 4, 2, 2)), "dy"),
        (lambda: ops.depth_pool_backward(x, y, y), "dx"),
        (lambda: ops.depth_pool_backward(x, y, x), "dx"),
    ]:
        with pytest.raises(ValueError, match=f": argument '{name}'"):
            call()
