"""[empty] and [silence] of AlexeyAB's Darknet: nothing at all."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register


@register("empty", "silence")
class Empty(Layer):
    """The layer before once more, under a number of its own."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        pass

    def plan(self, p: Builder, x: Value) -> Value:
        return x

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        """Input and output are one, and so are their deltas."""
