"""[maxpool]."""

from __future__ import annotations

from ..formats.cfg_keys import Keys, Refusal
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import register
from .common.windows import Windowed


@register("maxpool", "max")
class MaxPool(Windowed):
    """Maximum over windows. That of a window wholly in the padding is the lowest float32, as Darknet has it."""

    keys = Keys(
        idle="out_channels",  # of maxpool_depth
        refused={
            "maxpool_depth": Refusal("take the maximum over channels"),
            "antialiasing": Refusal("blur the output before it is thinned out"),
            "maxpool_zero_nonmax": Refusal("put 0 for each pixel that is no maximum"),
        },
    )

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        p.emit(p.ops.maxpool_forward, p.blocked(x), y, self.size, self.strides, self.padding)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.maxpool_backward, p.blocked(x), dy, dx, self.size, self.strides, self.padding, False)
            p.add_delta(x, dx)
