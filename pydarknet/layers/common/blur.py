"""AlexeyAB's `antialiasing`: a layer without its stride, and behind it a binomial filter that has it."""

from __future__ import annotations

from ...backends.ops import Array, ConvPrimitive, Geometry, Pair
from ...formats.cfg import Section
from ...plan.plan import Builder, Value
from ...plan.shapes import Shape
from ...plan.tape import Tape

WEIGHTS = {2: [1 / 4] * 4, 3: [w / 16 for w in (1, 2, 1, 2, 4, 2, 1, 2, 1)]}
PACKED_BYTES = 1 << 20


class Blur:
    """Each channel of `inputs` filtered by size x size pixels, `strides` apart. It learns nothing."""

    def __init__(self, section: Section, inputs: Shape, strides: Pair) -> None:
        self.size = 2 if section.int_("antialiasing", 0) == 2 else 3
        self.padding = self.size // 2 if self.size == 3 else 0
        self.strides = strides
        c, h, w = inputs
        beyond = 2 * self.padding - self.size
        if min(h, w) + beyond < 0:
            message = f"antialiasing: {w} x {h} pixels to be blurred, expected at least {self.size} x {self.size}"
            raise section.error(message, "antialiasing")
        self.out = Shape(c, (h + beyond) // strides[0] + 1, (w + beyond) // strides[1] + 1)
        self.flops = 2 * self.out.size * self.size**2

    def weights(self, p: Builder) -> Array:
        """(C, 1, size, size)."""
        return p.backend.array(WEIGHTS[self.size] * self.out.c, "float32").reshape(-1, 1, self.size, self.size)

    def plan(self, p: Builder, key: str, x: Value) -> Value:
        """The blurred layer; `key` names its weights among the network's constants."""
        conv, packed = self.pack(p, key, self.shape(p, x))
        y, bias = p.new(self.out), p.shared(f"{key}.zeros", lambda: p.backend.zeros((self.out.c,)))
        identity = p.ops.Activation("linear")
        p.emit(conv.forward, p.blocked(x), packed, bias, y, identity, p.workspace(conv.workspace()))
        return y

    def backward(self, p: Tape, x: Value, dy: Value) -> Value:
        """The delta of what is blurred."""
        shape, dx = self.shape(p, x), p.new(x.shape)
        dgrad = p.ops.ConvDgrad(shape, shape.dgrad_algorithms(PACKED_BYTES)[0])
        packed = p.backend.empty((dgrad.packed_size,))
        dgrad.pack(self.weights(p), packed)
        p.emit(dgrad.backward, dy, packed, dx, False, p.workspace(dgrad.workspace()))
        return dx

    def shape(self, p: Builder, x: Value) -> Geometry:
        """The filter as a convolution of each channel alone."""
        c, pads = self.out.c, (self.padding, self.padding)
        sizes = x.dims[0], *x.shape, c, self.size, self.size, *self.strides, *pads, c
        return p.ops.ConvShape(*sizes, p.backend.precision)

    def pack(self, p: Builder, key: str, shape: Geometry) -> tuple[ConvPrimitive, Array]:
        """The convolution, and its weights, packed once."""

        def make() -> tuple[str, Array]:
            conv = p.ops.Conv(shape, shape.algorithms(PACKED_BYTES)[0])
            packed = p.backend.empty((conv.packed_size,))
            conv.pack(self.weights(p), packed)
            return conv.algorithm, packed

        algorithm, packed = p.shared(key, make)
        return p.ops.Conv(shape, algorithm), packed


def read_blur(section: Section, inputs: Shape, strides: Pair) -> Blur | None:
    """The filter behind a layer that gives `inputs` without its `strides`; None without antialiasing."""
    return Blur(section, inputs, strides) if section.int_("antialiasing", 0) else None
