"""[shortcut]: a residual connection."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..formats.cfg_keys import Keys, Refusal
from ..plan.activations import read_activation
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register
from .common.references import resolve


@register("shortcut")
class Shortcut(Layer):
    """y = f(alpha-beta sum of the previous layer and layer `from`), with Darknet's sampling where sizes differ."""

    keys = Keys(
        idle="weights_normalization",  # of weights_type
        refused={"weights_type": Refusal("weigh the layers that are added", ("none",))},
    )

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        sources = section.ints("from")
        if len(sources) > 1:
            raise section.error(
                "adding more than one layer is not supported; one shortcut after the other is", "from"
            )
        self.source = resolve(section, "from", sources[0], previous)
        self.activation = read_activation(section, "linear")
        self.alpha = section.float_("alpha", 1.0)
        self.beta = section.float_("beta", 1.0)
        (_, h1, w1), (_, h2, w2) = self.inputs, self.source.out
        stride, sample = max(w2 // w1, 1), max(w1 // w2, 1)
        if stride != max(h2 // h1, 1) or sample != max(h1 // h2, 1):
            raise section.error(
                f"the sizes {self.inputs} and {self.source.out} (layer {self.source.index}) differ in shape",
                "from",
            )

    def plan(self, p: Builder, x: Value) -> Value:
        y = self.sum(p, x)
        if self.activation != "linear":
            p.emit(p.ops.activate, y, p.ops.Activation(self.activation))
        return y

    def train(self, p: Tape, x: Value) -> Value:
        return p.activate(self, self.sum(p, x))

    def sum(self, p: Builder, x: Value) -> Value:
        """The layers added, before the activation."""
        add, y = p.outputs[self.source.index], p.new(self.out)
        p.emit(
            p.ops.shortcut_forward, p.blocked(x), p.blocked(add), y, self.inputs.c, self.source.out.c,
            self.alpha, self.beta,
        )  # fmt: skip
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None:
            return
        p.activate_backward(self, y, dy)
        dx, add = p.new(self.inputs), p.new(self.source.out)
        channels = self.inputs.c, self.source.out.c
        p.emit(p.ops.shortcut_backward, dy, dx, add, *channels, self.alpha, self.beta, False, False)
        p.add_delta(x, dx)
        p.add_delta(p.outputs[self.source.index], add)
