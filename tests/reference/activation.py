"""Darknet's activations and those of AlexeyAB's fork that are plain functions, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def logistic(x: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-x))


def stair(x: Doubles) -> Doubles:
    floor = np.floor(x)
    return np.where(floor % 2 == 0, np.floor(x / 2), x - floor + np.floor(x / 2))


def mish(x: Doubles) -> Doubles:
    return x * np.tanh(np.logaddexp(0, x))


def hard_mish(x: Doubles) -> Doubles:
    return np.where(x > 0, x, np.where(x > -2, x * x / 2 + x, 0))


def selu(x: Doubles) -> Doubles:
    return 1.0507 * np.where(x >= 0, x, 1.6732 * np.expm1(np.minimum(x, 0)))


def gelu(x: Doubles) -> Doubles:
    return 0.5 * x * (1 + np.tanh(0.797885 * x + 0.035677 * x**3))


def plse(x: Doubles) -> Doubles:
    return np.where(x < -4, 0.01 * (x + 4), np.where(x > 4, 0.01 * (x - 4) + 1, 0.125 * x + 0.5))


def lhtan(x: Doubles) -> Doubles:
    return np.where(x < 0, 0.001 * x, np.where(x > 1, 0.001 * (x - 1) + 1, x))


ACTIVATIONS: dict[str, Callable[[Doubles], Doubles]] = {
    "linear": lambda x: x,
    "logistic": logistic,
    "loggy": lambda x: np.tanh(x / 2),
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x >= 0, x, np.expm1(np.minimum(x, 0))),
    "selu": selu,
    "relie": lambda x: np.where(x > 0, x, 0.01 * x),
    "plse": plse,
    "hardtan": lambda x: np.clip(x, -1, 1),
    "lhtan": lhtan,
    "ramp": lambda x: np.maximum(x, 0) + 0.1 * x,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "tanh": np.tanh,
    "stair": stair,
    "relu6": lambda x: np.clip(x, 0, 6),
    "swish": lambda x: x * logistic(x),
    "mish": mish,
    "hard_mish": hard_mish,
    "gelu": gelu,
}


def activate(x: NDArray[np.floating], name: str) -> Doubles:
    return ACTIVATIONS[name](x.astype(np.float64))


# Slopes as functions of the output, for the activations that have one.
SLOPES: dict[str, Callable[[Doubles], Doubles]] = {
    "linear": np.ones_like,
    "logistic": lambda y: (1 - y) * y,
    "loggy": lambda y: 2 * (1 - (y + 1) / 2) * ((y + 1) / 2),
    "relu": lambda y: np.where(y > 0, 1.0, 0.0),
    "elu": lambda y: np.where(y >= 0, 1, y + 1),
    # Below 0 the slope is y + 1.0507 * 1.6732.
    "selu": lambda y: np.where(y >= 0, 1.0507, y + 1.0507 * 1.6732),
    "relie": lambda y: np.where(y > 0, 1, 0.01),
    "plse": lambda y: np.where((y < 0) | (y > 1), 0.01, 0.125),
    "hardtan": lambda y: np.where((y > -1) & (y < 1), 1.0, 0.0),
    "lhtan": lambda y: np.where((y > 0) & (y < 1), 1, 0.001),
    "ramp": lambda y: np.where(y > 0, 1.1, 0.1),
    "leaky": lambda y: np.where(y > 0, 1, 0.1),
    "tanh": lambda y: 1 - y * y,
    "stair": lambda y: np.where(np.floor(y) == y, 0.0, 1.0),
    "relu6": lambda y: np.where((y > 0) & (y < 6), 1.0, 0.0),
}


def mish_slope(x: Doubles) -> Doubles:
    tanh = np.tanh(np.logaddexp(0, x))
    return tanh + x * (1 - tanh**2) * logistic(x)


def gelu_slope(x: Doubles) -> Doubles:
    tanh = np.tanh(0.797885 * x + 0.035677 * x**3)
    return (1 + tanh) / 2 + x / 2 * (1 - tanh**2) * (0.797885 + 3 * 0.035677 * x**2)


# Slopes as functions of the input, for the others.
INPUT_SLOPES: dict[str, Callable[[Doubles], Doubles]] = {
    "swish": lambda x: logistic(x) * (1 + x * (1 - logistic(x))),
    "mish": mish_slope,
    "hard_mish": lambda x: np.where(x > 0, 1, np.where(x > -2, x + 1, 0)),
    "gelu": gelu_slope,
}


def activate_backward(v: NDArray[np.floating], dy: NDArray[np.floating], name: str) -> Doubles:
    """v is the output, or what INPUT_SLOPES are functions of."""
    return dy.astype(np.float64) * (SLOPES | INPUT_SLOPES)[name](v.astype(np.float64))
