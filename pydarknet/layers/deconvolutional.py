"""[deconvolutional] of pjreddie's Darknet: a transposed convolution, which is the way back of a convolution."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array, Geometry
from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.activations import read_activation
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from . import batchnorm
from .base import MAX_EXTENT, Layer, register
from .common import budgets


@register("deconvolutional", "deconv")
class Deconvolutional(Layer):
    """Each pixel times size x size `weights` (C, filters, size, size), added up `stride` pixels apart."""

    batch_normalize = False

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        filters = section.int_("filters", 1, low=1)
        self.size = section.int_("size", 1, low=1, high=MAX_EXTENT)
        self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        padding = section.int_("padding", 0, low=0, high=MAX_EXTENT)
        self.padding = self.size // 2 if section.bool_("pad", False) else padding
        self.batch_normalize = section.bool_("batch_normalize", False)
        self.activation = read_activation(section, "logistic")
        c, h, w = self.inputs
        beyond = self.size - 2 * self.padding
        self.out = Shape(filters, (h - 1) * self.stride + beyond, (w - 1) * self.stride + beyond)
        norm = batchnorm.records(filters) if self.batch_normalize else []
        weights = Record("weights", (c, filters, self.size, self.size))
        self.records = [Record("biases", (filters,)), *norm, weights]
        self.flops = 2 * weights.size * h * w

    def shape(self, p: Builder) -> Geometry:
        """The convolution from the output to the input."""
        size, stride, padding = ((number, number) for number in (self.size, self.stride, self.padding))
        sizes = p.batch, *self.out, self.inputs.c, *size, *stride, *padding, 1
        return p.ops.ConvShape(*sizes, p.backend.precision)

    def budget(self) -> int:
        """Bytes that the packed weights may take."""
        return budgets.packed(int(self.parameters["weights"].nbytes))

    @staticmethod
    def chosen(algorithms: Sequence[str]) -> str:
        """The first that other Darknets can be followed by closely."""
        return budgets.chosen(algorithms, close=True)

    def plan(self, p: Builder, x: Value) -> Value:
        def make() -> tuple[str, Array]:
            shape = self.shape(p)
            back = p.ops.ConvDgrad(shape, self.chosen(shape.dgrad_algorithms(self.budget())))
            packed = p.backend.empty((back.packed_size,))
            back.pack(p.backend.to_device(self.folded_weights()), packed)
            return back.algorithm, packed

        algorithm, packed = p.shared(self.key("packed"), make)
        y = self.spread(p, x, algorithm, packed)
        self.add_bias(p, y, p.constant(self.key("bias"), self.folded_bias))
        if self.activation != "linear":
            p.emit(p.ops.activate, y, p.ops.Activation(self.activation))
        return y

    def spread(self, p: Builder, x: Value, algorithm: str, packed: Array) -> Value:
        """The sums, without bias."""
        y, back = p.new(self.out), p.ops.ConvDgrad(self.shape(p), algorithm)
        p.emit(back.backward, p.blocked(x), packed, y, False, p.workspace(back.workspace()))
        return y

    def add_bias(self, p: Builder, y: Value, bias: Array) -> None:
        """y += bias."""
        ones = p.shared(self.key("ones"), lambda: p.backend.array([1.0] * self.out.c, "float32"))
        p.emit(p.ops.scale_bias, y, ones, bias, y)

    def folded_weights(self) -> Array:
        """The weights with batch norm's scale in them."""
        weights = self.parameters["weights"]
        if self.batch_normalize:
            weights = weights * batchnorm.fold(self.parameters, self.dialect)[0][:, None, None]
        return weights

    def folded_bias(self) -> Array:
        """The bias with batch norm's shift in it."""
        if self.batch_normalize:
            return batchnorm.fold(self.parameters, self.dialect)[1]
        return self.parameters["biases"].copy()

    def train(self, p: Tape, x: Value) -> Value:
        shape, weights = self.shape(p), p.parameter(self, "weights")
        algorithm = self.chosen(shape.dgrad_algorithms(self.budget()))
        back = p.ops.ConvDgrad(shape, algorithm)
        packed = p.backend.empty((back.packed_size,))
        p.refresh(back.pack, weights, packed)
        z = self.spread(p, x, algorithm, packed)
        if not self.batch_normalize:
            self.add_bias(p, z, p.parameter(self, "biases"))
            return p.activate(self, z)
        statistics = [p.backend.empty((self.out.c,)) for _ in range(2)]
        p.saved[self.path] = z, statistics
        return batchnorm.train_activated(p, self, z, statistics)

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None:
            return
        if self.batch_normalize:
            z, statistics = p.saved[self.path]
            dy = batchnorm.backward_activated(p, self, z, y, dy, statistics)
        else:
            p.activate_backward(self, y, dy)
            p.emit(p.ops.bias_backward, dy, p.update_of(self, "biases"), self.out.c)
        shape, dweights = self.shape(p), p.update_of(self, "weights")
        wgrad = p.ops.ConvWgrad(shape, False)
        p.emit(wgrad.backward, dy, p.blocked(x), dweights, p.workspace(wgrad.workspace()))
        if p.wants_delta(x):
            p.add_delta(x, self.backward_data(p, shape, dy))

    def backward_data(self, p: Tape, shape: Geometry, dy: Value) -> Value:
        """The delta of the input: dy convolved."""
        conv = p.ops.Conv(shape, self.chosen(shape.algorithms(self.budget(), False, threads=1)))
        packed = p.backend.empty((conv.packed_size,))
        p.refresh(conv.pack, p.parameter(self, "weights"), packed)
        dx, zeros = p.new(self.inputs), p.backend.zeros((self.inputs.c,))
        identity = p.ops.Activation("linear")
        p.emit(conv.forward, dy, packed, zeros, dx, identity, p.workspace(conv.workspace()))
        return dx
