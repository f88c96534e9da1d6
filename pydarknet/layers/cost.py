"""[cost]: a loss for training; at inference the input passes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends.ops import Array
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.plan import Builder, Value
from ..plan.statistics import LossOnly
from ..plan.tape import Tape
from .base import Layer, register

TYPES = ("sse", "masked", "smooth", "L1", "seg", "wgan")


@register("cost")
class Cost(Layer):
    """Never the network's output: Darknet's `network_predict` returns the layer before it."""

    keys = Keys(training={"ratio": 0.0})

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.cost_type = section.str_("type", "sse")
        if self.cost_type not in TYPES:
            raise section.error(f"unknown type {self.cost_type!r}; known: {', '.join(TYPES)}", "type")

        self.loss_options: dict[str, Any] = {
            "scale": section.float_("scale", 1.0),
            "noobject_scale": section.float_("noobj", 1.0),
            "thresh": section.float_("thresh", 0.0),
            "smooth": section.float_("smooth", 0.0),
        }

    def plan(self, p: Builder, x: Value) -> Value:
        return x

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        source, delta = p.plain(x), p.new(self.inputs, blocked=False)
        truth = p.want_truth(self, (p.batch, *self.inputs))

        def loss(output: Array, delta: Array) -> None:
            value = p.ops.cost_loss(output, truth, delta, self.cost_type, **self.loss_options)
            p.state.statistics[self.index] = LossOnly(value)

        p.emit(loss, source, delta)
        p.add_delta(x, delta)
