"""[softmax]: flat, by groups, per pixel, or along a WordTree (section 4, "Hierarchical classification")."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array
from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.statistics import LossOnly
from ..plan.tape import Tape
from .base import Layer, register
from .common.tree import group_sizes, section_tree

SMALLEST = 1e-30  # temperature, still positive in float32


@register("softmax", "soft")
class Softmax(Layer):
    """Class probabilities; with a tree, conditional ones per group of siblings."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.groups = section.int_("groups", 1, low=1)
        self.temperature = section.float_("temperature", 1.0)
        self.spatial = section.float_("spatial", 0.0) != 0
        self.noloss = section.bool_("noloss", False)
        self.tree = section_tree(section)
        if self.temperature < SMALLEST:
            raise section.error(f"temperature={self.temperature}: expected a positive number", "temperature")
        channels = self.inputs.c if self.spatial else self.inputs.size
        if channels % self.groups:
            raise section.error(f"groups={self.groups} does not divide the {channels} inputs", "groups")
        if self.tree is not None and self.inputs.c != len(self.tree):
            raise section.error(f"the tree has {len(self.tree)} nodes, the input {self.inputs.c} channels", "tree")

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        if self.tree is not None:
            sizes = p.constant(self.key("groups"), lambda: group_sizes(self.tree))
            p.emit(p.ops.softmax_tree_forward, p.plain(x), y, sizes, self.temperature)
        else:
            p.emit(p.ops.softmax_forward, p.plain(x), y, self.groups, self.temperature, self.spatial)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        """Darknet passes the delta of the probabilities on as that of the inputs: right for cross entropy."""
        after = p.delta(y)
        if after is not None:
            p.add_delta(x, after)
        if self.noloss or not (p.dialect.softmax_loss or after is None):
            return
        truth = p.want_truth(self, (p.batch, *self.out))
        masked = self.tree is not None

        def loss(output: Array, delta: Array) -> None:
            p.state.statistics[self.index] = LossOnly(p.ops.softmax_loss(output, truth, delta, masked))

        delta = p.new(self.out, blocked=False)
        p.emit(loss, y, delta)
        p.add_delta(x, delta)
