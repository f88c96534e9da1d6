"""[route]: the channels of earlier layers, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register
from .common.references import resolve


@register("route")
class Route(Layer):
    """Concatenation of `layers`; AlexeyAB's `groups` and `group_id` take one part of each."""

    keys = Keys(idle="stream wait_stream")

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.sources = [resolve(section, "layers", i, previous) for i in section.ints("layers")]
        self.groups = section.int_("groups", 1, low=1)
        self.group_id = section.int_("group_id", 0, low=0, high=self.groups - 1)
        first = self.sources[0].out
        for source in self.sources:
            c, h, w = source.out
            if (h, w) != (first.h, first.w):
                hint = (
                    "; is the network's input a multiple of 32?"
                    if max(abs(h - first.h), abs(w - first.w)) == 1
                    else ""
                )
                raise section.error(
                    f"layer {source.index} gives {w} x {h}, layer {self.sources[0].index} gives "
                    f"{first.w} x {first.h}; routed layers must have one size{hint}", "layers",
                )  # fmt: skip
            if c % self.groups:
                raise section.error(f"groups={self.groups} does not divide {c} channels", "groups")
        self.out = Shape(sum(s.out.c for s in self.sources) // self.groups, first.h, first.w)

    def plan(self, p: Builder, x: Value) -> Value:
        if len(self.sources) == 1 and self.groups == 1:
            return p.outputs[self.sources[0].index]
        if self.groups == 1:
            return p.concatenated([p.outputs[source.index] for source in self.sources], self.out)
        y = p.new(self.out)
        offset = 0
        for source in self.sources:
            value = p.blocked(p.outputs[source.index])
            channels = source.out.c // self.groups
            p.emit(p.ops.add_channels, value, y, self.group_id * channels, offset, channels, False)
            offset += channels
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None or (len(self.sources) == 1 and self.groups == 1):
            return  # one source: its output is this layer's, and so is the delta
        offset = 0
        for source in self.sources:
            channels = source.out.c // self.groups
            d = p.new(source.out)
            if self.groups > 1:
                p.emit(p.ops.fill, d, 0.0)  # the other groups' share
            p.emit(p.ops.add_channels, dy, d, offset, self.group_id * channels, channels, False)
            p.add_delta(p.outputs[source.index], d)
            offset += channels
