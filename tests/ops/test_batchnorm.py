"""Batch normalisation: of inference, of training, and its gradients."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.plan.activations import ACTIVATIONS, RECTIFIERS
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays, sizes_around
from tests.lib.tolerances import EPSILON, assert_close, assert_sum_close
from tests.reference import batchnorm as naive


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("h", "w"), [(1, 1), (5, 3), (13, 13)])
def test_scale_bias(ops: Ops, arrays: Arrays, h: int, w: int, in_place: bool) -> None:
    rng = np.random.default_rng(1)
    for c in sizes_around(ops.block):
        x = rng.uniform(-3, 3, (2, c, h, w)).astype(np.float32)
        scale, bias = rng.uniform(-3, 3, (2, c)).astype(np.float32)
        source = arrays.blocked(x)
        y = source if in_place else arrays.empty_blocked(2, c, h, w)
        ops.scale_bias(source, arrays.plain(scale), arrays.plain(bias), y)
        channel = (None, slice(None), None, None)
        expected = x.astype(np.float64) * scale[channel] + bias[channel]
        assert_close(arrays.channels(y, c), expected, "scale_bias")
        assert not arrays.lanes(y)[:, c:].any()


@pytest.mark.parametrize(("scales", "biases", "argument"), [(0, 0, "scale"), (99, 99, "scale"), (3, 2, "bias")])
def test_arguments(ops: Ops, arrays: Arrays, scales: int, biases: int, argument: str) -> None:
    x = arrays.empty_blocked(1, 3, 4, 4)
    with pytest.raises(ValueError, match=f"scale_bias: argument '{argument}'"):
        ops.scale_bias(x, arrays.empty(scales), arrays.empty(biases), x)
    with pytest.raises(ValueError, match="scale_bias: argument 'y'"):
        ops.scale_bias(x, arrays.empty(3), arrays.empty(3), arrays.empty_blocked(1, 3, 4, 5))


CASES = [(1, 1, 1), (4, 1, 1), (2, 5, 3), (3, 13, 13), (1, 20, 31)]


def numbers(rng: np.random.Generator, n: int, c: int, h: int, w: int) -> np.ndarray:
    """Channels with means and deviations of their own."""
    centre, spread = rng.uniform(-5, 5, (1, c, 1, 1)), rng.uniform(0.1, 3, (1, c, 1, 1))
    return rng.normal(centre, spread, (n, c, h, w)).astype(np.float32)


SLOPES = {"linear": 1.0, "leaky": 0.1, "relu": 0.0}


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("n", "h", "w"), CASES)
def test_train(
    ops: Ops, arrays: Arrays, n: int, h: int, w: int, inside: bool, in_place: bool, activation: str
) -> None:
    rng = np.random.default_rng(2)
    epsilon = 1e-5 if inside else 1e-6
    for c in sizes_around(ops.block):
        x = numbers(rng, n, c, h, w)
        scales, biases, rolling_mean, rolling_variance = rng.uniform(0.5, 3, (4, c)).astype(np.float32)
        mean, variance = arrays.empty(c), arrays.empty(c)
        rolled = arrays.plain(rolling_mean), arrays.plain(rolling_variance)
        source = arrays.blocked(x)
        y = source if in_place else arrays.empty_blocked(n, c, h, w)
        ops.batchnorm_train(
            source, y, mean, variance, *rolled, arrays.plain(scales), arrays.plain(biases), epsilon, inside, 0.99, c,
            ops.Activation(activation),
        )  # fmt: skip
        expected_mean, expected_variance = naive.statistics(x)
        np.testing.assert_allclose(mean, expected_mean, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(variance, expected_variance, rtol=1e-6)
        np.testing.assert_allclose(rolled[0], 0.99 * rolling_mean + 0.01 * expected_mean, rtol=3e-7, atol=1e-7)
        np.testing.assert_allclose(rolled[1], 0.99 * rolling_variance + 0.01 * expected_variance, rtol=3e-7)
        normal = naive.train(x, scales, biases, epsilon, inside)
        assert_close(arrays.channels(y, c), np.maximum(normal, SLOPES[activation] * normal), "batchnorm")
        assert not arrays.lanes(y)[:, c:].any()


def test_train_far_from_zero(ops: Ops, arrays: Arrays) -> None:
    """A sum of squares in one pass would lose the variance altogether here."""
    x = np.random.default_rng(3).normal(1000, 0.01, (3, 3, 40, 50)).astype(np.float32)
    mean, variance, ones = arrays.empty(3), arrays.empty(3), np.ones(3, np.float32)
    y = arrays.empty_blocked(3, 3, 40, 50)
    ops.batchnorm_train(
        arrays.blocked(x), y, mean, variance, ones.copy(), ones.copy(), ones, None, 1e-6, False, 0.9, 3,
        ops.Activation("linear"),
    )  # fmt: skip
    np.testing.assert_allclose(mean, naive.statistics(x)[0], rtol=1e-7)
    np.testing.assert_allclose(variance, naive.statistics(x)[1], rtol=1e-6)


def test_train_on_a_constant(ops: Ops, arrays: Arrays) -> None:
    x = np.full((2, 3, 7, 9), 0.1, np.float32)
    mean, variance, ones = arrays.empty(3), arrays.empty(3), np.ones(3, np.float32)
    y = arrays.empty_blocked(2, 3, 7, 9)
    ops.batchnorm_train(
        arrays.blocked(x), y, mean, variance, ones.copy(), ones.copy(), ones, ones, 1e-6, False, 0.9, 3,
        ops.Activation("linear"),
    )  # fmt: skip
    np.testing.assert_array_equal(mean, x[0, :, 0, 0])
    np.testing.assert_allclose(variance, 0, atol=1e-15)
    np.testing.assert_allclose(arrays.channels(y, 3), 1, rtol=1e-6)


def test_train_without_pixels(ops: Ops, arrays: Arrays) -> None:
    x, ones = arrays.empty_blocked(0, 3, 4, 4), np.ones(3, np.float32)
    rolling, linear = (arrays.plain(ones), arrays.plain(ones)), ops.Activation("linear")
    ops.batchnorm_train(x, x, arrays.empty(3), arrays.empty(3), *rolling, ones, None, 1e-6, False, 0.9, 3, linear)
    assert (rolling[0] == 1).all()
    assert (rolling[1] == 1).all()


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("n", "h", "w"), CASES[1:])
def test_backward(ops: Ops, arrays: Arrays, n: int, h: int, w: int, inside: bool, in_place: bool) -> None:
    rng = np.random.default_rng(4)
    for c in sizes_around(ops.block):
        x, dy = numbers(rng, n, c, h, w), rng.normal(size=(n, c, h, w)).astype(np.float32)
        mean, variance = (s.astype(np.float32) for s in naive.statistics(x))
        scales, before = rng.uniform(0.5, 3, (2, c)).astype(np.float32)
        dscales, dbiases = arrays.plain(before), arrays.plain(before)
        gradient = arrays.blocked(dy)
        dx = gradient if in_place else arrays.empty_blocked(n, c, h, w)
        ops.batchnorm_backward(
            arrays.blocked(x), mean, variance, scales, None, gradient, dx, dscales, dbiases,
            1e-6, False, 1e-5, inside, c, ops.Activation("linear"),
        )  # fmt: skip
        expected = naive.backward(x, mean, variance, scales, dy, 1e-6, False, 1e-5, inside)
        magnitude = naive.deviation(variance, 1e-5, inside)
        # Three terms of the size of scales / deviation cancel; normal numbers are below 5 here.
        bound = 16 * EPSILON * 5 * (scales / magnitude)[None, :, None, None]
        assert (np.abs(arrays.channels(dx, c) - expected[0]) <= bound).all()
        assert_sum_close(dscales, before + expected[1], before + np.abs(dy).sum(axis=(0, 2, 3)) * 5, n * h * w)
        assert_sum_close(dbiases, before + expected[2], before + np.abs(dy).sum(axis=(0, 2, 3)), n * h * w)


def test_backward_without_biases(ops: Ops, arrays: Arrays) -> None:
    x, ones = arrays.blocked(np.ones((1, 3, 2, 2), np.float32)), np.ones(3, np.float32)
    dscales = arrays.plain(np.zeros(3))
    linear = ops.Activation("linear")
    ops.batchnorm_backward(x, ones, ones, ones, None, x, x, dscales, None, 1e-6, False, 1e-5, True, 3, linear)
    assert not dscales.any()


class Steps:
    """A normalisation and what follows it: each op by itself, or all in one call."""

    def __init__(self, ops: Ops, arrays: Arrays, x: np.ndarray, activation: str, pooled: bool) -> None:
        n, c, h, w = x.shape
        rng = np.random.default_rng(7)
        self.x, self.f, self.pooled, self.shape = arrays.blocked(x), ops.Activation(activation), pooled, x.shape
        self.linear, self.affine = ops.Activation("linear"), list(rng.uniform(-2, 2, (2, c)).astype(np.float32))
        self.statistics = list(np.zeros((4, c), np.float32))
        self.half = n, c, h // 2, w // 2
        self.ops, self.arrays = ops, arrays

    def train(self, y: np.ndarray, f: object) -> None:
        self.ops.batchnorm_train(self.x, y, *self.statistics, *self.affine, 1e-6, False, 0.9, self.shape[1], f)

    def backward(self, dy: np.ndarray, dx: np.ndarray, f: object) -> np.ndarray:
        sums = np.zeros((2, self.shape[1]), np.float32)
        options = 1e-6, False, 1e-5, False, self.shape[1]
        self.ops.batchnorm_backward(self.x, *self.statistics[:2], *self.affine, dy, dx, *sums, *options, f)
        return sums

    def one_by_one(self, dy: np.ndarray) -> list[np.ndarray]:
        y, dx, c = self.arrays.empty_blocked(*self.shape), self.arrays.empty_blocked(*self.shape), self.shape[1]
        self.train(y, self.linear)
        self.ops.activate(y, self.f)
        z = y
        if self.pooled:
            z = self.arrays.empty_blocked(*self.half)
            self.ops.maxpool_forward(y, z, 2, 2, 0)
            self.ops.maxpool_backward(y, dy, dx, 2, 2, 0, False)
        else:
            dx[...] = dy
        self.ops.activate_backward(y, dx, self.f)
        sums = self.backward(dx, dx, self.linear)
        return [self.arrays.channels(z, c), self.arrays.channels(dx, c), sums]

    def at_once(self, dy: np.ndarray, in_place: bool) -> list[np.ndarray]:
        z = self.arrays.empty_blocked(*(self.half if self.pooled else self.shape))
        dx, c = self.x if in_place else self.arrays.empty_blocked(*self.shape), self.shape[1]
        self.train(z, self.f)
        sums = self.backward(dy, dx, self.f)
        return [self.arrays.channels(z, c), self.arrays.channels(dx, c), sums]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize(("n", "h", "w"), [(1, 2, 2), (3, 4, 6), (2, 26, 14)])
def test_what_follows_in_one_pass(
    ops: Ops, arrays: Arrays, n: int, h: int, w: int, activation: str, pooled: bool, in_place: bool
) -> None:
    """Bit for bit what the ops do one after the other; sums are added in another order. Many values are equal, some
    are the lowest or no numbers: which maximum gets the gradient matters."""
    rng = np.random.default_rng(8)
    for c in sizes_around(ops.block):
        x = rng.integers(-3, 4, (n, c, h, w)).astype(np.float32)
        steps = Steps(ops, arrays, x, activation, pooled)
        dy = arrays.blocked(rng.normal(size=steps.half if pooled else x.shape))
        expected_y, expected_dx, expected_sums = steps.one_by_one(dy)
        y, dx, sums = steps.at_once(dy, in_place)
        np.testing.assert_array_equal(y, expected_y)
        np.testing.assert_allclose(sums, expected_sums, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(dx, expected_dx, rtol=1e-5, atol=1e-5)


def test_pooling_of_what_is_no_number(ops: Ops, arrays: Arrays) -> None:
    """As max-pooling: the lowest number, and no gradient, where a window has none."""
    x = np.full((1, 1, 2, 4), np.nan, np.float32)
    x[..., 2:] = 1
    steps = Steps(ops, arrays, x, "leaky", True)
    steps.statistics[0][:], steps.statistics[1][:] = 0, 1
    dy, dx = arrays.blocked(np.ones((1, 1, 1, 2), np.float32)), arrays.empty_blocked(*x.shape)
    sums = steps.backward(dy, dx, steps.f)
    assert np.isfinite(sums).all()
    assert sums[1] == dy[0, 0, 0, 1, 0] * (1 if steps.affine[0] + steps.affine[1] > 0 else np.float32(0.1))


def test_which_activations_are_rectifiers(ops: Ops, arrays: Arrays) -> None:
    x, ones = arrays.blocked(np.ones((1, 3, 2, 2), np.float32)), np.ones(3, np.float32)
    for name in ACTIVATIONS:
        with nullcontext() if name in RECTIFIERS else pytest.raises(ValueError, match="argument 'activation'"):
            ops.batchnorm_train(
                x, x, *np.ones((4, 3), np.float32), ones, None, 1e-6, False, 0.9, 3, ops.Activation(name)
            )


def test_backward_is_the_derivative() -> None:
    """Equal but for Darknet's N - 1 in the variance, of which its backward step knows nothing."""
    rng = np.random.default_rng(5)
    x, dy = rng.normal(1, 2, (3, 2, 3, 4)), rng.normal(size=(3, 2, 3, 4))
    scales, biases = rng.uniform(0.5, 2, (2, 2))
    count = 36

    def biased(x: np.ndarray, scales: np.ndarray) -> np.ndarray:
        mean, variance = naive.statistics(x)
        normal = (x - mean[naive.CHANNEL]) / np.sqrt(variance * (count - 1) / count + 1e-5)[naive.CHANNEL]
        return scales[naive.CHANNEL] * normal + biases[naive.CHANNEL]

    mean, variance = naive.statistics(x)
    dx, dscales, dbiases = naive.backward(x, mean, variance * 35 / 36, scales, dy, 1e-5, True, 1e-5, True)
    assert_gradient(dx, lambda x: biased(x, scales), x, dy)
    assert_gradient(dscales, lambda scales: biased(x, scales), scales, dy)
    np.testing.assert_allclose(dbiases, dy.sum(axis=(0, 2, 3)))


@pytest.mark.parametrize(("n", "h", "w"), CASES)
def test_bias_backward(ops: Ops, arrays: Arrays, n: int, h: int, w: int) -> None:
    rng = np.random.default_rng(6)
    for c in sizes_around(ops.block):
        dy, before = rng.normal(size=(n, c, h, w)).astype(np.float32), rng.normal(size=c).astype(np.float32)
        dbias = arrays.plain(before)
        ops.bias_backward(arrays.blocked(dy), dbias, c)
        magnitude = np.abs(before) + np.abs(dy).sum(axis=(0, 2, 3))
        assert_sum_close(dbias, before + dy.sum(axis=(0, 2, 3), dtype=np.float64), magnitude, n * h * w)


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", None), ("y", (1, 3, 4, 5)), ("mean", 2), ("variance", 2), ("rolling_mean", 2), ("rolling_variance", 2),
     ("scales", 2), ("biases", 2), ("epsilon", -1.0), ("epsilon", float("nan")), ("rolling", 1.5), ("channels", 99)],
)  # fmt: skip
def test_train_arguments(ops: Ops, arrays: Arrays, name: str, value: object) -> None:
    def array(argument: str, *shape: int) -> object:
        if argument != name:
            return arrays.empty_blocked(*shape) if len(shape) == 4 else arrays.empty(*shape)
        if isinstance(value, tuple):
            return arrays.empty_blocked(*value)
        return arrays.empty(value) if isinstance(value, int) else None

    def number(argument: str, usual: float) -> object:
        return value if argument == name else usual

    floats = ["mean", "variance", "rolling_mean", "rolling_variance", "scales", "biases"]
    with pytest.raises(ValueError, match=f"batchnorm_train: argument '{name}'"):
        ops.batchnorm_train(
            array("x", 1, 3, 4, 4), array("y", 1, 3, 4, 4), *(array(f, 3) for f in floats),
            number("epsilon", 1e-6), False, number("rolling", 0.9), number("channels", 3), ops.Activation("linear"),
        )  # fmt: skip


@pytest.mark.parametrize("short", ["mean", "variance", "scales", "biases", "dscales", "dbiases", "dy", "dx"])
def test_backward_arguments(ops: Ops, arrays: Arrays, short: str) -> None:
    def array(argument: str) -> np.ndarray:
        less = argument == short
        return arrays.empty_blocked(1, 3, 4, 4 - less) if argument in ("dy", "dx") else arrays.empty(3 - less)

    names = ["mean", "variance", "scales", "biases", "dy", "dx", "dscales", "dbiases"]
    with pytest.raises(ValueError, match=f"batchnorm_backward: argument '{short}'"):
        ops.batchnorm_backward(
            arrays.empty_blocked(1, 3, 4, 4), *(array(name) for name in names), 1e-6, False, 1e-5, True, 3,
            ops.Activation("linear"),
        )  # fmt: skip


def test_bias_backward_arguments(ops: Ops, arrays: Arrays) -> None:
    for size, channels, argument in [(2, 3, "dbias"), (99, 99, "channels"), (3, -1, "channels")]:
        with pytest.raises(ValueError, match=f"bias_backward: argument '{argument}'"):
            ops.bias_backward(arrays.empty_blocked(1, 3, 4, 4), arrays.empty(size), channels)
