"""[maxpool]."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..cfg_keys import Keys, Refusal
from ..plan import Builder, Value
from ..shape import Shape
from ..tape import Tape
from .base import MAX_EXTENT, Layer, register


@register("maxpool", "max")
class MaxPool(Layer):
    """Maximum over size x size windows. `padding` is Darknet's total (default size - 1), mostly right and below."""

    keys = Keys(
        idle="out_channels",  # of maxpool_depth
        refused={
            "stride_x": Refusal("step otherwise from left to right than from top to bottom"),
            "stride_y": Refusal("step otherwise from top to bottom than from left to right"),
            "maxpool_depth": Refusal("take the maximum over channels"),
            "antialiasing": Refusal("blur the output before it is thinned out"),
            "maxpool_zero_nonmax": Refusal("put 0 for each pixel that is no maximum"),
        },
    )

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        self.size = section.int_("size", self.stride, low=1, high=MAX_EXTENT)
        self.padding = section.int_("padding", self.size - 1, low=0, high=MAX_EXTENT)
        c, h, w = self.inputs
        if self.size > min(h, w) + self.padding:
            raise section.error(f"size={self.size} is larger than the padded input ({w} x {h})", "size")
        self.out = Shape(c, (h + self.padding - self.size) // self.stride + 1,
                         (w + self.padding - self.size) // self.stride + 1)  # fmt: skip

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.maxpool_forward, p.blocked(x), y, self.size, self.stride, self.padding)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.maxpool_backward, p.blocked(x), dy, dx, self.size, self.stride, self.padding, False)
            p.add_delta(x, dx)
