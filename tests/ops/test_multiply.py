"""Products of activations, whose factor counts for a number, a channel or a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import FactorOf, Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays, sizes_around
from tests.lib.tolerances import assert_sum_close
from tests.reference.multiply import backward, factor_shape, multiply

KINDS = ["number", "channel", "pixel"]
SIZES = [(1, 1), (5, 7), (40, 33)]


def draw(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("of", KINDS)
@pytest.mark.parametrize(("h", "w"), SIZES)
def test_multiply(ops: Ops, arrays: Arrays, of: FactorOf, h: int, w: int, in_place: bool) -> None:
    for c in sizes_around(ops.block):
        x = draw(2, c, h, w)
        factor = draw(*factor_shape(x.shape, of), seed=2)
        source = arrays.blocked(x)
        y = source if in_place else arrays.empty_blocked(*x.shape)
        ops.multiply_forward(source, arrays.blocked(factor), y, of)
        np.testing.assert_array_equal(arrays.channels(y, c), multiply(x, factor).astype(np.float32))


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("of", KINDS)
@pytest.mark.parametrize(("h", "w"), SIZES)
def test_gradient_of_the_factor(ops: Ops, arrays: Arrays, of: FactorOf, h: int, w: int, accumulate: bool) -> None:
    for c in sizes_around(ops.block):
        x, dy = draw(2, c, h, w), draw(2, c, h, w, seed=2)
        expected, magnitude = backward(x, dy, of), backward(abs(x), abs(dy), of)
        before = draw(*expected.shape, seed=3)
        dfactor = arrays.blocked(before) if accumulate else arrays.empty_blocked(*before.shape)
        ops.multiply_backward(arrays.blocked(x), arrays.blocked(dy), dfactor, c, of, accumulate)
        actual = arrays.channels(dfactor, expected.shape[1])
        assert_sum_close(actual, expected + before * accumulate, magnitude + abs(before), x.size // before.size + 1)


@pytest.mark.parametrize("of", KINDS)
def test_backward_is_the_derivative(of: str) -> None:
    rng = np.random.default_rng(4)
    x, dy = rng.normal(size=(2, 2, 3, 4, 5))
    factor = rng.normal(size=factor_shape(x.shape, of))
    assert_gradient(backward(x, dy, of), lambda factor: multiply(x, factor), factor, dy)
    assert_gradient(multiply(dy, factor), lambda x: multiply(x, factor), x, dy)


@pytest.mark.parametrize(
    ("factor", "of"), [((2, 3, 4, 5), "channel"), ((2, 3, 1, 1), "number"), ((2, 40, 4, 5), "pixel"),
                       ((1, 3, 1, 1), "channel"), ((2, 3, 4, 4), "number")],
)  # fmt: skip
def test_shapes_of_factors(ops: Ops, arrays: Arrays, factor: tuple[int, ...], of: FactorOf) -> None:
    x, y = arrays.empty_blocked(2, 3, 4, 5), arrays.empty_blocked(2, 3, 4, 5)
    with pytest.raises(ValueError, match="multiply_forward: argument 'factor'"):
        ops.multiply_forward(x, arrays.empty_blocked(*factor), y, of)
    with pytest.raises(ValueError, match="multiply_backward: argument 'dfactor'"):
        ops.multiply_backward(x, y, arrays.empty_blocked(*factor), 3, of, False)


def test_arguments(ops: Ops, arrays: Arrays) -> None:
    x, y, other = (arrays.empty_blocked(1, 3, 4, 5) for _ in range(3))
    with pytest.raises(ValueError, match="multiply_forward: argument 'of': expected 'number', 'channel' or 'pixel'"):
        ops.multiply_forward(x, y, other, "row")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="multiply_forward: argument 'y'"):
        ops.multiply_forward(x, y, arrays.empty_blocked(1, 3, 4, 6), "number")
    with pytest.raises(ValueError, match="multiply_backward: argument 'channels'"):
        ops.multiply_backward(x, y, other, 99, "number", False)
    for same in (x, y):
        with pytest.raises(ValueError, match="multiply_backward: argument 'dfactor'"):
            ops.multiply_backward(x, y, same, 3, "number", False)
