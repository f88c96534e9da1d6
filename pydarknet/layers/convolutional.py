"""[convolutional] and what [connected] shares with it: a convolution with folded batch norm and fused activation."""

from __future__ import annotations

from collections.abc import Sequence

from ..activations import read_activation
from ..cfg import Section
from ..cfg_keys import Keys, Refusal
from ..ops import Array
from ..plan import Builder, Value
from ..shape import Shape
from ..tape import Tape
from ..weights import Record, release
from . import batchnorm
from .base import MAX_EXTENT, Layer, register

# Packed weights of one layer may grow to twice their size, small ones to this many bytes: Winograd's larger
# tiles are worth their memory only where the weights are small beside the activations.
SMALL_PACKED = 24 << 20
MAX_PLAIN_CHANNELS = 4


class Convolution(Layer):
    """The part a convolutional and a connected layer have in common. Weights are (K, C / groups, R, S)."""

    kernel: tuple[int, int]
    stride = 1
    padding = 0
    groups = 1
    batch_normalize = False
    cross_batch = False
    binary = False
    activation = "linear"

    def plan(self, p: Builder, x: Value) -> Value:
        ops, y = p.ops, p.new(self.out)
        shape, plain = self.geometry(p, x)
        algorithm, packed = self.pack(p, shape, plain)
        bias = p.constant((self.index, "bias"), self.folded_bias)
        forward = ops.conv_forward_plain if plain else ops.conv_forward
        workspace = p.workspace(ops.conv_workspace(shape, algorithm))
        source = x if plain else p.blocked(x)
        p.emit(forward, shape, algorithm, source, packed, bias, y, self.activation, workspace)
        return y

    def train(self, p: Tape, x: Value) -> Value:
        """Weights are packed anew after every update; batch norm uses the mini-batch's own statistics. The algorithm
        is that for one thread, so that any number of threads learns the same bits."""
        if self.binary or self.cross_batch:
            raise self.section.error(f"{'binary' if self.binary else 'cbn'}=1 can't be trained")
        ops, y = p.ops, p.new(self.out)
        shape, plain = self.geometry(p, x)
        source = x if plain else p.blocked(x)
        algorithm = ops.conv_algorithms(shape, self.budget(), plain, threads=1)[0]
        packed = p.backend.empty((ops.conv_packed_size(shape, algorithm),))
        p.refresh(ops.conv_pack, shape, algorithm, self.kernels(p.parameter(self, "weights")), packed)
        call = ops.conv_forward_plain if plain else ops.conv_forward
        scratch = p.workspace(ops.conv_workspace(shape, algorithm))
        biases = p.parameter(self, "biases")
        if not self.batch_normalize:
            p.emit(call, shape, algorithm, source, packed, biases, y, self.activation, scratch)
            p.saved[self.index] = source, None, None
            return y
        z = p.new(self.out)
        statistics = [p.backend.empty((self.out.c,)) for _ in range(2)]
        p.emit(call, shape, algorithm, source, packed, None, z, "linear", scratch)
        batchnorm.train(p, self, biases, z, y, statistics)
        if self.activation != "linear":
            p.emit(ops.activate, y, self.activation)
        p.saved[self.index] = source, z, statistics
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        ops, dy = p.ops, p.delta(y)
        if dy is None:
            return
        source, z, statistics = p.saved[self.index]
        if self.activation != "linear":
            p.emit(ops.activate_backward, y, dy, self.activation)
        dbiases = p.update_of(self, "biases")
        if z is None:
            p.emit(ops.bias_backward, dy, dbiases, self.out.c)
        else:
            batchnorm.backward(p, self, z, dy, statistics, dbiases)
        shape, plain = self.geometry(p, x)
        call = ops.conv_backward_weights_plain if plain else ops.conv_backward_weights
        dweights = self.kernels(p.update_of(self, "weights"))
        p.emit(call, shape, source, dy, dweights, p.workspace(ops.conv_weights_workspace(shape, plain)))
        if p.wants_delta(source):
            self.backward_data(p, shape, source, dy)

    def backward_data(self, p: Tape, shape: Array, x: Value, dy: Value) -> None:
        """The delta of the input."""
        ops, dx = p.ops, p.new(x.shape)
        algorithm = ops.conv_data_algorithms(shape, self.budget())[0]
        packed = p.backend.empty((ops.conv_data_packed_size(shape, algorithm),))
        p.refresh(ops.conv_data_pack, shape, algorithm, self.kernels(p.parameter(self, "weights")), packed)
        scratch = p.workspace(ops.conv_data_workspace(shape, algorithm))
        p.emit(ops.conv_backward_data, shape, algorithm, dy, packed, dx, False, scratch)
        p.add_delta(x, dx)

    def geometry(self, p: Builder, x: Value) -> tuple[Array, bool]:
        """The ConvShape, and whether x is read in NCHW (a picture's few channels, all of them by every filter)."""
        strides, padding = (self.stride, self.stride), (self.padding, self.padding)
        sizes = p.batch, *x.shape, self.out.c, *self.kernel, *strides, *padding, self.groups
        shape = p.ops.ConvShape(*sizes, p.backend.precision)
        return shape, not x.blocked and x.shape.c <= MAX_PLAIN_CHANNELS and self.groups == 1

    def budget(self) -> int:
        """Bytes that the packed weights may take."""
        return max(SMALL_PACKED, 2 * int(self.parameters["weights"].nbytes))

    def kernels(self, weights: Array) -> Array:
        """Weights (or their updates) as (K, C / groups, R, S)."""
        return weights.reshape(self.out.c, self.inputs.c // self.groups, *self.kernel)

    def pack(self, p: Builder, shape: Array, plain: bool) -> tuple[str, Array]:
        """The algorithm, chosen once and kept when the network is resized, and the weights in its layout."""

        def make() -> tuple[str, Array]:
            chosen = p.ops.conv_algorithms(shape, self.budget(), plain)[0]
            packed = p.backend.empty((p.ops.conv_packed_size(shape, chosen),))
            p.ops.conv_pack(shape, chosen, p.backend.to_device(self.folded_weights()), packed)
            release(self.parameters["weights"])
            return chosen, packed

        algorithm, packed = p.shared((self.index, "weights", plain), make)
        return algorithm, packed

    def folded_weights(self) -> Array:
        """The weights (K, C / groups, R, S) with batch norm's scale in them."""
        weights = self.kernels(self.parameters["weights"])
        if self.binary:
            mean = abs(weights).mean(axis=(1, 2, 3), keepdims=True)
            weights = ((weights > 0) * 2.0 - 1.0).astype("float32") * mean
        if self.batch_normalize:
            weights = weights * batchnorm.fold(self.parameters, self.dialect)[0][:, None, None, None]
        return weights

    def folded_bias(self) -> Array:
        """The bias (K,) with batch norm's shift in it."""
        if self.batch_normalize:
            return batchnorm.fold(self.parameters, self.dialect)[1]
        return self.parameters["biases"].copy()


@register("convolutional", "conv")
class Convolutional(Convolution):
    """2-D convolution; `pad=1` means size / 2 as in Darknet."""

    keys = Keys(
        training={
            "dot": 0.0, "assisted_excitation": 0.0, "sway": 0, "rotate": 0, "stretch": 0, "stretch_sway": 0,
            "grad_centr": 0, "reverse": 0.0,
        },
        idle="stream wait_stream angle bin_output",  # angle: of sway and its like; bin_output: of xnor
        refused={
            "dilation": Refusal("spread the kernel over a larger window", (1,)),
            "stride_x": Refusal("step otherwise from left to right than from top to bottom", (-1,)),
            "stride_y": Refusal("step otherwise from top to bottom than from left to right", (-1,)),
            "antialiasing": Refusal("blur the output before it is thinned out"),
            "share_index": Refusal("take the weights of another layer", (-1000000000,)),
            "coordconv": Refusal("add each pixel's place to the output"),
            "xnor": Refusal("multiply binary inputs by binary weights"),
        },
    )  # fmt: skip

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        filters = section.int_("filters", 1, low=1)
        size = section.int_("size", 1, low=1, high=MAX_EXTENT)
        self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        pad = section.bool_("pad", False)
        padding = section.int_("padding", 0, low=0, high=MAX_EXTENT)
        self.padding = size // 2 if pad else padding
        self.groups = section.int_("groups", 1, low=1)
        self.cross_batch = section.bool_("cbn", False)
        self.batch_normalize = section.bool_("batch_normalize", False) or self.cross_batch
        self.binary = section.bool_("binary", False)
        self.activation = read_activation(section, "logistic")
        self.kernel = (size, size)
        self.refuse(section, filters, size)
        c, h, w = self.inputs
        self.out = Shape(filters, (h + 2 * self.padding - size) // self.stride + 1,
                         (w + 2 * self.padding - size) // self.stride + 1)  # fmt: skip
        norm = batchnorm.records(filters) if self.batch_normalize else []
        weights = Record("weights", (filters, c // self.groups, size, size))
        self.records = [Record("biases", (filters,)), *norm, weights]
        self.flops = 2 * weights.size * self.out.h * self.out.w

    def refuse(self, section: Section, filters: int, size: int) -> None:
        """CfgError for what no convolution can be, or this one is not."""
        c, h, w = self.inputs
        for name, channels in (("input channels", c), ("filters", filters)):
            if channels % self.groups:
                raise section.error(f"groups={self.groups} does not divide the {channels} {name}", "groups")
        if size > min(h, w) + 2 * self.padding:
            raise section.error(
                f"size={size} is larger than the padded input ({w} x {h} with {self.padding} on each side)",
                "size",
            )
