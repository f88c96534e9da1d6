"""A dilated convolution as an undilated one, on parts of the image that are as far apart as the taps.

With stride s and dilation d, whose greatest common divisor is g, outputs d / g apart see pixels d apart: those of
each residue are a convolution with stride s / g and no padding on every d-th pixel. See csrc/ops/space_batch.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import NamedTuple

from ...backends.ops import Pair
from ...plan.plan import Builder, Value
from ...plan.shapes import Shape


class Axis(NamedTuple):
    """One axis: how many parts there are, the stride on them, their length, and their part of the output."""

    parts: int
    stride: int
    length: int
    places: int

    @classmethod
    def of(cls, out: int, kernel: int, stride: int, dilation: int) -> Axis:
        common = gcd(stride, dilation)
        parts, inner = dilation // common, stride // common
        places = -(-out // parts)
        return cls(parts, inner, (places - 1) * inner + kernel, places)


class Parts:
    """How one convolution is cut. Values of parts have `count` images for each one of the image's."""

    def __init__(self, out: Shape, kernel: Pair, strides: Pair, pads: Pair, dilation: int) -> None:
        axes = [Axis.of(*sizes, dilation) for sizes in zip((out.h, out.w), kernel, strides, strict=True)]
        self.out = out
        self.count, self.strides, self.sides, self.places = ((y, x) for y, x in zip(*axes, strict=True))
        self._image = self.count, (dilation, dilation), strides, pads
        self._output = self.count, self.count, (1, 1), (0, 0)

    def of_image(self, p: Builder, x: Value) -> Value:
        """The input of the undilated convolution."""
        return self._cut(p, x, self.sides, self._image)

    def of_output(self, p: Builder, dy: Value) -> Value:
        """The delta of its output."""
        return self._cut(p, dy, self.places, self._output)

    def output(self, p: Builder, parts: Value) -> Value:
        """Its output, put together."""
        return self._join(p, parts, self.out, self._output)

    def image_delta(self, p: Builder, parts: Value, inputs: Shape) -> Value:
        """The delta of its input, put together."""
        return self._join(p, parts, inputs, self._image)

    def _cut(self, p: Builder, x: Value, sides: Pair, geometry: Sequence[Pair]) -> Value:
        parts = p.new(Shape(x.shape.c, *sides), images=x.dims[0] * self.count[0] * self.count[1])
        p.emit(p.ops.space_to_batch, p.blocked(x), parts, *geometry)
        return parts

    def _join(self, p: Builder, parts: Value, shape: Shape, geometry: Sequence[Pair]) -> Value:
        y = p.new(shape, images=parts.dims[0] // (self.count[0] * self.count[1]))
        p.emit(p.ops.batch_to_space, parts, y, *geometry)
        return y
