"""[crop]: the middle of the picture (a random part of it in training), scaled to -1..1 unless `noadjust`."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..plan import Builder, Value
from ..shape import Shape
from .base import Layer, register


@register("crop")
class Crop(Layer):
    """crop_width x crop_height out of the input."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        c, h, w = self.inputs
        self.noadjust = section.bool_("noadjust", False)
        height = section.int_("crop_height", 1, low=1)
        width = section.int_("crop_width", 1, low=1)
        if height > h or width > w:
            raise section.error(f"the crop ({width} x {height}) is larger than the input ({w} x {h})")
        self.out = Shape(c, height, width)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(p.ops.crop_forward, p.plain(x), y, self.noadjust)
        return y
