"""[rnn]: a plain recurrent layer."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.activations import read_activation
from ..plan.plan import Value
from ..plan.shapes import Shape
from .base import Layer, register
from .common.recurrent import Recurrent, States
from .common.unroll import Unroll


class Elman(Recurrent):
    """state = input(x) + self(state before) [+ state before, with `shortcut`]; y = output(state)."""

    shortcut = False

    def inputs_of(self, work: Unroll, x: Value) -> Sequence[Sequence[Value]]:
        return [work.ahead(self.inner["input"], x)]

    def step(self, work: Unroll, inputs: Sequence[Value], states: States) -> tuple[Value, States]:
        before = states[0]
        state = work.sum(inputs[0], work.layer(self.inner["self"], before))
        if self.shortcut:
            state = work.sum(state, before)
        return work.layer(self.inner["output"], state), [state]


@register("rnn")
class Rnn(Elman):
    """Connected layers. `hidden` is the state's size, `output` where it is missing: pjreddie's Darknet knows one size
    only. `logistic` gives the inner layer of the state another activation: 1 logistic, 2 loggy."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        outputs = section.int_("output", 1, low=1)
        hidden = section.int_("hidden", outputs, low=1)
        activation = read_activation(section, "logistic")
        own = {0: activation, 1: "logistic", 2: "loggy"}[section.int_("logistic", 0, low=0, high=2)]
        self.shortcut = section.bool_("shortcut", False)
        state = Shape(hidden, 1, 1)
        inner = {
            **self.dense({"input": self.inputs}, hidden, activation),
            **self.dense({"self": state}, hidden, own),
            **self.dense({"output": state}, outputs, activation),
        }
        self.compose(inner, {"state": state}, Shape(outputs, 1, 1))
