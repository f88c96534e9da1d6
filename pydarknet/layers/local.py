"""[local]: a convolution with weights of its own at every location (YOLOv1)."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.activations import SLOPE_OF_INPUT, read_activation
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import MAX_EXTENT, Layer, register


@register("local")
class Local(Layer):
    """Weights are (locations, filters, C, size, size), biases (filters, locations). Darknet counts no operations
    for it."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        filters = section.int_("filters", 1, low=1)
        self.size = section.int_("size", 1, low=1, high=MAX_EXTENT)
        self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        self.pad = section.bool_("pad", False)
        self.activation = read_activation(section, "logistic")
        c, h, w = self.inputs
        reach = 1 if self.pad else self.size
        if reach > min(h, w):
            raise section.error(f"size={self.size} is larger than the input ({w} x {h})", "size")
        self.out = Shape(filters, (h - reach) // self.stride + 1, (w - reach) // self.stride + 1)
        locations = self.out.h * self.out.w
        weights = Record("weights", (locations, filters, c, self.size, self.size))
        self.records = [Record("biases", (filters, self.out.h, self.out.w)), weights]

    def plan(self, p: Builder, x: Value) -> Value:
        return self.forward(p, x, self.activation)

    def train(self, p: Tape, x: Value) -> Value:
        if self.activation in SLOPE_OF_INPUT:
            return p.activate(self, self.forward(p, x, "linear"))
        return self.plan(p, x)

    def forward(self, p: Builder, x: Value, activation: str) -> Value:
        """The output with this activation in place of the layer's own."""
        y = p.new(self.out, blocked=False)
        weights, biases = p.parameter(self, "weights"), p.parameter(self, "biases")
        pad = self.size // 2 if self.pad else 0
        f = p.ops.Activation(activation)
        p.emit(p.ops.local_forward, p.plain(x), weights, biases, y, self.size, self.stride, pad, f)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, source = p.delta(y), p.plain(x)
        if dy is None:
            return
        p.activate_backward(self, y, dy)
        dx = p.new(self.inputs, blocked=False) if p.wants_delta(x) else None
        updates = p.update_of(self, "weights"), p.update_of(self, "biases")
        geometry = self.size, self.stride, self.size // 2 if self.pad else 0
        p.emit(p.ops.local_backward, source, p.parameter(self, "weights"), dy, dx, *updates, *geometry, False)
        if dx is not None:
            p.add_delta(x, dx)
