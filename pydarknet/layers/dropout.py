"""[dropout]: nothing at inference."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..plan import Builder, Value
from .base import Layer, register


@register("dropout")
class Dropout(Layer):
    """Drops inputs with `probability` in training only."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.probability = section.float_("probability", 0.5, low=0.0, high=1.0)

    def plan(self, p: Builder, x: Value) -> Value:
        return x
