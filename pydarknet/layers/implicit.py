"""[implicit] of AlexeyAB's Darknet: what a network knows without looking (YOLOR); and [implicit_add] and
[implicit_mul], as its authors' cfgs have it (WongKinYiu/yolor)."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array
from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register


@register("implicit")
class Implicit(Layer):
    """`filters` channels of `atoms` learnt numbers each, one below the other; the same for every image."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.mean, self.spread = section.float_("mean", 0.0), section.float_("std", 0.2)
        self.out = Shape(section.int_("filters", 128, low=1), section.int_("atoms", 1, low=1), 1)
        self.records = [Record("weights", self.out)]

    def start_of(self, name: str) -> tuple[float, float] | None:
        return self.mean, self.spread

    @property
    def flat(self) -> Shape:
        """All numbers as channels of one pixel."""
        return Shape(self.out.size, 1, 1)

    def plan(self, p: Builder, x: Value) -> Value:
        """The numbers as the biases of a layer that gives 0."""
        y, ones = p.new(self.flat), p.shared(self.key("ones"), lambda: filled(p, self.out.size, 1.0))
        p.emit(p.ops.fill, y, 0.0)
        p.emit(p.ops.scale_bias, y, ones, p.parameter(self, "weights"), y)
        return self.shaped(p, y, self.out)

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is not None:
            delta = p.blocked(self.shaped(p, dy, self.flat))
            p.emit(p.ops.bias_backward, delta, p.update_of(self, "weights"), self.out.size)

    def shaped(self, p: Builder, value: Value, shape: Shape) -> Value:
        """The same numbers in another shape."""
        if self.out.h == 1:
            return value
        y = p.new(shape, blocked=False)

        def copy(x: Array, y: Array) -> None:
            p.ops.add(x.reshape(y.shape), y)

        p.emit(p.ops.fill, y, 0.0)
        p.emit(copy, p.plain(value), y)
        return y


@register("implicit_add")
class ImplicitAdd(Implicit):
    """`filters` channels of a number each, which begins near 0: for [shift_channels]."""

    start = 0.0

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.mean, self.spread = self.start, 0.02
        self.out = Shape(section.int_("filters", low=1), 1, 1)
        self.records = [Record("weights", self.out)]


@register("implicit_mul")
class ImplicitMul(ImplicitAdd):
    """... near 1: for [control_channels]."""

    start = 1.0


def filled(p: Builder, size: int, value: float) -> Array:
    """So many floats of one value."""
    array = p.backend.empty((size,))
    p.ops.fill(array, value)
    return array
