"""[reorg]: the passthrough layer of YOLOv2 (section 2, "Fine-Grained Features"), in Darknet's own order."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import MAX_EXTENT, Layer, register


@register("reorg")
class Reorg(Layer):
    """Not space-to-depth: Darknet reads the channels as if they were a larger image, and trained weights
    depend on it. `reverse` undoes it, `flatten` transposes channels and pixels, `extra` appends zeros."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        self.reverse = section.bool_("reverse", False)
        self.flatten = section.bool_("flatten", False)
        self.extra = section.int_("extra", 0, low=0)
        c, h, w = self.inputs
        s = self.stride
        if self.extra and self.flatten:
            raise section.error("flatten=1 and extra are two ways of reading the input; expected one", "extra")
        if self.extra:
            self.out = Shape(self.inputs.size + self.extra, 1, 1)
            return
        if c % (s * s):
            raise section.error(f"stride={s} needs a multiple of {s * s} channels, found {c}", "stride")
        if not self.reverse and (h % s or w % s):
            raise section.error(f"stride={s} does not divide the input {w} x {h}", "stride")
        self.out = Shape(c // (s * s), h * s, w * s) if self.reverse else Shape(c * s * s, h // s, w // s)

    def plan(self, p: Builder, x: Value) -> Value:
        if not (self.extra or self.flatten or self.reverse):
            y = p.new(self.out)
            p.emit(p.ops.reorg_blocked, p.blocked(x), y, self.inputs.c, self.stride)
            return y
        y = p.new(self.out, blocked=False)
        p.emit(p.ops.reorg_forward, p.plain(x), y, self.stride, self.reverse, self.flatten, self.extra)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None:
            return
        if self.extra or self.flatten or self.reverse:
            raise self.section.error("can't be trained with reverse, flatten or extra")
        dx = p.new(self.inputs)
        p.emit(p.ops.reorg_backward, dy, dx, self.inputs.c, self.stride, False)
        p.add_delta(x, dx)
