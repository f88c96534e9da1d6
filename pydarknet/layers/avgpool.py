"""[avgpool]: the mean of each channel."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register


@register("avgpool", "avg")
class AvgPool(Layer):
    """Global average pooling."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.out = Shape(self.inputs.c, 1, 1)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.avgpool_forward, p.blocked(x), y)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.avgpool_backward, dy, dx, False)
            p.add_delta(x, dx)
