"""Layers that move or compare bytes, or BF16: every instruction set, against the naive version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.lib.guarded import Arrays
from tests.lib.half_arrays import HalfArrays
from tests.reference import pool
from tests.reference.bf16 import rounded, widened


@pytest.fixture
def made() -> Iterator[HalfArrays]:
    arrays = HalfArrays()
    yield arrays
    arrays.check()


class Numbers:
    """Arrays of one type: `random` ones (N, C, H, W), `blocked`, `empty` ones, and their `channels`."""

    def __init__(self, made: HalfArrays, halves: bool) -> None:
        self.halves = halves
        self.blocked = made.halves if halves else made.blocked
        self.empty = made.empty_halves if halves else made.empty
        self.channels = made.of_halves if halves else made.channels

    def random(self, *shape: int) -> Any:
        random = np.random.default_rng(1)
        if self.halves:
            return rounded(random.standard_normal(shape))
        return random.integers(0, 256, shape).astype(np.uint8)


@pytest.fixture(params=["bytes", "halves"])
def numbers(request: pytest.FixtureRequest, made: HalfArrays) -> Numbers:
    return Numbers(made, request.param == "halves")


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [
        (2, (2, 2), 1),
        (2, (2, 2), 0),
        (2, (1, 1), 1),
        (3, (2, 2), 2),
        (5, (1, 1), 4),
        (2, (1, 2), 1),
        (13, (1, 1), 12),
    ],
)
def test_maxpool(cpu_ops: Any, numbers: Numbers, size: int, stride: tuple[int, int], padding: int) -> None:
    x = numbers.random(2, 35, 13, 18)
    if numbers.halves:
        want = rounded(pool.maxpool(widened(x), size, stride, padding))
    else:
        want = pool.maxpool(x, size, stride, padding)
    y = numbers.empty(*want.shape)
    cpu_ops.narrow_maxpool(numbers.blocked(x), y, size, stride, padding)
    np.testing.assert_array_equal(numbers.channels(y, 35), want)


def test_maxima_of_special_numbers(cpu_ops: Any, made: HalfArrays) -> None:
    """NaN is never the maximum, and -FLT_MAX, here the lowest finite BF16, the least one."""
    inf, nan = np.inf, np.nan
    windows = [
        [nan, 1, -2, nan],
        [nan, -inf, nan, -inf],
        [inf, nan, 3, -inf],
        [-3, -2, -inf, -5],
        [-nan, -1, -2, nan],
    ]
    x = rounded(np.array(windows, np.float32).reshape(1, 5, 2, 2))
    lowest = widened(np.array([0xFF7F], np.uint16))[0]
    y = made.empty_halves(1, 5, 1, 1)
    for size, padding in ((2, 0), (3, 1)):  # by both loops
        cpu_ops.narrow_maxpool(made.halves(x), y, size, (2, 2), padding)
        np.testing.assert_array_equal(widened(made.of_halves(y, 5)).ravel(), [1, lowest, inf, -2, -1])


@pytest.mark.parametrize(("start", "to", "channels"), [(0, 0, 70), (0, 32, 32), (5, 3, 60), (32, 0, 38), (69, 70, 1)])
def test_copy_channels(cpu_ops: Any, numbers: Numbers, start: int, to: int, channels: int) -> None:
    """In the last block that is written nothing is left of what was there."""
    x, before = numbers.random(2, 70, 3, 5), numbers.random(2, 128, 3, 5)
    y = numbers.blocked(before)
    cpu_ops.narrow_copy_channels(numbers.blocked(x), y, start, to, channels)
    lanes = y.shape[-1]
    before[:, to + channels : -(-(to + channels) // lanes) * lanes] = 0
    before[:, to : to + channels] = x[:, start : start + channels]
    np.testing.assert_array_equal(numbers.channels(y, 128), before)


@pytest.mark.parametrize(("channels", "stride"), [(64, 2), (4, 2), (20, 2), (9, 3)])
def test_reorg(cpu_ops: Any, numbers: Numbers, channels: int, stride: int) -> None:
    arrays, x = Arrays(cpu_ops.block), numbers.random(2, channels, 6, 12)
    shape = 2, channels * stride**2, 6 // stride, 12 // stride
    y, want = numbers.empty(*shape), arrays.empty_blocked(*shape)
    cpu_ops.narrow_reorg(numbers.blocked(x), y, channels, stride)
    cpu_ops.reorg_blocked(arrays.blocked(x), want, channels, stride)
    np.testing.assert_array_equal(numbers.channels(y, shape[1]), arrays.channels(want, shape[1]))


def test_upsample(cpu_ops: Any, numbers: Numbers) -> None:
    x = numbers.random(2, 37, 3, 5)
    y = numbers.empty(2, 37, 9, 15)
    cpu_ops.narrow_upsample(numbers.blocked(x), y, 3)
    np.testing.assert_array_equal(numbers.channels(y, 37), x.repeat(3, 2).repeat(3, 3))


def test_bad_arguments(cpu_ops: Any, made: HalfArrays) -> None:
    x, y, floats = made.empty_halves(1, 32, 4, 4), made.empty(1, 32, 4, 4), np.zeros((1, 2, 4, 4, 16), np.float32)
    for a, b in ((x, y), (y, x), (x, x), (floats, floats), (x, floats), (None, y), (x[:, :, 0], x)):
        with pytest.raises(ValueError, match="narrow_upsample"):
            cpu_ops.narrow_upsample(a, b, 1)
