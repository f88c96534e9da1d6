"""[activation] and [logistic]: an element-wise function as a layer of its own."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.activations import SLOPE_OF_INPUT, read_activation
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register


@register("activation")
class Activation(Layer):
    """y = f(x)."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.activation = read_activation(section, "linear")

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.activate_to, p.blocked(x), y, p.ops.Activation(self.activation))
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is not None:
            at = p.blocked(x) if self.activation in SLOPE_OF_INPUT else y
            p.emit(p.ops.activate_backward, at, dy, p.ops.Activation(self.activation))
            p.add_delta(x, dy)


@register("logistic")
class Logistic(Activation):
    """y = 1 / (1 + exp(-x)); its loss belongs to training."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.activation = "logistic"
