"""[upsample]: each pixel repeated."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..plan import Builder, Value
from ..shape import Shape
from .base import MAX_EXTENT, Layer, register


@register("upsample")
class Upsample(Layer):
    """Nearest-neighbour enlargement by `stride`, times `scale`."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.stride = section.int_("stride", 2, low=1, high=MAX_EXTENT)
        self.scale = section.float_("scale", 1.0)
        c, h, w = self.inputs
        self.out = Shape(c, h * self.stride, w * self.stride)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.upsample_forward, p.blocked(x), y, self.stride, self.scale)
        return y
