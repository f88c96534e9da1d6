"""[maxpool] over channels."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays

LOWEST = np.finfo(np.float32).min
CASES = [((1, 1, 1, 1), 1), ((2, 7, 3, 5), 1), ((2, 7, 3, 5), 3), ((1, 32, 1, 17), 8), ((2, 6, 13, 13), 6)]


def draw(*shape: int, seed: int = 1) -> np.ndarray:
    """Few different numbers, so that some are the greatest together; some are none."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, shape).astype(np.float32)
    x[rng.random(shape) < 0.1] = np.nan
    return x


@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_forward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], groups: int) -> None:
    x = draw(*shape)
    y = arrays.empty(shape[0], groups, *shape[2:])
    ops.depth_pool_forward(arrays.plain(x), y)
    numbers = np.where(np.isnan(x), LOWEST, x)
    expected = np.stack([numbers[:, g::groups].max(axis=1) for g in range(groups)], axis=1)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_backward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], groups: int, accumulate: bool) -> None:
    x, dy = draw(*shape), np.random.default_rng(2).normal(size=(shape[0], groups, *shape[2:])).astype(np.float32)
    before = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    dx = arrays.plain(before) if accumulate else arrays.empty(*shape)
    ops.depth_pool_backward(arrays.plain(x), arrays.plain(dy), dx, accumulate)
    expected = before.copy() if accumulate else np.zeros(shape, np.float32)
    for n, g, i, j in np.ndindex(dy.shape):
        numbers = np.nan_to_num(x[n, g::groups, i, j], nan=LOWEST)
        if not np.isnan(x[n, g::groups, i, j]).all():
            expected[n, g + groups * int(np.argmax(numbers)), i, j] += dy[n, g, i, j]
    np.testing.assert_array_equal(dx, expected)


def test_arguments(ops: Ops, arrays: Arrays) -> None:
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
