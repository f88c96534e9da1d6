"""Activations against float64, over all of float32's useful range."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.plan.activations import SLOPE_OF_INPUT
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays
from tests.lib.tolerances import EPSILON, TOLERANCES, assert_close
from tests.reference.activation import ACTIVATIONS, INPUT_SLOPES, SLOPES, activate, activate_backward

# Which line of the table each activation has.
NAMES = {
    "linear": "piecewise", "logistic": "logistic", "loggy": "tanh", "relu": "piecewise", "elu": "tanh",
    "selu": "tanh", "relie": "piecewise", "plse": "cancelling", "hardtan": "piecewise", "lhtan": "cancelling",
    "ramp": "piecewise", "leaky": "piecewise", "tanh": "tanh", "stair": "cancelling", "relu6": "piecewise",
    "swish": "logistic", "mish": "mish", "hard_mish": "cancelling", "gelu": "gelu",
}  # fmt: skip


def samples() -> np.ndarray:
    """Dense around 0 where activations bend, sparse out to 80, tiny numbers, and every bend itself."""
    rng = np.random.default_rng(1)
    tiny = np.float32(10.0) ** rng.uniform(-30, -1, 2000).astype(np.float32)
    bends = np.arange(-20, 21, 0.5, np.float32)
    parts = [rng.normal(0, 2, 20000), rng.uniform(-80, 80, 5000), tiny, -tiny, bends, [0.0, -0.0]]
    return np.concatenate(parts).astype(np.float32)


def test_every_activation_is_tested() -> None:
    assert NAMES.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_against_float64(ops: Ops, arrays: Arrays, name: str) -> None:
    x = samples()
    y = arrays.plain(x)
    ops.activate(y, ops.Activation(name))
    assert_close(y, activate(x, name), NAMES[name])


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (15,), (16,), (17,), (7, 5, 3), (2, 1, 31, 9, 16), (40009,)])
def test_every_shape(ops: Ops, arrays: Arrays, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(2).normal(0, 3, shape).astype(np.float32)
    y = arrays.plain(x)
    ops.activate(y, ops.Activation("logistic"))
    assert_close(y, activate(x, "logistic"), "logistic")


def test_exp_is_good_to_two_units_in_the_last_place(ops: Ops, arrays: Arrays) -> None:
    # Below -20 the logistic function is e^x to float32's precision.
    x = np.random.default_rng(3).uniform(-86, -20, 200_000).astype(np.float32)
    y = arrays.plain(x)
    ops.activate(y, ops.Activation("logistic"))
    on_device = ops.alignment > x.itemsize
    assert_close(y, np.exp(x.astype(np.float64)), "device exp" if on_device else "exp")
    assert TOLERANCES["exp"].relative <= 2e-7


def test_small_exponentials_are_zero(cpu_ops: Ops) -> None:
    # A core takes ten times as long for denormal ones.
    y = np.full(17, -95, np.float32)
    cpu_ops.activate(y, cpu_ops.Activation("mish"))
    assert not y.any()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("logistic", 0, 1), ("loggy", -1, 1), ("tanh", -1, 1), ("elu", -1, np.inf), ("relu6", 0, 6),
     ("leaky", -np.inf, np.inf), ("relu", 0, np.inf), ("selu", -1.0507 * 1.6732, np.inf)],
)  # fmt: skip
def test_limits(ops: Ops, arrays: Arrays, name: str, low: float, high: float) -> None:
    y = arrays.plain(np.array([-np.inf, np.inf, -3e38, 3e38, -1000, 1000], np.float32))
    ops.activate(y, ops.Activation(name))
    np.testing.assert_allclose(y[:2], [low, high], rtol=1e-7)
    assert np.isfinite(y[2:]).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS.keys() - {"relu", "ramp", "hard_mish", "relu6", "hardtan"}))
def test_nan_stays_nan(ops: Ops, arrays: Arrays, name: str) -> None:
    y = arrays.plain(np.full(17, np.nan, np.float32))
    ops.activate(y, ops.Activation(name))
    assert np.isnan(y).all()


def test_unknown_name(ops: Ops, arrays: Arrays) -> None:
    with pytest.raises(ValueError, match="unknown activation 'leeky'"):
        ops.Activation("leeky")
    with pytest.raises(ValueError, match=r"activate: argument 'activation': expected an Activation.* 'leaky'"):
        ops.activate(arrays.plain(np.zeros(3)), "leaky")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SLOPES)
def test_backward(ops: Ops, arrays: Arrays, name: str) -> None:
    y = activate(samples(), name).astype(np.float32)
    dy = np.random.default_rng(3).normal(size=y.shape).astype(np.float32)
    dx = arrays.plain(dy)
    ops.activate_backward(arrays.plain(y), dx, ops.Activation(name))
    # Of order 1 are the terms of 1 - y^2 and the like, so that is what their rounding is relative to.
    bound = 8 * EPSILON * np.maximum(np.abs(activate_backward(y, dy, name)), np.abs(dy))
    assert (np.abs(dx - activate_backward(y, dy, name)) <= bound).all()


def test_slopes_of_the_input_are_those_that_layers_know() -> None:
    assert INPUT_SLOPES.keys() == SLOPE_OF_INPUT
    assert ACTIVATIONS.keys() == SLOPES.keys() | INPUT_SLOPES.keys()


@pytest.mark.parametrize("name", INPUT_SLOPES)
def test_backward_from_the_input(ops: Ops, arrays: Arrays, name: str) -> None:
    x = np.append(samples(), np.float32([1e20, -1e20, 3e38, -3e38]))
    dy = np.random.default_rng(3).normal(size=x.shape).astype(np.float32)
    dx = arrays.plain(dy)
    ops.activate_backward(arrays.plain(x), dx, ops.Activation(name))
    with np.errstate(over="ignore"):
        expected = activate_backward(np.clip(x, -1e3, 1e3), dy, name)
    # Slopes are of order 1, and x is multiplied by what is 1 minus something near 1 in float32: 0 beyond 90.
    assert (np.abs(dx - expected) <= 8 * EPSILON * np.abs(dy) * np.clip(np.abs(x), 1, 90)).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activate_to_another_array(ops: Ops, arrays: Arrays, name: str) -> None:
    x = samples()[:1003]
    in_place, y, source = arrays.plain(x), arrays.empty(1003), arrays.plain(x)
    ops.activate(in_place, ops.Activation(name))
    ops.activate_to(source, y, ops.Activation(name))
    np.testing.assert_array_equal(y, in_place)
    np.testing.assert_array_equal(source, x)
    arrays.check()


@pytest.mark.parametrize("shape", [(0,), (1,), (15,), (17,), (7, 5, 3), (2, 1, 31, 9, 16), (40009,)])
def test_backward_of_every_shape(ops: Ops, arrays: Arrays, shape: tuple[int, ...]) -> None:
    y, dy = np.random.default_rng(4).normal(size=(2, *shape)).astype(np.float32)
    dx = arrays.plain(dy)
    ops.activate_backward(arrays.plain(y), dx, ops.Activation("leaky"))
    assert_close(dx, np.where(y > 0, dy, 0.1 * dy.astype(np.float64)), "piecewise")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_derivatives(name: str) -> None:
    x = np.random.default_rng(5).uniform(-9, 9, 300)
    bends = np.arange(-9, 10)
    x = x[np.abs(x[:, None] - bends).min(axis=1) > 1e-3]
    dy = np.random.default_rng(6).normal(size=x.shape)
    at = x if name in INPUT_SLOPES else activate(x, name)
    assert_gradient(activate_backward(at, dy, name), lambda x: activate(x, name), x, dy)


def test_backward_arguments(ops: Ops, arrays: Arrays) -> None:
    y, dy = arrays.empty(4), arrays.empty(4)
    with pytest.raises(ValueError, match="activate_backward: argument 'activation': expected an Activation"):
        ops.activate_backward(y, dy, "leaky")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="activate_to: argument 'y'"):
        ops.activate_to(y, arrays.empty(5), ops.Activation("leaky"))
    with pytest.raises(ValueError, match="activate_backward: argument 'dy'"):
        ops.activate_backward(y, arrays.empty(5), ops.Activation("leaky"))
