"""[conv_lstm]: long short-term memory of convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.activations import read_activation
from ..plan.plan import Value
from ..plan.tape import Tape
from .base import Layer, register
from .common.recurrent import Recurrent, States
from .common.unroll import Unroll
from .convolutional import Convolutional
from .crnn import read_window
from .lstm import GATES

PER_TIME = 32  # what a cell can grow by is limited to so much for each time of a run


@register("conv_lstm")
class ConvLstm(Recurrent):
    """f, i, o = logistic(w(h) + u(x) [+ v(c)]); g = a(w(h) + u(x)); c = f * c + i * g; h = o * a(c) = y.

    a is `lstm_activation`. With `peephole` the gates see the cell, o the new one. With `bottleneck` one convolution
    makes b = a(wf(h and x)), and the gates are those of u(b); with `shortcut` too, the first half of b is added to y.
    """

    keys = Keys(training={"time_normalizer": 1.0})

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        filters = section.int_("output", 1, low=1)
        window = read_window(self, section, read_activation(section, "linear"))
        self.function = read_activation(section, "tanh", key="lstm_activation")
        self.peephole, self.bottleneck = section.bool_("peephole", False), section.bool_("bottleneck", False)
        self.shortcut = section.bool_("shortcut", False) and self.bottleneck
        self.constrain = section.int_("state_constrain", 0, low=0) if section.has("state_constrain") else None
        state = self.inputs._replace(c=filters)
        if self.bottleneck and self.inputs.c != filters:
            raise section.error(
                f"bottleneck=1: the gates take as many channels as the input has: output={filters}, found "
                f"{self.inputs.c} channels",
                "bottleneck",
            )
        both = state._replace(c=2 * filters)
        of_state = {"wf": both} if self.bottleneck else dict.fromkeys(("wf", "wi", "wg", "wo"), state)
        inputs = {
            **dict.fromkeys(("vf", "vi", "vo") if self.peephole else (), state),
            **of_state,
            **dict.fromkeys(("uf", "ui", "ug", "uo"), self.inputs),
        }
        inner = {
            name: self.own(name, Convolutional, shape, {**window, "filters": filters})
            for name, shape in inputs.items()
        }
        self.compose(inner, {"h": state, "c": state}, state)

    def inputs_of(self, work: Unroll, x: Value) -> Sequence[Sequence[Value]]:
        if self.bottleneck:
            return [work.split(x)]
        return [work.ahead(self.inner[f"u{gate}"], x) for gate in GATES]

    def step(self, work: Unroll, inputs: Sequence[Value], states: States) -> tuple[Value, States]:
        h, c = states
        middle: Value | None = None
        if self.bottleneck:
            middle = work.layer(self.inner["wf"], work.stack(h, inputs[0], inputs[0].shape.c))
            middle = work.activate(middle, self.function)
            sums = {gate: work.layer(self.inner[f"u{gate}"], middle) for gate in GATES}
        else:
            sums = {
                gate: work.sum(u, work.layer(self.inner[f"w{gate}"], h))
                for gate, u in zip(GATES, inputs, strict=True)
            }
        f, i = (work.activate(self.seen(work, sums[gate], gate, c), "logistic") for gate in "fi")
        c = work.sum(work.product(f, c), work.product(i, work.activate(sums["g"], self.function)))
        o = work.activate(self.seen(work, sums["o"], "o", c), "logistic")
        h = work.product(o, work.activate(c, self.function))
        bound = self.bound(work)
        states = [h, work.limit(c, bound) if bound else c]
        if middle is not None and self.shortcut:
            return work.sum(h, work.first(middle, h.shape.c // 2)), states
        return h, states

    def seen(self, work: Unroll, gate: Value, name: str, c: Value) -> Value:
        """A gate with what it sees of the cell."""
        return work.sum(gate, work.layer(self.inner[f"v{name}"], c)) if self.peephole else gate

    def bound(self, work: Unroll) -> float:
        """What a cell is kept within; 0: nothing."""
        usual = PER_TIME * (work.p.steps if isinstance(work.p, Tape) else 1)
        return float(usual if self.constrain is None else self.constrain)
