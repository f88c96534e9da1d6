"""[convolutional] and what [connected] shares with it: a convolution with folded batch norm and fused activation."""

from __future__ import annotations

from collections.abc import Sequence

from ..activations import read_activation
from ..cfg import Section
from ..ops import Array
from ..plan import Builder, Value
from ..shape import Shape
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
    binary = False
    activation = "linear"

    def plan(self, p: Builder, x: Value) -> Value:
        ops = p.ops
        y = p.new(self.out)
        shape = ops.ConvShape(
            p.batch, *x.shape, self.out.c, *self.kernel, self.stride, self.stride, self.padding, self.padding,
            self.groups,
        )  # fmt: skip
        plain = not x.blocked and x.shape.c <= MAX_PLAIN_CHANNELS
        algorithm, packed = self.pack(p, shape, plain)
        bias = p.constant((self.index, "bias"), self.folded_bias)
        forward = ops.conv_forward_plain if plain else ops.conv_forward
        workspace = p.workspace(ops.conv_workspace(shape, algorithm))
        source = x if plain else p.blocked(x)
        p.emit(forward, shape, algorithm, source, packed, bias, y, self.activation, workspace)
        return y

    def pack(self, p: Builder, shape: Array, plain: bool) -> tuple[str, Array]:
        """The algorithm, chosen once and kept when the network is resized, and the weights in its layout."""

        def make() -> tuple[str, Array]:
            direct = self.parameters["weights"].nbytes
            chosen = p.ops.conv_algorithms(shape, max(SMALL_PACKED, 2 * direct), plain)[0]
            packed = p.backend.empty((p.ops.conv_packed_size(shape, chosen),))
            p.ops.conv_pack(shape, chosen, self.folded_weights(), packed)
            release(self.parameters["weights"])
            return chosen, packed

        algorithm, packed = p.constant((self.index, "weights", plain), make)
        return algorithm, packed

    def folded_weights(self) -> Array:
        """The weights (K, C / groups, R, S) with batch norm's scale in them."""
        shape = (self.out.c, self.inputs.c // self.groups, *self.kernel)
        weights = self.parameters["weights"].reshape(shape)
        if self.binary:
            mean = abs(weights).mean(axis=(1, 2, 3), keepdims=True)
            weights = ((weights > 0) * 2.0 - 1.0).astype("float32") * mean
        if self.batch_normalize:
            weights = weights * batchnorm.fold(self.parameters)[0][:, None, None, None]
        return weights

    def folded_bias(self) -> Array:
        """The bias (K,) with batch norm's shift in it."""
        if self.batch_normalize:
            return batchnorm.fold(self.parameters)[1]
        return self.parameters["biases"].copy()


@register("convolutional", "conv")
class Convolutional(Convolution):
    """2-D convolution; `pad=1` means size / 2 as in Darknet."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        filters = section.int_("filters", 1, low=1)
        size = section.int_("size", 1, low=1, high=MAX_EXTENT)
        self.stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
        pad = section.bool_("pad", False)
        padding = section.int_("padding", 0, low=0, high=MAX_EXTENT)
        self.padding = size // 2 if pad else padding
        self.groups = section.int_("groups", 1, low=1)
        self.batch_normalize = section.bool_("batch_normalize", False)
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
        if section.bool_("xnor", False):
            raise section.error("xnor=1 (binary activations) is not supported; use binary=1 or neither", "xnor")
        for name, channels in (("input channels", c), ("filters", filters)):
            if channels % self.groups:
                raise section.error(f"groups={self.groups} does not divide the {channels} {name}", "groups")
        if size > min(h, w) + 2 * self.padding:
            raise section.error(
                f"size={size} is larger than the padded input ({w} x {h} with {self.padding} on each side)",
                "size",
            )
