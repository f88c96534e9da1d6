"""Concatenation of channels at every offset within a block."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays, sizes_around


@pytest.mark.parametrize(("h", "w"), [(1, 1), (5, 3), (13, 13)])
def test_parts_in_ascending_order(ops: Ops, arrays: Arrays, h: int, w: int) -> None:
    rng = np.random.default_rng(1)
    for first in sizes_around(ops.block):
        for second in sizes_around(ops.block):
            parts = [rng.normal(size=(2, c, h, w)).astype(np.float32) for c in (first, second, 2)]
            expected = np.concatenate(parts, axis=1)
            y = arrays.empty_blocked(2, expected.shape[1], h, w)
            offset = 0
            for part in parts:
                ops.copy_channels(arrays.blocked(part), y, offset, part.shape[1])
                offset += part.shape[1]
            np.testing.assert_array_equal(arrays.channels(y, offset), expected)


def test_some_of_the_channels(ops: Ops, arrays: Arrays) -> None:
    b = ops.block
    x = np.random.default_rng(2).normal(size=(1, 3 * b, 2, 3)).astype(np.float32)
    for offset in range(2 * b):
        y = arrays.blocked(np.full((1, 6 * b, 2, 3), 7, np.float32))
        ops.copy_channels(arrays.blocked(x), y, offset, b + 1)
        lanes, end = arrays.lanes(y), offset + b + 1
        assert (lanes[:, :offset] == 7).all(), "channels before the offset stay"
        np.testing.assert_array_equal(lanes[:, offset:end], x[:, : b + 1])
        block_end = -(-end // b) * b
        assert not lanes[:, end:block_end].any(), "the rest of the last block becomes 0"
        assert (lanes[:, block_end:] == 7).all(), "later blocks stay"


def test_no_channels(ops: Ops, arrays: Arrays) -> None:
    y = arrays.blocked(np.ones((1, 3, 2, 2), np.float32))
    ops.copy_channels(arrays.empty_blocked(1, 3, 2, 2), y, 3, 0)
    assert (arrays.channels(y, 3) == 1).all()


@pytest.mark.parametrize(
    ("offset", "channels", "argument"),
    [(-1, 3, "offset"), (99, 3, "offset"), (2**31 - 1, 3, "offset"), (0, -1, "channels"), (0, 99, "channels")],
)
def test_arguments(ops: Ops, arrays: Arrays, offset: int, channels: int, argument: str) -> None:
    x, y = arrays.empty_blocked(1, 3, 4, 4), arrays.empty_blocked(1, 9, 4, 4)
    with pytest.raises(ValueError, match=f"copy_channels: argument '{argument}'"):
        ops.copy_channels(x, y, offset, channels)
    with pytest.raises(ValueError, match="copy_channels: argument 'y'"):
        ops.copy_channels(x, arrays.empty_blocked(1, 9, 4, 5), 0, 3)


@pytest.mark.parametrize("accumulate", [False, True])
def test_add_channels_at_every_offset(ops: Ops, arrays: Arrays, accumulate: bool) -> None:
    """On whole numbers, so that sums are exact."""
    b = ops.block
    rng = np.random.default_rng(3)
    x, before = rng.integers(-9, 9, (2, 2, 3 * b, 2, 3)).astype(np.float32)
    source = arrays.blocked(x)
    for x_offset in range(b + 1):
        for y_offset in {0, 1, b - 1, b, b + 1}:
            for count in {1, b - 1, b, b + 1, 2 * b - 1} - {0}:
                y = arrays.blocked(before)
                ops.add_channels(source, y, x_offset, y_offset, count, accumulate)
                lanes, end = arrays.lanes(y), y_offset + count
                kept = before[:, y_offset:end] * accumulate
                np.testing.assert_array_equal(lanes[:, y_offset:end], x[:, x_offset : x_offset + count] + kept)
                np.testing.assert_array_equal(lanes[:, :y_offset], before[:, :y_offset])
                block_end = -(-end // b) * b
                np.testing.assert_array_equal(lanes[:, block_end:], before[:, block_end:])
                np.testing.assert_array_equal(lanes[:, end:block_end], before[:, end:block_end] * accumulate)


def test_add_channels_is_routes_gradient(ops: Ops, arrays: Arrays) -> None:
    """Every part of a concatenation gets its own gradient back, written without a look at what lay there."""
    rng = np.random.default_rng(4)
    sizes = sizes_around(ops.block)
    dy = rng.normal(size=(2, sum(sizes), 3, 5)).astype(np.float32)
    gradient, offset = arrays.blocked(dy), 0
    for size in sizes:
        dx = arrays.empty_blocked(2, size, 3, 5)
        ops.add_channels(gradient, dx, offset, 0, size, False)
        np.testing.assert_array_equal(arrays.channels(dx, size), dy[:, offset : offset + size])
        offset += size


@pytest.mark.parametrize(
    ("x_offset", "y_offset", "channels", "argument"),
    [(-1, 0, 3, "x_offset"), (99, 0, 3, "x_offset"), (0, -1, 3, "y_offset"), (0, 99, 3, "y_offset"),
     (0, 0, -1, "channels"), (0, 0, 99, "channels"), (2**31 - 1, 2**31 - 1, 3, "x_offset")],
)  # fmt: skip
def test_add_channels_arguments(
    ops: Ops, arrays: Arrays, x_offset: int, y_offset: int, channels: int, argument: str
) -> None:
    x, y = arrays.empty_blocked(1, 3, 4, 4), arrays.empty_blocked(1, 9, 4, 4)
    with pytest.raises(ValueError, match=f"add_channels: argument '{argument}'"):
        ops.add_channels(x, y, x_offset, y_offset, channels, False)
    for wrong in (x, arrays.empty_blocked(1, 9, 4, 5)):
        with pytest.raises(ValueError, match="add_channels: argument 'y'"):
            ops.add_channels(x, wrong, 0, 0, 1, False)
