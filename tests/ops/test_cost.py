"""Losses of [softmax] and [cost]: against the naive ones, and against differences of the loss itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays
from tests.lib.tolerances import EPSILON, assert_delta_close
from tests.reference import cost as naive
from tests.reference.softmax import grouped, tree

SIZES = [3, 2, 4]
KINDS = ["sse", "masked", "smooth", "L1", "seg", "wgan"]


def assert_loss_close(actual: float, expected: float) -> None:
    """Terms of one sign, so a few roundings of each bound the sum's relative error."""
    np.testing.assert_allclose(actual, expected, rtol=16 * EPSILON, atol=16 * EPSILON)


def one_hot(rng: np.random.Generator, images: int, sizes: list[int]) -> np.ndarray:
    return np.concatenate([np.eye(k)[rng.integers(0, k, images)] for k in sizes], axis=1).astype(np.float32)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_softmax(ops: Ops, arrays: Arrays, seed: int, masked: bool) -> None:
    rng = np.random.default_rng(seed)
    p = arrays.plain(tree(rng.normal(0, 3, (5, 9)), SIZES))
    truth = one_hot(rng, 5, SIZES)
    if masked:
        truth[rng.random(5) < 0.5, 3:5] = naive.NO_TRUTH
    delta = arrays.empty(5, 9)
    loss = ops.softmax_loss(p, truth, delta, masked)
    expected, expected_delta = naive.softmax_loss(p, truth, masked)
    assert_loss_close(loss, expected)
    assert_delta_close(delta, expected_delta)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(8))
def test_cost(ops: Ops, arrays: Arrays, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = arrays.plain(rng.normal(0, 1.5, (3, 7, 2, 2)))
    truth = rng.choice([0, 1, -2, 0.5], x.shape).astype(np.float32)
    if kind == "masked":
        truth[rng.random(x.shape) < 0.3] = naive.NO_TRUTH
    scale, noobject, thresh = rng.uniform(0.2, 3, 3).tolist()
    smooth = 0.1 if seed % 2 else 0.0
    delta = arrays.empty(*x.shape)
    loss = ops.cost_loss(x, truth, delta, kind, scale, noobject, thresh * 28, smooth)
    expected, expected_delta = naive.cost_loss(x, truth, kind, scale, noobject, thresh * 28, smooth)
    np.testing.assert_allclose(loss, expected, rtol=1e-6, atol=1e-5)  # wgan's terms have both signs
    assert_delta_close(delta, expected_delta)


def differences(loss: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """-dL/dx of a float64 function."""
    result = np.empty_like(x)
    for i in range(x.size):
        low, high = x.copy(), x.copy()
        low.flat[i] -= step
        high.flat[i] += step
        result.flat[i] = (loss(low) - loss(high)) / (2 * step)
    return result


def test_softmax_is_a_gradient(ops: Ops, arrays: Arrays) -> None:
    """From the softmax's input on, in groups; where the group of a tree is masked too."""
    rng = np.random.default_rng(3)
    x, truth = rng.normal(size=(2, 9)), one_hot(rng, 2, SIZES)
    truth[0, 3:5] = naive.NO_TRUTH
    delta = arrays.empty(2, 9)
    ops.softmax_loss(arrays.plain(tree(x, SIZES)), truth, delta, True)
    expected = differences(lambda v: naive.softmax_loss(tree(v, SIZES), truth, True)[0], x)
    np.testing.assert_allclose(delta, expected, atol=1e-6)


def test_flat_softmax_is_a_gradient(ops: Ops, arrays: Arrays) -> None:
    rng = np.random.default_rng(4)
    x, delta = rng.normal(size=(2, 6, 1, 1)), arrays.empty(2, 6, 1, 1)
    truth = one_hot(rng, 2, [6]).reshape(x.shape)
    ops.softmax_loss(arrays.plain(grouped(x, 1, 1.0, False)), truth, delta)
    expected = differences(lambda v: naive.softmax_loss(grouped(v, 1, 1.0, False), truth, False)[0], x)
    np.testing.assert_allclose(delta, expected, atol=1e-6)


# The true gradient is a multiple of Darknet's: its squares have no 1/2, nor has the inner part of "smooth".
@pytest.mark.parametrize(("kind", "factor"), [("sse", 2), ("seg", 2), ("L1", 1), ("wgan", 1)])
def test_cost_is_a_gradient(ops: Ops, arrays: Arrays, kind: str, factor: int) -> None:
    rng = np.random.default_rng(5)
    x, truth, delta = rng.normal(size=(2, 8)), rng.integers(0, 2, (2, 8)).astype(np.float32), arrays.empty(2, 8)
    ops.cost_loss(arrays.plain(x), truth, delta, kind, 1.0, 0.5)
    expected = differences(lambda v: naive.cost_loss(v, truth, kind, 1.0, 0.5)[0], x)
    np.testing.assert_allclose(factor * delta, expected, rtol=1e-5, atol=1e-6)


def test_certain_mistakes_stay_finite(ops: Ops, arrays: Arrays) -> None:
    p, truth, delta = arrays.plain(np.array([[0.0, 1.0]])), np.array([[1, 0]], np.float32), arrays.empty(1, 2)
    assert 87 < ops.softmax_loss(p, truth, delta) < 88
    assert ops.softmax_loss(p, 1 - truth, delta) == 0
    np.testing.assert_array_equal(delta, 0)


def test_threads_and_places_dont_change_a_bit(ops: Ops, arrays: Arrays) -> None:
    rng = np.random.default_rng(6)
    x, truth = rng.normal(size=(7, 50)).astype(np.float32), rng.normal(size=(7, 50)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        ops.set_num_threads(threads)
        delta = arrays.plain(x)  # in place
        results.append([ops.cost_loss(delta, truth, delta), *delta.ravel()])
    assert results[0] == results[1] == results[2]


def test_nothing_to_do(ops: Ops, arrays: Arrays) -> None:
    for shape in [(0, 4), (2, 0)]:
        assert ops.cost_loss(arrays.empty(*shape), arrays.empty(*shape), arrays.empty(*shape)) == 0
        assert ops.softmax_loss(arrays.empty(*shape), arrays.empty(*shape), arrays.empty(*shape)) == 0


@pytest.mark.parametrize("name", ["softmax_loss", "cost_loss"])
def test_arguments(ops: Ops, name: str) -> None:
    loss = getattr(ops, name)
    x, other = np.zeros((2, 6), np.float32), np.zeros((2, 5), np.float32)
    with pytest.raises(ValueError, match=f"{name}: argument 'truth'"):
        loss(x, other, x)
    with pytest.raises(ValueError, match=f"{name}: argument 'truth'"):
        loss(x, x.reshape(3, 4), x)
    with pytest.raises(ValueError, match=f"{name}: argument 'delta'"):
        loss(x, x, other)
    with pytest.raises(ValueError, match=f"{name}: argument 'output'"):
        loss(x.astype(np.float64), x, x)


def test_unknown_cost(ops: Ops) -> None:
    x = np.zeros((2, 6), np.float32)
    with pytest.raises(ValueError, match="cost_loss: argument 'kind': expected sse, masked, smooth, L1, seg or wgan"):
        ops.cost_loss(x, x, x, "l2")
