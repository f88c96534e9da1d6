"""[shortcut] with equal and different sizes and channels."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays, sizes_around
from tests.lib.tolerances import assert_close
from tests.reference.shortcut import backward, shortcut


def run(
    ops: Ops, arrays: Arrays, x: np.ndarray, add: np.ndarray, alpha: float, beta: float, in_place: bool
) -> np.ndarray:
    source = arrays.blocked(x)
    y = source if in_place else arrays.empty_blocked(*x.shape)
    ops.shortcut_forward(source, arrays.blocked(add), y, x.shape[1], add.shape[1], alpha, beta)
    return arrays.channels(y, x.shape[1])


@pytest.mark.parametrize("in_place", [False, True])
def test_every_pair_of_channel_counts(ops: Ops, arrays: Arrays, in_place: bool) -> None:
    rng = np.random.default_rng(1)
    for c in sizes_around(ops.block):
        for add_c in sizes_around(ops.block):
            x = rng.uniform(-3, 3, (2, c, 3, 5)).astype(np.float32)
            add = rng.uniform(-3, 3, (2, add_c, 3, 5)).astype(np.float32)
            y = run(ops, arrays, x, add, 0.75, -1.5, in_place)
            assert_close(y, shortcut(x, add, 0.75, -1.5), "shortcut")
            np.testing.assert_array_equal(y[:, add_c:], x[:, add_c:])


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    ("size", "add_size"),
    [((4, 4), (8, 8)), ((8, 8), (4, 4)), ((5, 7), (2, 3)), ((2, 3), (5, 7)), ((6, 6), (2, 2)), ((1, 1), (4, 4)),
     ((5, 5), (4, 4)), ((4, 5), (5, 4))],
)  # fmt: skip
def test_different_sizes(
    ops: Ops, arrays: Arrays, size: tuple[int, int], add_size: tuple[int, int], in_place: bool
) -> None:
    rng = np.random.default_rng(2)
    c, add_c = ops.block + 3, ops.block + 1
    x = rng.uniform(-3, 3, (2, c, *size)).astype(np.float32)
    add = rng.uniform(-3, 3, (2, add_c, *add_size)).astype(np.float32)
    y = run(ops, arrays, x, add, 2.0, 0.5, in_place)
    assert_close(y, shortcut(x, add, 2.0, 0.5), "shortcut")


@pytest.mark.parametrize(
    ("add", "channels", "argument"),
    [((2, 3, 4, 4), (3, 3), "add"), ((1, 3, 8, 4), (3, 3), "add"), ((1, 3, 0, 4), (3, 3), "add"),
     ((1, 3, 4, 4), (99, 3), "channels_x"), ((1, 3, 4, 4), (3, -1), "channels_add")],
)  # fmt: skip
def test_arguments(
    ops: Ops, arrays: Arrays, add: tuple[int, int, int, int], channels: tuple[int, int], argument: str
) -> None:
    x, y = arrays.empty_blocked(1, 3, 4, 4), arrays.empty_blocked(1, 3, 4, 4)
    with pytest.raises(ValueError, match=f"shortcut_forward: argument '{argument}'"):
        ops.shortcut_forward(x, arrays.empty_blocked(*add), y, *channels, 1.0, 1.0)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(
    ("size", "add_size"),
    [((3, 5), (3, 5)), ((4, 4), (8, 8)), ((8, 8), (4, 4)), ((5, 7), (2, 3)), ((2, 3), (5, 7)), ((6, 6), (2, 2)),
     ((1, 1), (4, 4)), ((5, 5), (4, 4)), ((4, 5), (5, 4))],
)  # fmt: skip
def test_backward(
    ops: Ops, arrays: Arrays, size: tuple[int, int], add_size: tuple[int, int], accumulate: bool, in_place: bool
) -> None:
    rng = np.random.default_rng(3)
    b = ops.block
    for c, add_c in [(b + 3, b + 1), (1, 2 * b), (2 * b, 3), (b, b)]:
        dy, x = rng.uniform(-3, 3, (2, 2, c, *size)).astype(np.float32)
        add = rng.uniform(-3, 3, (2, add_c, *add_size)).astype(np.float32)
        gradient = arrays.blocked(dy)
        dx = gradient if in_place else arrays.blocked(x) if accumulate else arrays.empty_blocked(*x.shape)
        dadd = arrays.blocked(add) if accumulate else arrays.empty_blocked(*add.shape)
        ops.shortcut_backward(gradient, dx, dadd, c, add_c, 2.0, 0.5, accumulate, accumulate)
        expected_dx, expected_dadd = backward(dy, add.shape, 2.0, 0.5)
        before = dy if in_place else x
        assert_close(arrays.channels(dx, c), expected_dx + before * accumulate, "accumulate")
        assert_close(arrays.channels(dadd, add_c), expected_dadd + add * accumulate, "accumulate")


def test_backward_of_one_alone(ops: Ops, arrays: Arrays) -> None:
    dy = np.random.default_rng(4).uniform(-3, 3, (1, 3, 4, 4)).astype(np.float32)
    for names in [("dx",), ("dadd",), ()]:
        dx, dadd = (arrays.empty_blocked(1, 3, 4, 4) if name in names else None for name in ("dx", "dadd"))
        ops.shortcut_backward(arrays.blocked(dy), dx, dadd, 3, 3, 1.0, 1.0, False, False)
        for array in (dx, dadd):
            if array is not None:
                np.testing.assert_array_equal(arrays.channels(array, 3), dy)


@pytest.mark.parametrize(("add_shape", "alpha"), [((2, 3, 4, 5), 2.0), ((2, 2, 8, 10), 1.0), ((2, 4, 2, 2), 1.0)])
def test_backward_is_the_derivative(add_shape: tuple[int, ...], alpha: float) -> None:
    """With alpha = 1 where sizes differ, for there Darknet's gradient is another."""
    rng = np.random.default_rng(5)
    x, dy, add = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5)), rng.normal(size=add_shape)
    dx, dadd = backward(dy, add_shape, alpha, 0.5)
    assert_gradient(dx, lambda x: shortcut(x, add, alpha, 0.5), x, dy)
    assert_gradient(dadd, lambda add: shortcut(x, add, alpha, 0.5), add, dy)


@pytest.mark.parametrize(
    ("dadd", "channels", "argument"),
    [((2, 3, 4, 4), (3, 3), "dadd"), ((1, 3, 8, 4), (3, 3), "dadd"), ((1, 3, 4, 4), (99, 3), "channels_x"),
     ((1, 3, 4, 4), (3, -1), "channels_add")],
)  # fmt: skip
def test_backward_arguments(
    ops: Ops, arrays: Arrays, dadd: tuple[int, int, int, int], channels: tuple[int, int], argument: str
) -> None:
    dy, dx = arrays.empty_blocked(1, 3, 4, 4), arrays.empty_blocked(1, 3, 4, 4)
    with pytest.raises(ValueError, match=f"shortcut_backward: argument '{argument}'"):
        ops.shortcut_backward(dy, dx, arrays.empty_blocked(*dadd), *channels, 1.0, 1.0, False, False)
    for same in (dy, dx):
        with pytest.raises(ValueError, match="shortcut_backward: argument 'dadd': must be an array of its own"):
            ops.shortcut_backward(dy, dx, same, 3, 3, 1.0, 1.0, False, False)
    with pytest.raises(ValueError, match="shortcut_backward: argument 'dx'"):
        ops.shortcut_backward(dy, arrays.empty_blocked(1, 3, 4, 5), None, 3, 3, 1.0, 1.0, False, False)
