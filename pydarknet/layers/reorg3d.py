"""[reorg3d] of AlexeyAB's Darknet: space to depth. Its [reorg] has pjreddie's order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..backends.ops import Array, Ops
from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import MAX_EXTENT, Layer, register


@register("reorg3d")
class Reorg3d(Layer):
    """Pixel (i, j) of each stride x stride tile becomes channel (i * stride + j) * c + k.

    `reverse` is not its inverse: Darknet reads the input as fewer channels of a larger image and spreads those, so
    that they must be a multiple of stride^4.
    """

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        s = self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        self.reverse = section.bool_("reverse", False)
        c, h, w = self.inputs
        if self.reverse and c % s**4:
            raise section.error(f"reverse=1 with stride={s} needs a multiple of {s**4} channels, found {c}", "stride")
        if not self.reverse and (h % s or w % s):
            raise section.error(f"stride={s} does not divide the input {w} x {h}", "stride")
        self.out = Shape(c // (s * s), h * s, w * s) if self.reverse else Shape(c * s * s, h // s, w // s)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(partial(rearrange, p.ops, self.out, self.stride, self.reverse), p.plain(x), y)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs, blocked=False)
        if dy is not None:
            p.emit(partial(rearrange, p.ops, self.out, self.stride, not self.reverse), dy, dx)
            p.add_delta(x, dx)


def rearrange(ops: Ops, small: Shape, stride: int, reverse: bool, x: Array, y: Array) -> None:
    """Darknet's reorganisation of x, read in the shape `small`, whatever its own."""
    ops.reorg_forward(x.reshape(len(x), *small), y, stride, reverse, False, 0)
