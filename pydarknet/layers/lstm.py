"""[lstm]: long short-term memory."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Value
from ..plan.shapes import Shape
from .base import Layer, register
from .common.recurrent import States
from .common.unroll import Unroll
from .gru import Gated

GATES = "figo"


@register("lstm")
class Lstm(Gated):
    """f, i, o = logistic(w(h) + u(x)); g = tanh(w(h) + u(x)); c = f * c + i * g; h = o * tanh(c) = y."""

    orders = (
        ("wi", "wf", "wo", "wg", "ui", "uf", "uo", "ug"),
        ("wf", "wi", "wg", "wo", "uf", "ui", "ug", "uo"),
    )

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        state = Shape(section.int_("output", 1, low=1), 1, 1)
        inputs = {name: state if name[0] == "w" else self.inputs for name in self.orders[0]}
        self.compose(self.dense(inputs, state.c), {"h": state, "c": state}, state)

    def inputs_of(self, work: Unroll, x: Value) -> Sequence[Sequence[Value]]:
        return [work.ahead(self.inner[f"u{gate}"], x) for gate in GATES]

    def step(self, work: Unroll, inputs: Sequence[Value], states: States) -> tuple[Value, States]:
        h, c = states
        sums = [work.sum(u, work.layer(self.inner[f"w{gate}"], h)) for gate, u in zip(GATES, inputs, strict=True)]
        f, i, g, o = (
            work.activate(x, "tanh" if gate == "g" else "logistic") for gate, x in zip(GATES, sums, strict=True)
        )
        c = work.sum(work.product(f, c), work.product(i, g))
        h = work.product(o, work.activate(c, "tanh"))
        return h, [h, c]
