"""Layers in BF16, where matrix registers multiply it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ...backends.bf16_ops import Bf16ConvPrimitive
from ...backends.ops import Array, Geometry
from ...formats.mapped import release
from ...plan.activations import ACROSS_CHANNELS
from ...plan.bf16 import Bf16Builder, HalfValue
from ...plan.plan import Value
from ...plan.shapes import Shape
from ..base import Layer
from ..connected import Connected
from ..convolutional import Convolution, Convolutional
from ..route import Route
from ..shortcut import Shortcut
from .alike import is_sum, plan_alike

MakeConv: TypeAlias = Callable[[Geometry, str], Bf16ConvPrimitive]


def plan_layer(layer: Layer, p: Bf16Builder, x: Value) -> Value:
    """Append the layer's steps, in BF16 where it has them; else those that it has in floats."""
    y = None
    if isinstance(layer, Convolution):
        y = plan_convolution(layer, p, x) if can_be_bf16(layer) else None
    elif isinstance(layer, Route):
        y = plan_route(layer, p)
    elif isinstance(layer, Shortcut):
        y = plan_shortcut(layer, p, x)
    return plan_alike(layer, p, x) if y is None else y


def can_be_bf16(layer: Convolution) -> bool:
    """Whether there is a convolution in BF16 for the layer."""
    special = layer.groups > 1 or layer.parts or layer.xnor or layer.blur or layer.coordconv
    return type(layer) in (Convolutional, Connected) and not special and layer.activation not in ACROSS_CHANNELS


def plan_convolution(layer: Convolution, p: Bf16Builder, x: Value) -> Value | None:
    """BF16 out; in, too, but for an image's few channels: their kernels cancel most of what they sum."""
    halved = isinstance(x, HalfValue)
    source, shape, image = (x, layer.shape(p, x), False) if halved else layer.geometry(p, x)
    algorithms = p.bf16.bf16_image_algorithms(shape) if image else p.bf16.bf16_algorithms(shape)
    if not algorithms:
        return None
    make = p.bf16.Bf16ImageConv if image else p.bf16.Bf16Conv
    conv, packed = pack(layer, p, source, make(shape, algorithms[0]), make)
    bias = p.constant(layer.key("bias"), layer.folded_bias)
    y = p.new_halves(Shape(layer.out.c, shape.out_h, shape.out_w), shape.n)
    activation = p.ops.Activation(layer.activation)
    given = source if image else p.as_halves(source)
    p.emit(conv.forward, given, packed, bias, y, activation, p.workspace(conv.workspace()))
    return y


def pack(
    layer: Convolution, p: Bf16Builder, source: Value, fastest: Bf16ConvPrimitive, make_conv: MakeConv
) -> tuple[Bf16ConvPrimitive, Array]:
    """The convolution, whose algorithm is chosen once, and the weights in its layout."""
    key, store = layer.key("packed_bf16" if source.blocked else "packed_bf16_image"), p.store if layer.whole else None

    def make() -> tuple[str, Array]:
        packed = store and store.find(key, fastest.algorithm, fastest.packed_size)
        if packed is None:
            packed = layer.packed_by_filters(p, source, fastest, make_conv)
            if store:
                store.keep(key, fastest.algorithm, packed)
        release(layer.parameters["weights"])
        return fastest.algorithm, packed

    algorithm, packed = p.shared(key, make)
    return make_conv(fastest.shape, algorithm), packed


def plan_route(layer: Route, p: Bf16Builder) -> Value | None:
    """Channels of BF16."""
    values = [p.outputs[source.index] for source in layer.sources]
    if not all(isinstance(value, HalfValue) for value in values) or (len(values) == 1 and layer.groups == 1):
        return None
    y, offset = p.new_halves(layer.out, values[0].dims[0]), 0
    if layer.groups == 1:
        p.concatenates(y)
    for value in values:
        channels = value.shape.c // layer.groups
        copied = p.as_halves(value), y, layer.group_id * channels, offset, channels
        p.emit(p.narrow.narrow_copy_channels, *copied)
        offset += channels
    return y


def plan_shortcut(layer: Shortcut, p: Bf16Builder, x: Value) -> Value | None:
    """The sum, rounded once."""
    other = p.outputs[layer.sources[0].index]
    factors = (layer.alpha, layer.beta) == (1, 1)
    if not (is_sum(layer) and factors and isinstance(x, HalfValue) and isinstance(other, HalfValue)):
        return None
    y = p.new_halves(layer.out, x.dims[0])
    p.emit(p.bf16.bf16_add, p.as_halves(x), p.as_halves(other), y)
    return y
