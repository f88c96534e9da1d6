"""[gru]: a gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..dialects import Dialect
from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.plan import Value
from ..plan.shapes import Shape
from .base import Layer, register
from .common.recurrent import Recurrent, States, stored
from .common.unroll import Unroll
from .convolutional import Convolution

OF_STATE, OF_INPUT = ("wz", "wr", "wh"), ("uz", "ur", "uh")


class Gated(Recurrent):
    """A layer whose inner layers the Darknets store in orders of their own, pjreddie's first."""

    orders: tuple[Sequence[str], Sequence[str]]
    layout = 0

    @property
    def layouts(self) -> Sequence[Sequence[Record]]:
        return [stored(self.inner, order) for order in self.orders]

    def take_layout(self, index: int) -> None:
        self.layout = index
        self.records = self.layouts[index]

    def adopt(self, dialect: Dialect) -> None:
        super().adopt(dialect)
        self.take_layout(dialect.layout)

    def compose(self, inner: dict[str, Convolution], states: Mapping[str, Shape], out: Shape) -> None:
        super().compose(inner, states, out)
        self.take_layout(self.layout)


@register("gru")
class Gru(Gated):
    """z, r = logistic(w(state) + u(x)); h = f(wh(r * state) + uh(x)); state = z * state + (1 - z) * h = y.

    f is logistic, or with `tanh` the tangent.
    """

    orders = (*OF_STATE, *OF_INPUT), (*OF_INPUT, *OF_STATE)

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        state = Shape(section.int_("output", 1, low=1), 1, 1)
        self.activation = "tanh" if section.bool_("tanh", False) else "logistic"
        inputs = {**dict.fromkeys(OF_STATE, state), **dict.fromkeys(OF_INPUT, self.inputs)}
        self.compose(self.dense(inputs, state.c), {"state": state}, state)

    def inputs_of(self, work: Unroll, x: Value) -> Sequence[Sequence[Value]]:
        return [work.ahead(self.inner[name], x) for name in OF_INPUT]

    def step(self, work: Unroll, inputs: Sequence[Value], states: States) -> tuple[Value, States]:
        (before,), (uz, ur, uh) = states, inputs
        wz, wr, wh = (self.inner[name] for name in OF_STATE)
        z = work.activate(work.sum(uz, work.layer(wz, before)), "logistic")
        r = work.activate(work.sum(ur, work.layer(wr, before)), "logistic")
        h = work.activate(work.sum(uh, work.layer(wh, work.product(r, before))), self.activation)
        state = work.sum(h, work.product(z, work.sum(before, h, -1.0)))
        return state, [state]
