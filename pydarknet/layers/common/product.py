"""What [scale_channels] and [sam] share: an earlier layer times the previous one."""

from __future__ import annotations

from collections.abc import Sequence

from ...backends.ops import FactorOf
from ...formats.cfg import Section
from ...plan.activations import read_activation
from ...plan.plan import Builder, Value
from ...plan.shapes import Shape
from ...plan.tape import Tape
from ..base import Layer
from .references import resolve


class Product(Layer):
    """y = f(layer `from` times the previous layer), which gives one factor for each `of` of the other."""

    of: FactorOf = "number"

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.source = resolve(section, "from", section.int_("from"), previous)
        self.activation = read_activation(section, "linear")
        self.out = self.source.out
        c, h, w = self.out
        factors = {"number": self.out, "channel": Shape(c, 1, 1), "pixel": Shape(1, h, w)}[self.of]
        if self.inputs != factors:
            raise section.error(
                f"expects {factors} from the layer before, one factor for each {self.of} of layer "
                f"{self.source.index}, which gives {self.out}; found {self.inputs}",
                "from",
            )

    def plan(self, p: Builder, x: Value) -> Value:
        y = self.product(p, x)
        if self.activation != "linear":
            p.emit(p.ops.activate, y, p.ops.Activation(self.activation))
        return y

    def train(self, p: Tape, x: Value) -> Value:
        return p.activate(self, self.product(p, x))

    def product(self, p: Builder, x: Value) -> Value:
        """The layers multiplied, before the activation."""
        y = p.new(self.out)
        p.emit(p.ops.multiply_forward, p.blocked(p.outputs[self.source.index]), p.blocked(x), y, self.of)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, source = p.delta(y), p.outputs[self.source.index]
        if dy is None:
            return
        p.activate_backward(self, y, dy)
        dsource, dx = p.new(self.out), p.new(self.inputs)
        p.emit(p.ops.multiply_forward, dy, p.blocked(x), dsource, self.of)
        p.emit(p.ops.multiply_backward, p.blocked(source), dy, dx, self.out.c, self.of, False)
        p.add_delta(source, dsource)
        p.add_delta(x, dx)
