"""[local_avgpool] of AlexeyAB's Darknet: the mean of windows."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register
from .common.windows import Windowed


@register("local_avgpool", "local_avg")
class LocalAvgPool(Windowed):
    """Mean over windows, of the pixels that lie inside the image."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        super().configure(section, previous)
        if self.empty_windows:
            raise section.error(
                f"padding={self.padding} puts windows of size={self.size} wholly outside the input, and the mean of "
                "nothing is no number; expected a smaller padding",
                "padding",
            )

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.local_avgpool_forward, p.blocked(x), y, self.size, self.strides, self.padding)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.local_avgpool_backward, dy, dx, self.size, self.strides, self.padding, False)
            p.add_delta(x, dx)
