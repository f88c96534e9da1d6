"""[l2norm]: each pixel's channels scaled to unit length."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register


@register("l2norm")
class L2Norm(Layer):
    """y = x / |x| over the channels."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        pass

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(p.ops.l2norm_forward, p.plain(x), y)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        """As in Darknet, the delta passes through."""
        dy, dx = p.delta(y), p.new(self.inputs, blocked=False)
        if dy is not None:
            p.emit(p.ops.l2norm_backward, dy, dx, False)
            p.add_delta(x, dx)
