"""[dropout]: nothing at inference."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register


@register("dropout")
class Dropout(Layer):
    """Drops inputs with `probability` in training only."""

    keys = Keys(training={"dropblock": 0, "dropblock_size_rel": 0.0, "dropblock_size_abs": 0})

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.probability = section.float_("probability", 0.5, low=0.0, high=1.0)

    def plan(self, p: Builder, x: Value) -> Value:
        return x

    def train(self, p: Tape, x: Value) -> Value:
        source, y = p.blocked(x), p.new(self.out)
        mask = p.saved[self.path] = p.backend.empty(y.dims, "uint8")
        random = p.state.random

        def drop(x: Array, y: Array) -> None:
            p.backend.write(mask, random.random(mask.shape, dtype="float32") >= self.probability)
            p.ops.dropout_forward(x, y, mask, self.probability)

        p.emit(drop, source, y)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs)
        if dy is not None:
            p.emit(p.ops.dropout_backward, dy, p.saved[self.path], dx, self.probability, False)
            p.add_delta(x, dx)
