"""[upsample]: each pixel repeated, or with a negative stride tiles of pixels summed."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import MAX_EXTENT, Layer, register


@register("upsample")
class Upsample(Layer):
    """Nearest-neighbour enlargement by `stride`, times `scale`; -stride sums tiles, as Darknet does."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.stride = section.int_("stride", 2, low=-MAX_EXTENT, high=MAX_EXTENT)
        self.scale = section.float_("scale", 1.0)
        c, h, w = self.inputs
        tile = abs(self.stride)
        if not tile or (self.stride < 0 and (h % tile or w % tile)):
            raise section.error(f"stride={self.stride} does not divide the input {w} x {h}", "stride")
        self.out = Shape(c, h * tile, w * tile) if self.stride > 0 else Shape(c, h // tile, w // tile)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.upsample_forward, p.blocked(x), y, self.stride, self.scale)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.upsample_backward, dy, dx, self.stride, self.scale, False)
            p.add_delta(x, dx)
