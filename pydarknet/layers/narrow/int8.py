"""Layers in 8 bits: their parts of a plan whose values are bytes, and the weights that these take from a file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...formats.mapped import release
from ...plan.activations import ACROSS_CHANNELS
from ...plan.int8 import ByteValue, Int8Builder, Quantisation
from ...plan.plan import Value
from ..base import ANY_LAYER, Layer
from ..common.head import Head
from ..connected import Connected
from ..convolutional import Convolution, Convolutional
from ..route import Route
from ..shortcut import Shortcut
from .alike import ALIKE, is_sum, plan_alike

IMAGE = Quantisation(1 / 255, 0)  # of the network's input
SLOPES = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}  # of activations that a convolution computes itself
OF_TRAINING = {"learning_rate", "stopbackward", "onlyforward", "dontload", "dontsave", "dontloadscales", "numload",
               "flipped"}  # fmt: skip
OF_SCALES = "int8_terms"  # ends the key of what scales decide
LARGEST = 127  # of a weight in 8 bits
LARGEST_SUM = 2**31 - 1
TILED = (3, 3), (1, 1)  # kernel and stride of what has tiles
FEWEST_TILED, MOST_TILED = 5, 8192  # channels: images have none; sums fit 32 bits

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Int8Convolution:
    """`weights` (K, C, R, S) int8, which times `scales` (K,) are the folded ones; `biases` (K,) in floats. `input` is
    the quantisation that a float input gets, `output` that of the output; None: it stays in floats. `tiles`: whether
    it is computed by tiles, F(2x2), whose factors are rounded once more."""

    weights: Array
    scales: Array
    biases: Array
    input: Quantisation
    output: Quantisation | None
    tiles: bool = False

    def terms(self, x: Quantisation) -> tuple[Array, Array]:
        """What is added to the sums of bytes x * weights, whole numbers, and what they are then multiplied by to be
        the layer's output before its activation; both as float64."""
        scales = self.scales.astype(np.float64) * x.scale
        return np.rint(self.biases / scales) - x.zero * self.weights.sum((1, 2, 3), dtype=np.float64), scales

    def fits(self) -> bool:
        """Whether no sum passes 32 bits, and no factor 32-bit floats."""
        with np.errstate(all="ignore"):
            start, scales = self.terms(self.input)
            factors = scales / (self.output.scale if self.output else 1.0)
        sums = 255 * np.abs(self.weights, dtype=np.int16).sum((1, 2, 3), dtype=np.float64) + np.abs(start)
        return bool((sums <= LARGEST_SUM).all() and (factors < 1e30).all())


@dataclass(frozen=True)
class Int8Layers:
    """What of a network is in 8 bits: its convolutions, and the quantisations of layers that choose one of their own
    (routes of several layers, shortcuts), by index."""

    convolutions: Mapping[int, Int8Convolution] = field(default_factory=dict)
    outputs: Mapping[int, Quantisation] = field(default_factory=dict)

    def plan(self, layer: Layer, p: Int8Builder, x: Value) -> Value:
        """Append the layer's steps, in bytes where it has them; else those that it has in floats."""
        if layer.index in self.convolutions and isinstance(layer, Convolution):
            return plan_convolution(layer, self.convolutions[layer.index], p, x)
        found = next((plan for kind, plan in OWN.items() if isinstance(layer, kind)), None)
        if found is None:
            return plan_alike(layer, p, x)
        value = found(layer, p, x, self.outputs.get(layer.index))
        return layer.plan(p, x) if value is None else value


def can_be_int8(layer: Layer) -> bool:
    """Whether there is a convolution in 8 bits for the layer."""
    if type(layer) not in (Convolutional, Connected) or not isinstance(layer, Convolution):
        return False
    if layer.groups > 1 or layer.parts or layer.xnor or layer.blur or layer.lender or layer.coordconv:
        return False
    if layer.activation in ACROSS_CHANNELS:
        return False
    return layer.inputs.c * math.prod(layer.kernel) <= LARGEST_SUM // (3 * 255 * LARGEST)  # sum, zero's, bias's share


def can_have_tiles(layer: Layer) -> bool:
    """Whether its convolution in 8 bits can be computed by tiles."""
    fits = FEWEST_TILED <= layer.inputs.c <= MOST_TILED
    return isinstance(layer, Convolutional) and can_be_int8(layer) and fits and (layer.kernel, layer.strides) == TILED


def can_be_in_8_bits(layers: Sequence[Layer]) -> set[int]:
    """The layers for which there is a convolution in 8 bits, but for those whose weights others share."""
    lent = {layer.lender.index for layer in layers if isinstance(layer, Convolution) and layer.lender}
    return {layer.index for layer in layers if can_be_int8(layer)} - lent


def hands_bytes_on(layer: Layer) -> bool:
    """Whether the layer can take bytes and give them."""
    return isinstance(layer, (*OWN, *ALIKE)) and not (isinstance(layer, Shortcut) and not is_sum(layer))


def sources(layer: Layer) -> list[int]:
    """The layers whose outputs it reads; -1 is the network's input."""
    if isinstance(layer, Route):
        return [each.index for each in layer.sources]
    more = [each.index for each in layer.sources] if isinstance(layer, Shortcut) else []
    return [layer.index - 1, *more]


def digest(layers: Sequence[Layer]) -> str:
    """SHA-256 of what decides a forward pass; not of the size of the input, nor of keys of training and heads."""
    described = []
    for layer in layers:
        skipped = {*layer.keys.training, *layer.keys.idle.split(), *ANY_LAYER.training, *OF_TRAINING}
        options = layer.section.options if not isinstance(layer, Head) else {}
        kept = sorted((key, value.replace(" ", "")) for key, value in options.items() if key not in skipped)
        described.append([layer.type, layer.inputs.c, layer.out.c, kept])
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def plan_convolution(layer: Convolution, own: Int8Convolution, p: Int8Builder, x: Value) -> Value:
    """The steps of a convolution: bytes in, and out where it has a quantisation for them."""
    source = p.as_bytes(x, own.input)
    image = source.dims[-1] == p.int8.int8_image_block
    conv = p.int8.Int8Conv(layer.shape(p, source), image, tiles=own.tiles)

    def pack() -> Array:
        packed: Array = p.backend.empty((conv.packed_bytes,), "uint8")
        conv.pack(np.ascontiguousarray(own.weights), packed)
        release(own.weights)
        return packed

    slope = SLOPES.get(layer.activation)
    quantised = own.output if slope is not None else None
    y = p.new(layer.out) if quantised is None else p.new_bytes(layer.out, quantised)
    if own.tiles:
        packed = p.shared(layer.key("int8_tiles"), pack)
        start, scale = p.shared(layer.key(OF_SCALES), lambda: _terms(own, source, quantised, conv.units(packed)))
    else:  # before the weights are packed, after which their pages are given back
        start, scale = p.shared(layer.key(OF_SCALES), lambda: _terms(own, source, quantised))
        packed = p.shared(layer.key("int8_image" if image else "int8"), pack)
    zero = 0 if quantised is None else quantised.zero
    p.emit(
        conv.forward, source, source.quantisation.zero, packed, start, scale, 1.0 if slope is None else slope, y,
        zero, p.byte_workspace(conv.workspace()),
    )  # fmt: skip
    if slope is None:
        p.emit(p.ops.activate, y, p.ops.Activation(layer.activation))
        return y if own.output is None else p.as_bytes(y, own.output)
    return y


def _terms(
    own: Int8Convolution, x: ByteValue, y: Quantisation | None, units: Array | None = None
) -> tuple[Array, Array]:
    """Start and scale of each filter, zeros after the last up to a whole block. `units`: of sums by tiles."""
    if units is None:
        start, scales = own.terms(x.quantisation)
    else:
        scales = own.scales.astype(np.float64) * x.quantisation.scale * units
        start = np.rint(own.biases / scales)
    count = -(-len(start) // 16) * 16
    whole, factors = np.zeros(count, np.int32), np.zeros(count, np.float32)
    whole[: len(start)] = start
    factors[: len(start)] = scales if y is None else scales / y.scale
    return whole, factors


def plan_route(layer: Route, p: Int8Builder, x: Value, own: Quantisation | None) -> Value | None:
    """Channels of bytes, brought to one scale."""
    values = [p.outputs[source.index] for source in layer.sources]
    given = [value for value in values if isinstance(value, ByteValue)]
    if len(values) == len(given) == 1:
        own = own or given[0].quantisation
    if len(given) < len(values) or own is None or (len(values) == 1 and layer.groups == 1):
        return None
    y, offset = p.new_bytes(layer.out, own), 0
    for value in given:
        channels = value.shape.c // layer.groups
        ratio = value.quantisation.scale / own.scale
        zeros = value.quantisation.zero, own.zero
        p.emit(p.int8.int8_copy_channels, value, y, layer.group_id * channels, offset, channels, ratio, *zeros)
        offset += channels
    return y


def plan_shortcut(layer: Shortcut, p: Int8Builder, x: Value, own: Quantisation | None) -> Value | None:
    """The sum of bytes, by factors in fixed point."""
    other = p.outputs[layer.sources[0].index]
    if own is None or not is_sum(layer) or not (isinstance(x, ByteValue) and isinstance(other, ByteValue)):
        return None
    ratios = [layer.alpha * x.quantisation.scale / own.scale, layer.beta * other.quantisation.scale / own.scale]
    shift = 20 - math.frexp(max(map(abs, ratios)))[1]
    if not 1 <= shift <= 29:
        return None
    first, second = (round(ratio * 2**shift) for ratio in ratios)
    y, zeros = p.new_bytes(layer.out, own), (x.quantisation.zero, other.quantisation.zero)
    p.emit(p.int8.int8_add, x, zeros[0], first, other, zeros[1], second, y, shift, own.zero)
    return y


OWN: dict[type[Layer], Callable[..., Value | None]] = {Route: plan_route, Shortcut: plan_shortcut}
