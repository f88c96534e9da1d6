"""[crop]: the middle of the image (a random part of it in training), scaled to -1..1 unless `noadjust`."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register


@register("crop")
class Crop(Layer):
    """crop_width x crop_height out of the input."""

    keys = Keys(training={"angle": 0.0, "saturation": 1.0, "exposure": 1.0, "shift": 0.0})

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        c, h, w = self.inputs
        self.flip = section.bool_("flip", False)
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

    def train(self, p: Tape, x: Value) -> Value:
        """Another part of the image at each mini-batch, mirrored every other time with flip=1."""
        y, (rows, columns), random = p.new(self.out, blocked=False), self.room(), p.state.random

        def place() -> tuple[int, int, bool]:
            top, left = int(random.integers(rows + 1)), int(random.integers(columns + 1))
            return top, left, self.flip and bool(random.integers(2))

        draw = p.drawn(place)

        def crop(x: Array, y: Array) -> None:
            p.ops.crop_train(x, y, *draw(), self.noadjust)

        p.emit(crop, p.plain(x), y)
        return y

    def room(self) -> tuple[int, int]:
        """How far down and right the crop can move."""
        return self.inputs.h - self.out.h, self.inputs.w - self.out.w

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        """Nothing: a crop stands before whatever learns, as in Darknet."""
