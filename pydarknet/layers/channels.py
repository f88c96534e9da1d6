"""[shift_channels] and [control_channels] of the YOLOR line (WongKinYiu/yolor): a sum or product with what a network
knows without looking."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register
from .common.references import resolve


class OfChannels(Layer):
    """The previous layer with a number of layer `from` for each of its channels."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.source = resolve(section, "from", section.int_("from"), previous)
        if self.source.out != Shape(self.inputs.c, 1, 1):
            raise section.error(
                f"expects a number for each of {self.inputs.c} channels from layer {self.source.index}, found "
                f"{self.source.out}",
                "from",
            )

    def numbers(self, p: Builder) -> Value:
        """One for each channel."""
        return p.blocked(p.outputs[self.source.index])

    def ones(self, p: Builder) -> Value:
        """An image of them."""
        value = p.new(self.out)
        p.emit(p.ops.fill, value, 1.0)
        return value


@register("shift_channels")
class ShiftChannels(OfChannels):
    """Each channel plus its number."""

    def plan(self, p: Builder, x: Value) -> Value:
        y = self.ones(p)
        p.emit(p.ops.multiply_forward, y, self.numbers(p), y, "channel")
        p.emit(p.ops.add, p.blocked(x), y)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None:
            return
        dnumbers = p.new(self.source.out)
        p.emit(p.ops.multiply_backward, self.ones(p), dy, dnumbers, self.out.c, "channel", False)
        p.add_delta(p.outputs[self.source.index], dnumbers)
        p.add_delta(x, dy)


@register("control_channels")
class ControlChannels(OfChannels):
    """Each channel times its number."""

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.multiply_forward, p.blocked(x), self.numbers(p), y, "channel")
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None:
            return
        dx, dnumbers = p.new(self.out), p.new(self.source.out)
        p.emit(p.ops.multiply_forward, dy, self.numbers(p), dx, "channel")
        p.emit(p.ops.multiply_backward, p.blocked(x), dy, dnumbers, self.out.c, "channel", False)
        p.add_delta(p.outputs[self.source.index], dnumbers)
        p.add_delta(x, dx)
