"""[history]: the last inputs, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Value
from .base import Layer, register
from .common.recurrent import Recurrent, States
from .common.unroll import Unroll


@register("history")
class History(Recurrent):
    """The channels of the input, then those of the inputs before it, `history_size` in all, the newest first."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        size = section.int_("history_size", 4, low=1)
        out = self.inputs._replace(c=size * self.inputs.c)
        self.compose({}, {"past": out}, out)

    def inputs_of(self, work: Unroll, x: Value) -> Sequence[Sequence[Value]]:
        return [work.split(x)]

    def step(self, work: Unroll, inputs: Sequence[Value], states: States) -> tuple[Value, States]:
        older = self.out.c - self.inputs.c
        y = work.stack(inputs[0], states[0], older) if older else inputs[0]
        return y, [y]
