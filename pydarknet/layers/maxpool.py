"""[maxpool]."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..formats.cfg_keys import Keys, Refusal
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import MAX_EXTENT, Layer, read_strides, register


@register("maxpool", "max")
class MaxPool(Layer):
    """Maximum over size x size windows, `strides` (down, across) apart. `padding` is Darknet's total (default
    size - 1), mostly right and below."""

    keys = Keys(
        idle="out_channels",  # of maxpool_depth
        refused={
            "maxpool_depth": Refusal("take the maximum over channels"),
            "antialiasing": Refusal("blur the output before it is thinned out"),
            "maxpool_zero_nonmax": Refusal("put 0 for each pixel that is no maximum"),
        },
    )

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.strides = read_strides(section)
        self.size = section.int_("size", section.int_("stride", 1), low=1, high=MAX_EXTENT)
        self.padding = section.int_("padding", self.size - 1, low=0, high=MAX_EXTENT)
        c, h, w = self.inputs
        if self.size > min(h, w) + self.padding:
            raise section.error(f"size={self.size} is larger than the padded input ({w} x {h})", "size")
        down, across = self.strides
        rows, columns = h + self.padding - self.size, w + self.padding - self.size
        self.out = Shape(c, rows // down + 1, columns // across + 1)

    @property
    def empty_windows(self) -> bool:
        """Whether some window lies wholly in the padding: its maximum is the lowest float32, as Darknet has it."""
        before = self.padding // 2
        ends = zip(self.out[1:], self.strides, self.inputs[1:], strict=True)
        return before >= self.size or any((n - 1) * stride - before >= length for n, stride, length in ends)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.maxpool_forward, p.blocked(x), y, self.size, self.strides, self.padding)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.maxpool_backward, p.blocked(x), dy, dx, self.size, self.strides, self.padding, False)
            p.add_delta(x, dx)
