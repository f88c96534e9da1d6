"""Darknet's activations as ONNX nodes. Those with bends are sums of clipped lines, without comparisons."""

from __future__ import annotations

from collections.abc import Callable

from ..plan.activations import ACROSS_CHANNELS
from .nodes import Nodes

SHARE_EPSILON = 1e-4  # what is left in the divisor of shares when all numbers are 0


def activate(g: Nodes, x: str, name: str) -> str:
    """f(x) for one of the names in `pydarknet.plan.activations`."""
    if name in ACROSS_CHANNELS:
        return _shares(g, x, ACROSS_CHANNELS[name])
    if name in _ONE_NODE:
        op, attributes = _ONE_NODE[name]
        return g.add(op, x, **attributes)
    return _SEVERAL[name](g, x)


def _shares(g: Nodes, x: str, kind: str) -> str:
    if kind == "softmax_top":
        largest, _ = g.split("TopK", 2, x, g.ints([1]), axis=1)
        x = g.add("Sub", x, largest)
    parts = g.add("Relu" if kind == "relu" else "Exp", x)
    sums = g.add("ReduceSum", parts, g.ints([1]), keepdims=1)
    return g.add("Div", parts, g.add("Add", sums, g.floats(SHARE_EPSILON)))


def _clip(g: Nodes, x: str, low: float, high: float) -> str:
    return g.add("Clip", x, g.floats(low), g.floats(high))


def _clipped_plus_slope(g: Nodes, x: str, low: float, high: float, slope: float) -> tuple[str, str]:
    """clip(x, low, high), and slope * (x - clip(x, low, high)): what lies outside."""
    clipped = _clip(g, x, low, high)
    return clipped, g.scale(g.add("Sub", x, clipped), slope)


def _plse(g: Nodes, x: str) -> str:
    inside, outside = _clipped_plus_slope(g, x, -4, 4, 0.01)
    return g.add("Add", g.add("Add", g.scale(inside, 0.125), g.floats(0.5)), outside)


def _lhtan(g: Nodes, x: str) -> str:
    return g.add("Add", *_clipped_plus_slope(g, x, 0, 1, 0.001))


def _ramp(g: Nodes, x: str) -> str:
    return g.add("Add", g.add("Relu", x), g.scale(x, 0.1))


def _stair(g: Nodes, x: str) -> str:
    # Steps on even unit intervals, slopes on odd ones, where floor(x) - 2 floor(x / 2) is 1.
    floor, half = g.add("Floor", x), g.add("Floor", g.scale(x, 0.5))
    odd = g.add("Sub", floor, g.scale(half, 2))
    return g.add("Add", half, g.add("Mul", odd, g.add("Sub", x, floor)))


def _mish(g: Nodes, x: str) -> str:
    return g.add("Mul", x, g.add("Tanh", g.add("Softplus", x)))


def _hard_mish(g: Nodes, x: str) -> str:
    # x above 0, 0 below -2, and x + x^2 / 2 between, which is 0 at both ends.
    bend = _clip(g, x, -2, 0)
    return g.add("Add", g.add("Relu", x), g.add("Mul", bend, g.add("Add", g.scale(bend, 0.5), g.floats(1))))


def _gelu(g: Nodes, x: str) -> str:
    cube = g.add("Mul", g.add("Mul", x, x), x)
    inner = g.add("Tanh", g.add("Add", g.scale(x, 0.797885), g.scale(cube, 0.035677)))
    return g.add("Mul", g.scale(x, 0.5), g.add("Add", inner, g.floats(1)))


_ONE_NODE: dict[str, tuple[str, dict[str, float]]] = {
    "logistic": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {"alpha": 1.6732, "gamma": 1.0507}),
    "relie": ("LeakyRelu", {"alpha": 0.01}),
    "leaky": ("LeakyRelu", {"alpha": 0.1}),
    "tanh": ("Tanh", {}),
}

_SEVERAL: dict[str, Callable[[Nodes, str], str]] = {
    "linear": lambda g, x: x,
    "loggy": lambda g, x: g.add("Tanh", g.scale(x, 0.5)),
    "plse": _plse,
    "hardtan": lambda g, x: _clip(g, x, -1, 1),
    "lhtan": _lhtan,
    "ramp": _ramp,
    "stair": _stair,
    "relu6": lambda g, x: _clip(g, x, 0, 6),
    "swish": lambda g, x: g.add("Mul", x, g.add("Sigmoid", x)),
    "mish": _mish,
    "hard_mish": _hard_mish,
    "gelu": _gelu,
}
