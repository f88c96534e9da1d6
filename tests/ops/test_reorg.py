"""Darknet's [reorg], index by index, in NCHW and in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays
from tests.reference import reorg as naive

SHAPES = [(2, 4, 2, 2, 2), (1, 64, 26, 26, 2), (2, 12, 4, 6, 2), (1, 9, 3, 6, 3), (1, 36, 6, 9, 3), (2, 5, 3, 2, 1),
          (1, 16, 8, 4, 4), (1, 68, 2, 6, 2)]  # fmt: skip


def picture(n: int, c: int, h: int, w: int) -> np.ndarray:
    """Every value another number."""
    return np.arange(n * c * h * w, dtype=np.float32).reshape(n, c, h, w)


@pytest.mark.parametrize(("n", "c", "h", "w", "stride"), SHAPES)
def test_plain(ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, stride: int) -> None:
    x = picture(n, c, h, w)
    y = arrays.empty(n, c * stride**2, h // stride, w // stride)
    ops.reorg_forward(arrays.plain(x), y, stride, False, False, 0)
    np.testing.assert_array_equal(y, naive.forward(x, stride))


@pytest.mark.parametrize(("n", "c", "h", "w", "stride"), SHAPES)
def test_reverse(ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, stride: int) -> None:
    x = picture(n, c, h, w)
    y = arrays.empty(n, c // stride**2, h * stride, w * stride)
    ops.reorg_forward(arrays.plain(x), y, stride, True, False, 0)
    np.testing.assert_array_equal(y.reshape(n, -1), naive.reorg(x, stride, reverse=True))


@pytest.mark.parametrize(("n", "c", "h", "w", "stride"), SHAPES)
def test_blocked(ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, stride: int) -> None:
    x = picture(n, c, h, w)
    y = arrays.empty_blocked(n, c * stride**2, h // stride, w // stride)
    ops.reorg_blocked(arrays.blocked(x), y, c, stride)
    np.testing.assert_array_equal(arrays.channels(y, c * stride**2), naive.forward(x, stride))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("c", "h", "w"), [(1, 1, 1), (3, 5, 7), (33, 8, 9), (40, 1, 2)])
def test_flatten(ops: Ops, arrays: Arrays, c: int, h: int, w: int, reverse: bool) -> None:
    x = picture(2, c, h, w)
    y = arrays.empty(2, c, h, w)
    ops.reorg_forward(arrays.plain(x), y, 1, reverse, True, 0)
    np.testing.assert_array_equal(y.reshape(2, -1), naive.flatten(x, reverse))


def test_extra_appends_zeros(ops: Ops, arrays: Arrays) -> None:
    x = picture(2, 3, 4, 5)
    y = arrays.empty(2, 67, 1, 1)
    ops.reorg_forward(arrays.plain(x), y, 1, False, False, 7)
    np.testing.assert_array_equal(y[:, :60, 0, 0], x.reshape(2, -1))
    assert not y[:, 60:].any()


@pytest.mark.parametrize(
    ("shape", "stride", "reverse", "flatten", "extra", "argument"),
    [((1, 6, 4, 4), 2, False, False, 0, "stride"), ((1, 4, 5, 4), 2, False, False, 0, "y"),
     ((1, 4, 4, 4), 0, False, False, 0, "stride"), ((1, 4, 4, 4), 2, False, True, 3, "extra"),
     ((1, 4, 4, 4), 2, False, False, -1, "extra"), ((1, 4, 4, 4), 2, False, False, 5, "y"),
     ((1, 6, 4, 4), 2, True, False, 0, "stride"), ((2, 4, 4, 4), 2, False, False, 0, "y")],
)  # fmt: skip
def test_arguments(
    ops: Ops, arrays: Arrays, shape: tuple[int, ...], stride: int, reverse: bool, flatten: bool, extra: int,
    argument: str,
) -> None:  # fmt: skip
    x, y = arrays.empty(*shape), arrays.empty(1, 16, 2, 2)
    with pytest.raises(ValueError, match=f"reorg_forward: argument '{argument}'"):
        ops.reorg_forward(x, y, stride, reverse, flatten, extra)


def test_blocked_arguments(ops: Ops, arrays: Arrays) -> None:
    x, y = arrays.empty_blocked(1, 4, 4, 4), arrays.empty_blocked(1, 16, 2, 2)
    for channels, stride, argument in [(4, 4, "stride"), (4, 3, "stride"), (99, 2, "channels"), (4, 1, "y")]:
        with pytest.raises(ValueError, match=f"reorg_blocked: argument '{argument}'"):
            ops.reorg_blocked(x, y, channels, stride)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("n", "c", "h", "w", "stride"), SHAPES)
def test_backward(
    ops: Ops, arrays: Arrays, n: int, c: int, h: int, w: int, stride: int, accumulate: bool
) -> None:  # fmt: skip
    dy = picture(n, c * stride**2, h // stride, w // stride)
    before = picture(n, c, h, w)
    dx = arrays.blocked(before) if accumulate else arrays.empty_blocked(n, c, h, w)
    ops.reorg_backward(arrays.blocked(dy), dx, c, stride, accumulate)
    np.testing.assert_array_equal(arrays.channels(dx, c), naive.backward(dy, stride) + before * accumulate)


@pytest.mark.parametrize(("n", "c", "h", "w", "stride"), SHAPES)
def test_backward_undoes_forward(n: int, c: int, h: int, w: int, stride: int) -> None:
    """The gradient of a permutation is its inverse."""
    x = picture(n, c, h, w)
    np.testing.assert_array_equal(naive.backward(naive.forward(x, stride), stride), x)


def test_backward_arguments(ops: Ops, arrays: Arrays) -> None:
    dx, dy = arrays.empty_blocked(1, 4, 4, 4), arrays.empty_blocked(1, 16, 2, 2)
    for channels, stride, argument in [(4, 4, "stride"), (4, 3, "stride"), (99, 2, "channels"), (4, 1, "dy")]:
        with pytest.raises(ValueError, match=f"reorg_backward: argument '{argument}'"):
            ops.reorg_backward(dy, dx, channels, stride, False)
    with pytest.raises(ValueError, match="reorg_backward: argument 'dx'"):
        ops.reorg_backward(dx, dx, 4, 1, False)
