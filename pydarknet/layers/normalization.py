"""[normalization]: local response normalisation across channels."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import MAX_EXTENT, Layer, register


@register("normalization", "lrn")
class Normalization(Layer):
    """Darknet's window of `size` channels with alpha, beta and kappa."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.alpha = section.float_("alpha", 0.0001)
        self.beta = section.float_("beta", 0.75)
        self.kappa = section.float_("kappa", 1.0)
        self.size = section.int_("size", 5, low=1, high=MAX_EXTENT)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(p.ops.lrn_forward, p.plain(x), y, self.size, self.alpha, self.beta, self.kappa)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs, blocked=False)
        if dy is not None:
            p.emit(p.ops.lrn_backward, p.plain(x), dy, dx, self.size, self.alpha, self.beta, self.kappa, False)
            p.add_delta(x, dx)
