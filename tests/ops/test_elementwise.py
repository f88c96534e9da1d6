"""Sums, factors and checks of whole arrays."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays

SHAPES = [(0,), (1,), (15,), (16,), (17,), (2, 3, 5, 7, 16), (4096,), (4097,), (40009,)]


def draw(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_fill_scale_add(ops: Ops, arrays: Arrays, shape: tuple[int, ...]) -> None:
    x, y = arrays.empty(*shape), arrays.plain(draw(shape))
    ops.fill(x, 0.5)
    assert (x == 0.5).all()
    ops.add(x, y)
    np.testing.assert_array_equal(y, draw(shape) + np.float32(0.5))
    ops.scale(y, -3.0)
    np.testing.assert_array_equal(y, (draw(shape) + np.float32(0.5)) * np.float32(-3))
    ops.add(y, y)
    np.testing.assert_array_equal(y, (draw(shape) + np.float32(0.5)) * np.float32(-3) * 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_binarize(ops: Ops, arrays: Arrays, shape: tuple[int, ...]) -> None:
    x = draw(shape)
    x.flat[::5], x.flat[1::7] = 0, np.nan
    y, z = arrays.empty(*shape), arrays.plain(x)
    ops.binarize(arrays.plain(x), y)
    ops.binarize(z, z, 0.0, 2.0)
    np.testing.assert_array_equal(y, np.where(x > 0, 1, -1))
    np.testing.assert_array_equal(z, np.where(x > 0, 2, 0))
    with pytest.raises(ValueError, match="binarize: argument 'y'"):
        ops.binarize(y, arrays.empty(y.size + 1))


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("filters", "each"), [(1, 1), (3, 9), (40, 1153), (300, 27)])
def test_binarize_filters(ops: Ops, arrays: Arrays, filters: int, each: int, in_place: bool) -> None:
    weights = draw((filters, each))
    weights[0, 0] = 0  # counts as below 0
    given = arrays.plain(weights)
    y = given if in_place else arrays.empty(filters, each)
    ops.binarize_filters(given, y, filters)
    mean = abs(weights.astype(np.float64)).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(y, np.where(weights > 0, mean, -mean), rtol=1e-5)  # sums of up to 1153 numbers
    with pytest.raises(ValueError, match="binarize_filters: argument 'weights': expected as many for each"):
        ops.binarize_filters(arrays.empty(7), arrays.empty(7), 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_darknet_passes_gradients_on(ops: Ops, arrays: Arrays, shape: tuple[int, ...]) -> None:
    dy, dx = draw(shape), arrays.empty(*shape)
    ops.l2norm_backward(dy, dx, False)
    np.testing.assert_array_equal(dx, dy)
    ops.l2norm_backward(dy, dx, True)
    np.testing.assert_array_equal(dx, 2 * dy)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, -np.nan])
def test_all_finite(ops: Ops, arrays: Arrays, strange: float) -> None:
    for size in (1, 15, 16, 17, 4097, 40009):
        x = arrays.plain(np.full(size, np.finfo(np.float32).max))
        assert ops.all_finite(x)
        for at in {0, size // 2, size - 1}:
            x[at] = strange
            assert not ops.all_finite(x)
            x[at] = np.finfo(np.float32).min
    assert ops.all_finite(arrays.empty(0))


def test_all_finite_takes_the_smallest_numbers(ops: Ops, arrays: Arrays) -> None:
    assert ops.all_finite(arrays.plain(np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38] * 7, np.float32)))


def test_arguments(ops: Ops, arrays: Arrays) -> None:
    x, y = arrays.empty(5), arrays.empty(6)
    with pytest.raises(ValueError, match="add: argument 'y': expected 5, found 6"):
        ops.add(x, y)
    with pytest.raises(ValueError, match="l2norm_backward: argument 'dx'"):
        ops.l2norm_backward(x, y, False)
    x.flags.writeable = False
    for call, name in [(lambda: ops.fill(x, 1.0), "fill"), (lambda: ops.scale(x, 1.0), "scale")]:
        with pytest.raises(ValueError, match=f"{name}: argument 'x': the array is read-only"):
            call()
    with pytest.raises(ValueError, match="all_finite: argument 'x': expected element type"):
        ops.all_finite(np.zeros(3))
