"""[convolutional] and what [connected] shares with it: a convolution with folded batch norm and fused activation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import TypeAlias

from ..backends.ops import Array, ConvPrimitive, DgradPrimitive, Geometry, PackingConv, Pair
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..formats.layouts import Record
from ..formats.mapped import release
from ..formats.numbers import INT_MIN
from ..plan.activations import ACROSS_CHANNELS, SLOPE_OF_INPUT, read_activation
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from . import batchnorm
from .base import MAX_EXTENT, Layer, read_strides, register
from .common import budgets
from .common.blur import Blur, read_blur
from .common.dilation import Parts
from .common.places import clear_places, put_places
from .common.references import resolve

HALVES = ("fp16", "bf16")
FOLDED_FILTERS = 128  # whole panels, whatever the instruction set
MAX_PLAIN_CHANNELS = 4
# Layers with larger weights keep FP32 in a network of FP16, which ends at 65504: Winograd's transform of a kernel
# has at most 2.25 times its largest number.
MOST_FP16 = 2.0**14
MakeConv: TypeAlias = Callable[[Geometry, str], PackingConv]


class Convolution(Layer):
    """The part a convolutional and a connected layer have in common. Weights are (K, C / groups, R, S)."""

    kernel: Pair
    strides: Pair = (1, 1)
    padding = 0
    dilation = 1
    parts: Parts | None = None  # of a dilated convolution
    blur: Blur | None = None
    coordconv = False
    lender: Convolution | None = None  # the layer whose parameters it has
    groups = 1
    batch_normalize = False
    cross_batch = False
    binary = False
    xnor = False
    whole = True  # not only some filters of the layer
    activation = "linear"

    def plan(self, p: Builder, x: Value) -> Value:
        source, shape, plain = self.geometry(p, self.binarised(p, x, self.border) if self.xnor else x)
        conv, packed = self.pack(p, source, shape, plain)
        bias = p.constant(self.key("bias"), self.folded_bias)
        share = ACROSS_CHANNELS.get(self.activation)
        y = self.convolve(p, conv, source, packed, bias, "linear" if share else self.activation)
        return p.normalize_channels(y, share) if share else y

    def train(self, p: Tape, x: Value) -> Value:
        """Weights are packed anew after every update; batch norm uses the mini-batch's own statistics. The algorithm
        is that for one thread, so that any number of threads learns the same bits."""
        if self.cross_batch:
            raise self.section.error("cbn=1 can't be trained", "cbn")
        source, shape, plain = self.geometry(p, self.binarised(p, x, 0.0) if self.xnor else x)
        usable = shape.algorithms(budgets.training(self.weight_bytes, p), plain, threads=1)
        conv = p.ops.Conv(shape, budgets.chosen(usable, close=True))  # to follow other Darknets step by step
        call = conv, source, self.learnt(p, "packed", conv)
        if self.batch_normalize:
            z = self.convolve(p, *call, None, "linear")
            statistics = [p.backend.empty((self.out.c,)) for _ in range(2)]
            y = batchnorm.train_activated(p, self, z, statistics)
            p.saved[y] = source, z, statistics
        else:
            late = self.activation in SLOPE_OF_INPUT or self.activation in ACROSS_CHANNELS
            y = self.convolve(p, *call, p.parameter(self, "biases"), "linear" if late else self.activation)
            y = p.activate(self, y) if late else y
            p.saved[y] = source, None, None
        return y

    def learnt(self, p: Tape, key: str, primitive: ConvPrimitive | DgradPrimitive) -> Array | Value:
        """The weights in a primitive's layout: packed now if each run is followed by an update, else anew after every
        update, once for all its calls."""
        if p.once:
            now = p.floats(primitive.packed_size)
            p.emit(primitive.pack, self.learnt_kernels(p), now)
            return now

        def make() -> Array:
            packed = p.backend.empty((primitive.packed_size,))
            p.refresh(primitive.pack, self.learnt_kernels(p), packed)
            return packed

        return p.shared(self.key(key), make)

    def learnt_kernels(self, p: Tape) -> Array:
        """The weights that are multiplied with, while they are learnt: binary ones follow them at every update."""
        weights = p.parameter(self, "weights")
        if not self.binary:
            return self.kernels(weights)

        def make() -> Array:
            binary = p.backend.empty(weights.shape)
            p.refresh(p.ops.binarize_filters, weights, binary, self.out.c)
            return binary

        return self.kernels(p.shared(self.key("binary"), make))

    def convolve(
        self, p: Builder, conv: ConvPrimitive, source: Value, packed: Array, bias: Array | None, activation: str
    ) -> Value:
        """f(the convolution + bias)."""
        shape = conv.shape
        y = p.new(Shape(self.out.c, shape.out_h, shape.out_w), images=shape.n)
        p.emit(conv.forward, source, packed, bias, y, p.ops.Activation(activation), p.workspace(conv.workspace()))
        return self.parts.output(p, y) if self.parts else y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        ops, dy = p.ops, p.delta(y)
        if dy is None:
            return
        source, z, statistics = p.saved[y]
        if z is None:
            p.activate_backward(self, y, dy)
            dy = p.blocked(dy)
            p.emit(ops.bias_backward, dy, p.update_of(self, "biases"), self.out.c)
        else:
            dy = batchnorm.backward_activated(p, self, z, y, dy, statistics)
        if self.parts:
            dy = self.parts.of_output(p, dy)
        shape = self.shape(p, source)
        wgrad = ops.ConvWgrad(shape, not source.blocked)
        dweights = self.kernels(p.update_of(self, "weights"))
        p.emit(wgrad.backward, source, dy, dweights, p.workspace(wgrad.workspace()))
        if p.wants_delta(x):
            dx = self.backward_data(p, shape, source, dy)
            if self.xnor:  # as if the input had been cut at -1 and 1, not made binary
                p.emit(p.ops.activate_backward, p.blocked(x), dx, p.ops.Activation("hardtan"))
            p.add_delta(x, self.parts.image_delta(p, dx, x.shape) if self.parts else dx)

    def backward_data(self, p: Tape, shape: Geometry, source: Value, dy: Value) -> Value:
        """The delta of the convolution's input."""
        dx = p.new(source.shape, images=shape.n)
        usable = shape.dgrad_algorithms(budgets.training(self.weight_bytes, p))
        dgrad = p.ops.ConvDgrad(shape, budgets.chosen(usable, close=True))
        packed = self.learnt(p, "packed_back", dgrad)
        p.emit(dgrad.backward, dy, packed, dx, False, p.workspace(dgrad.workspace()))
        return dx

    def geometry(self, p: Builder, x: Value) -> tuple[Value, Geometry, bool]:
        """What is convolved, the ConvShape, and whether it is in NCHW (an image's few channels, all of them seen by
        every filter)."""
        plain = not (x.blocked or self.parts) and x.shape.c <= MAX_PLAIN_CHANNELS and self.groups == 1
        source = self.parts.of_image(p, x) if self.parts else x if plain else p.blocked(x)
        return source, self.shape(p, source), plain

    def shape(self, p: Builder, source: Value) -> Geometry:
        """The ConvShape for this input."""
        strides, padding = self.strides, (self.padding, self.padding)
        if self.parts:
            strides, padding = self.parts.strides, (0, 0)
        sizes = source.dims[0], *source.shape, self.out.c, *self.kernel, *strides, *padding, self.groups
        return p.ops.ConvShape(*sizes, p.backend.precision)

    @property
    def weight_bytes(self) -> int:
        return int(self.parameters["weights"].nbytes)

    def kernels(self, weights: Array) -> Array:
        """Weights (or their updates) as (K, C / groups, R, S)."""
        return weights.reshape(self.out.c, self.inputs.c // self.groups, *self.kernel)

    def pack(self, p: Builder, source: Value, shape: Geometry, plain: bool) -> tuple[ConvPrimitive, Array]:
        """The convolution, whose algorithm is chosen once and kept when the network is resized, and the weights in
        its layout."""

        key, store = self.key("packed_plain" if plain else "packed"), p.store if self.whole else None

        def make() -> tuple[str, Array]:
            halves = shape.precision if p.backend.name == "cpu" and shape.precision in HALVES else ""
            conv = p.ops.Conv(shape, self.fastest(shape, plain, halves))
            packed = store and store.find(key, conv.algorithm, conv.packed_size)
            if packed is None:
                conv, packed = self.pack_anew(p, source, conv, plain)
                if store:
                    store.keep(key, conv.algorithm, packed)
            release(self.parameters["weights"])
            return conv.algorithm, packed

        algorithm, packed = p.shared(key, make)
        return p.ops.Conv(shape, algorithm), packed

    def fastest(self, shape: Geometry, plain: bool, halves: str = "") -> str:
        """The algorithm of inference."""
        usable = shape.algorithms(budgets.inference(self.weight_bytes, halves), plain)
        return budgets.chosen(usable, close=min(shape.out_h, shape.out_w) < budgets.LARGE_IMAGE)

    def pack_anew(self, p: Builder, source: Value, conv: ConvPrimitive, plain: bool) -> tuple[ConvPrimitive, Array]:
        """The weights in a convolution's layout, or in that of one in FP32, if they are too large for FP16."""
        shape = conv.shape
        if shape.precision == "fp16" and not all(part.fits_fp16() for part in self.by_filters(p)):
            larger = shape.with_precision("fp32")
            conv = p.ops.Conv(shape, self.fastest(larger, plain))
        return conv, self.packed_by_filters(p, source, conv, p.ops.Conv)

    def packed_by_filters(self, p: Builder, source: Value, conv: PackingConv, make: MakeConv) -> Array:
        """The weights in a convolution's layout, whose like for fewer filters `make` gives."""
        packed, end = p.backend.empty((conv.packed_size,)), 0
        for part in self.by_filters(p):
            own = make(part.shape(p, source), conv.algorithm)
            begin, end = end, end + own.packed_size
            own.pack(p.backend.to_device(part.folded_weights()), packed[begin:end])
            release(part.parameters["weights"])
        return packed

    def by_filters(self, p: Builder) -> list[Convolution]:
        """The layer as layers of few filters, whose folded weights are a small copy. Their packed weights follow each
        other on the CPU, if there is one group."""
        step = FOLDED_FILTERS if p.backend.name == "cpu" and self.groups == 1 else self.out.c
        return [self.only(range(i, min(i + step, self.out.c))) for i in range(0, self.out.c, step)]

    def fits_fp16(self) -> bool:
        """Whether FP16 holds all folded weights, none of which is NaN."""
        weights = self.folded_weights()
        return bool(weights.min() > -MOST_FP16 and weights.max() < MOST_FP16)

    @property
    def is_pointwise(self) -> bool:
        """Whether it is nothing but a product with each pixel's channels."""
        bare = self.activation == "linear" and not (
            self.batch_normalize or self.binary or self.blur or self.coordconv
        )
        return bare and self.groups == 1 and (self.kernel, self.strides, self.padding) == ((1, 1), (1, 1), 0)

    def only(self, filters: Sequence[int]) -> Convolution:
        """The layer with some of its filters, of the weights it has now, for a plan. A range's are no copy."""
        chosen = slice(filters.start, filters.stop) if isinstance(filters, range) else list(filters)
        part = copy(self)
        part.path, part.whole = self.key("part"), False
        part.out = Shape(len(filters), self.out.h, self.out.w)
        part.parameters = {name: values[chosen] for name, values in self.parameters.items()}
        return part

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
        fold = self.batch_normalize
        bias = batchnorm.fold(self.parameters, self.dialect)[1] if fold else self.parameters["biases"].copy()
        if self.border:
            bias = bias + self.border * self.folded_weights().sum(axis=(1, 2, 3))
        return bias

    @property
    def border(self) -> float:
        """What lies around the input of xnor=1. Convolutions have 0 there: input and bias make up for the rest."""
        return self.dialect.binary_border if self.xnor and self.padding else 0.0

    def binarised(self, p: Builder, x: Value, border: float) -> Value:
        """The input of xnor=1: 1 where x is above 0, else -1, both less the border."""
        y = p.new(x.shape, x.blocked, x.dims[0])
        p.emit(p.ops.binarize, x, y, -1 - border, 1 - border)
        return y


@register("convolutional", "conv")
class Convolutional(Convolution):
    """2-D convolution; `pad=1` means size / 2 as in Darknet. `padding` is counted in input pixels, also where
    `dilation` multiplies Darknet's. With `antialiasing` the `blur` has the stride; with `share_index` there is a
    `lender`; with `coordconv` each pixel's place stands in the first three channels."""

    keys = Keys(
        training={
            "dot": 0.0, "assisted_excitation": 0.0, "sway": 0, "rotate": 0, "stretch": 0, "stretch_sway": 0,
            "grad_centr": 0, "reverse": 0.0,
        },
        idle="stream wait_stream angle",  # angle: of sway and its like
    )  # fmt: skip

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        filters = section.int_("filters", 1, low=1)
        size = section.int_("size", 1, low=1, high=MAX_EXTENT)
        self.strides = read_strides(section, low=INT_MIN)
        pad = section.bool_("pad", False)
        padding = section.int_("padding", 0, low=0, high=MAX_EXTENT)
        padding = size // 2 if pad else padding
        dilation = section.int_("dilation", 1, low=1, high=MAX_EXTENT)
        self.dilation = 1 if size == 1 else dilation
        self.padding = padding * self.dilation
        self.groups = section.int_("groups", 1, low=1)
        self.cross_batch = section.bool_("cbn", False)
        self.batch_normalize = section.bool_("batch_normalize", False) or self.cross_batch
        self.xnor = section.bool_("xnor", False)
        self.binary = section.bool_("binary", False) or self.xnor
        self.reads_signs = self.xnor
        self.gives_signs = section.bool_("bin_output", False) and self.xnor
        self.activation = read_activation(section, "logistic", across=True)
        self.coordconv = section.bool_("coordconv", False)
        self.kernel = (size, size)
        self.refuse(section, filters, size, padding)
        c, h, w = self.inputs
        thinned = self.strides
        if section.int_("antialiasing", 0):
            self.strides = (1, 1)
        (down, across), beyond = self.strides, 2 * padding - size
        sharp = Shape(filters, (h + beyond) // down + 1, (w + beyond) // across + 1)
        self.blur = read_blur(section, sharp, thinned)
        self.out = self.blur.out if self.blur else sharp
        if self.dilation > 1:
            pads = self.padding, self.padding
            self.parts = Parts(sharp, self.kernel, self.strides, pads, self.dilation)
        norm = batchnorm.records(filters) if self.batch_normalize else []
        weights = Record("weights", (filters, c // self.groups, size, size))
        self.records = [Record("biases", (filters,)), *norm, weights]
        self.flops = 2 * weights.size * sharp.h * sharp.w + (self.blur.flops if self.blur else 0)
        if section.has("share_index"):
            self.borrow(section, previous)

    def borrow(self, section: Section, previous: Sequence[Layer]) -> None:
        """Have the parameters of the layer `share_index`, which alone are in weights files."""
        named = resolve(section, "share_index", section.int_("share_index"), previous)
        lender = named.lender or named if isinstance(named, Convolution) else named
        if not isinstance(lender, Convolution) or list(lender.records) != list(self.records):
            raise section.error(
                f"share_index: layer {named.index} [{named.type}] has other parameters; expected a [convolutional] "
                "of the same size, channels, filters, groups and batch_normalize", "share_index",
            )  # fmt: skip
        self.lender, self.parameters, self.records = lender, lender.parameters, ()

    def key(self, name: str) -> str:
        lent = self.lender is not None and name in {record.name for record in self.lender.records}
        return self.lender.key(name) if self.lender and lent else super().key(name)

    def plan(self, p: Builder, x: Value) -> Value:
        return self.finished(p, super().plan(p, x))

    def finished(self, p: Builder, y: Value) -> Value:
        """What is done behind the activation."""
        y = self.blur.plan(p, self.key("blur"), y) if self.blur else y
        if self.coordconv:
            put_places(p, self.key("coordconv"), y)
        return y

    def train(self, p: Tape, x: Value) -> Value:
        if self.lender and self.learning_rate != self.lender.learning_rate:
            raise self.section.error(
                f"learning_rate={self.learning_rate}: the weights are those of layer {self.lender.index}, which "
                f"learn at {self.lender.learning_rate}; expected the same",
                "learning_rate",
            )
        y = p.saved[self.key("sharp")] = super().train(p, x)
        return self.finished(p, y)

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if self.coordconv and dy is not None:
            clear_places(p, self.key("coordconv"), dy)
        if self.blur and dy is not None:
            y = p.saved[self.key("sharp")]
            p.add_delta(y, self.blur.backward(p, y, dy))
        super().backward(p, x, y)

    def refuse(self, section: Section, filters: int, size: int, padding: int) -> None:
        """CfgError for what no convolution can be, or this one is not."""
        c, h, w = self.inputs
        for name, channels in (("input channels", c), ("filters", filters)):
            if channels % self.groups:
                raise section.error(f"groups={self.groups} does not divide the {channels} {name}", "groups")
        if self.xnor and (self.groups > 1 or self.dilation > 1 or self.strides[0] != self.strides[1]):
            raise section.error(
                "xnor=1 with groups, dilation or two strides: no Darknet multiplies binary numbers there; expected "
                "groups=1, dilation=1 and one stride",
                "xnor",
            )
        if self.coordconv and self.activation in ACROSS_CHANNELS:
            raise section.error(
                f"coordconv=1: places are no part of what {self.activation} makes of channels", "coordconv"
            )
        if size > min(h, w) + 2 * padding:
            raise section.error(
                f"size={size} is larger than the padded input ({w} x {h} with {padding} on each side)", "size"
            )
        # Darknet's output has the size that no dilation would give, which is right if both keep the image's size.
        if self.dilation > 1 and 2 * padding != size - 1:
            raise section.error(
                f"dilation={self.dilation} with size={size} and padding {padding}: expected a padding of half an odd "
                "size, as outputs of another size aren't defined; set pad=1",
                "dilation",
            )
