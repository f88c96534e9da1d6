"""[cost]: a loss for training; at inference the input passes through."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..plan import Builder, Value
from .base import Layer, register

TYPES = ("sse", "masked", "smooth", "L1", "seg", "wgan")


@register("cost")
class Cost(Layer):
    """Never the network's output: Darknet's `network_predict` returns the layer before it."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.cost_type = section.str_("type", "sse")
        if self.cost_type not in TYPES:
            raise section.error(f"unknown type {self.cost_type!r}; known: {', '.join(TYPES)}", "type")

    def plan(self, p: Builder, x: Value) -> Value:
        return x
