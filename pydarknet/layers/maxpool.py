"""[maxpool]."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register
from .common.blur import Blur, read_blur
from .common.windows import Windowed


@register("maxpool", "max")
class MaxPool(Windowed):
    """Maximum over windows. That of a window wholly in the padding is the lowest float32, as Darknet has it.

    With `antialiasing` the `blur` behind it has the stride; with `maxpool_depth` the maximum is over channels. With
    `maxpool_zero_nonmax`, as in AlexeyAB's GPU build, pixels that are not the largest of their window become 0.
    """

    blur: Blur | None = None
    depth = False
    peaks = False  # whether only the largest pixels are left

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.depth = section.bool_("maxpool_depth", False)
        groups = section.int_("out_channels", 1)
        super().configure(section, previous)
        if self.depth:
            self.configure_depth(section, groups)
        elif section.int_("antialiasing", 0):
            thinned, self.strides = self.strides, (1, 1)
            self.pool()
            self.blur = read_blur(section, self.pooled, thinned)
            self.out = self.blur.out if self.blur else self.pooled
        self.peaks = section.bool_("maxpool_zero_nonmax", False) and not self.depth
        if self.peaks and self.pooled != self.inputs:
            raise section.error(
                f"maxpool_zero_nonmax=1: expected an output of the input's size, {self.inputs}, found {self.pooled}: "
                "each pixel is compared with that of its own place",
                "maxpool_zero_nonmax",
            )

    def configure_depth(self, section: Section, groups: int) -> None:
        """Channels in place of windows. CfgError for what that can't be."""
        if section.int_("antialiasing", 0):
            raise section.error("maxpool_depth with antialiasing: no Darknet blurs channels", "antialiasing")
        if not 1 <= groups <= self.inputs.c:
            raise section.error(f"out_channels={groups}: expected 1 to {self.inputs.c}, the channels there are",
                                "out_channels")  # fmt: skip
        self.out = self.pooled = Shape(groups, self.inputs.h, self.inputs.w)

    @property
    def empty_windows(self) -> bool:
        return not self.depth and super().empty_windows

    def plan(self, p: Builder, x: Value) -> Value:
        y = self.maxima(p, x)
        return self.blur.plan(p, self.key("blur"), y) if self.blur else y

    def train(self, p: Tape, x: Value) -> Value:
        y = p.saved[self.path] = self.maxima(p, x)
        return self.blur.plan(p, self.key("blur"), y) if self.blur else y

    def maxima(self, p: Builder, x: Value) -> Value:
        """Those of windows, or of channels."""
        y = p.new(self.pooled, blocked=not self.depth)
        if self.depth:
            p.emit(p.ops.depth_pool_forward, p.plain(x), y)
        else:
            p.emit(p.ops.maxpool_forward, p.blocked(x), y, self.size, self.strides, self.padding)
        if self.peaks:
            p.emit(p.ops.multiply_forward, y, self.where_largest(p, x, y), y, "number")
        return y

    def where_largest(self, p: Builder, x: Value, y: Value) -> Value:
        """1 where x is the maximum y, else 0."""
        mask = p.new(self.pooled)
        if isinstance(p, Tape):
            p.saved[self.key("largest")] = mask
        p.emit(p.ops.shortcut_forward, p.blocked(x), y, mask, self.out.c, self.out.c, -1.0, 1.0)
        p.emit(p.ops.binarize, mask, mask, 1.0, 0.0)
        return mask

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs, blocked=not self.depth)
        if dy is None:
            return
        if self.blur:
            dy = self.blur.backward(p, p.saved[self.path], dy)
        if self.depth:
            p.emit(p.ops.depth_pool_backward, p.plain(x), dy, dx, False)
        else:
            p.emit(p.ops.maxpool_backward, p.blocked(x), dy, dx, self.size, self.strides, self.padding, False)
        if self.peaks:  # in its place, not before: as in AlexeyAB's program
            p.emit(p.ops.multiply_forward, dx, p.saved[self.key("largest")], dx, "number")
        p.add_delta(x, dx)
