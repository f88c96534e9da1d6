"""Dropout with the caller's mask."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close

SHAPES = [(0,), (1,), (15,), (17,), (2, 3, 5, 7, 16), (40009,)]


def draw(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with infinities and NaN among the dropped, and a mask of any bytes."""
    rng = np.random.default_rng(1)
    mask = np.where(rng.uniform(size=shape) < 0.4, 0, rng.integers(1, 256, shape)).astype(np.uint8)
    x = rng.normal(size=shape).astype(np.float32)
    strange = rng.choice(np.array([np.inf, np.nan, 1], np.float32), shape)
    return np.where(mask == 0, strange, x), mask


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_forward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], in_place: bool) -> None:
    x, mask = draw(shape)
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*shape)
    ops.dropout_forward(source, y, mask, 0.4)
    assert_close(y, np.where(mask, x.astype(np.float64) / 0.6, 0), "accumulate")


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_backward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], accumulate: bool, in_place: bool) -> None:
    dy, mask = draw(shape)
    if in_place:
        dy = np.nan_to_num(dy, posinf=1)
    before = dy if in_place else np.random.default_rng(2).normal(size=shape).astype(np.float32)
    gradient = arrays.plain(dy)
    dx = gradient if in_place else arrays.plain(before) if accumulate else arrays.empty(*shape)
    ops.dropout_backward(gradient, mask, dx, 0.75, accumulate)
    assert_close(dx, np.where(mask, dy.astype(np.float64) * 4, 0) + before * accumulate, "accumulate")


def test_extreme_probabilities(ops: Ops, arrays: Arrays) -> None:
    x = np.arange(20, dtype=np.float32)
    y = arrays.empty(20)
    ops.dropout_forward(x, y, np.ones(20, np.uint8), 0.0)
    np.testing.assert_array_equal(y, x)
    ops.dropout_forward(x, y, np.zeros(20, np.uint8), 1.0)
    assert not y.any()


@pytest.mark.parametrize(
    ("y", "mask", "probability", "argument"),
    [(4, 5, 0.5, "y"), (5, 4, 0.5, "mask"), (5, 5, -0.1, "probability"), (5, 5, 1.1, "probability"),
     (5, 5, float("nan"), "probability")],
)  # fmt: skip
def test_arguments(ops: Ops, arrays: Arrays, y: int, mask: int, probability: float, argument: str) -> None:
    with pytest.raises(ValueError, match=f"dropout_forward: argument '{argument}'"):
        ops.dropout_forward(arrays.empty(5), arrays.empty(y), np.ones(mask, np.uint8), probability)
    with pytest.raises(ValueError, match=f"dropout_backward: argument '{'dx' if argument == 'y' else argument}'"):
        ops.dropout_backward(arrays.empty(5), np.ones(mask, np.uint8), arrays.empty(y), probability, False)


def test_a_mask_is_bytes(ops: Ops, arrays: Arrays) -> None:
    with pytest.raises(ValueError, match=r"dropout_forward: argument 'mask': expected element type \|u1"):
        ops.dropout_forward(arrays.empty(5), arrays.empty(5), np.ones(5, np.float32), 0.5)
