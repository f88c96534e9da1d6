"""Each layer as ONNX nodes. `convert` takes the name of the layer's input and returns that of its output."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from ..backends.ops import Array
from ..errors import ExportError
from ..layers import (
    Layer,
    avgpool,
    channels,
    cost,
    crop,
    deconvolutional,
    dropout,
    empty,
    implicit,
    l2norm,
    local,
    local_avgpool,
    maxpool,
    normalization,
    reorg3d,
)
from ..layers import activation as activation_layer
from ..layers import batchnorm as batchnorm_layer
from ..layers import reorg as reorg_layer
from ..layers import route as route_layer
from ..layers import shortcut as shortcut_layer
from ..layers import softmax as softmax_layer
from ..layers import upsample as upsample_layer
from ..layers.common.blur import WEIGHTS, Blur
from ..layers.common.places import PLACES, places
from ..layers.common.product import Product
from ..layers.common.recurrent import Recurrent
from ..layers.common.windows import Windowed
from ..layers.convolutional import Convolution
from ..plan.shapes import Shape
from .activations import SHARE_EPSILON, activate
from .nodes import Nodes
from .softmax import tree_softmax

LOWEST = float(np.finfo(np.float32).min)


@singledispatch
def convert(layer: Layer, g: Nodes, x: str) -> str:
    """Append the layer's nodes. ExportError for a layer that has none."""
    where = f"{layer.section.file}:{layer.section.line}: layer {layer.index}"
    why = ""
    if isinstance(layer, Recurrent):
        why = ", since it remembers what came before; .npz and .pt files take its parameters"
    raise ExportError(f"{where} [{layer.type}] can't be expressed in ONNX{why}")


@convert.register
def _(layer: Convolution, g: Nodes, x: str) -> str:
    # A connected layer is a convolution whose kernel is the whole input.
    geometry = {
        "kernel_shape": layer.kernel,
        "strides": layer.strides,
        "pads": [layer.padding] * 4,
        "dilations": [layer.dilation] * 2,
        "group": layer.groups,
    }
    if layer.xnor:
        x = g.add("Where", g.add("Greater", x, g.floats(0)), g.floats(1 - layer.border), g.floats(-1 - layer.border))
    shape = (layer.out.c, layer.inputs.c // layer.groups, *layer.kernel)
    # Binary weights get their values with the scale of the normalisation, so that it is always folded there.
    if g.keep_bn and layer.batch_normalize and not layer.binary:
        y = g.add("Conv", x, g.weight("weight", layer.parameters["weights"].reshape(shape)), **geometry)
        y = _normalised(layer, g, y)
    else:
        weight, bias = g.weight("weight", layer.folded_weights()), g.weight("bias", layer.folded_bias())
        y = g.add("Conv", x, weight, bias, **geometry)
    return _placed(layer, g, _blurred(g, activate(g, y, layer.activation), layer.blur))


def _placed(layer: Convolution, g: Nodes, y: str) -> str:
    """With `coordconv`: the first channels are each pixel's place."""
    if not layer.coordconv:
        return y
    c, h, w = layer.out
    images = g.slice(g.add("Shape", y), 0, 0, 1)
    shape = g.add("Concat", images, g.ints([min(PLACES, c), h, w]), axis=0)
    known = g.add("Expand", g.weight("places", places(layer.out)[None]), shape)
    return known if c <= PLACES else g.add("Concat", known, g.slice(y, 1, PLACES, c), axis=1)


def _blurred(g: Nodes, x: str, blur: Blur | None) -> str:
    if blur is None:
        return x
    size, channels = blur.size, blur.out.c
    weights = np.tile(np.array(WEIGHTS[size], np.float32), channels).reshape(channels, 1, size, size)
    geometry = {"kernel_shape": [size] * 2, "strides": blur.strides, "pads": [blur.padding] * 4, "group": channels}
    return g.add("Conv", x, g.weight("blur", weights), **geometry)


@convert.register
def _(layer: deconvolutional.Deconvolutional, g: Nodes, x: str) -> str:
    weight, bias = g.weight("weight", layer.folded_weights()), g.weight("bias", layer.folded_bias())
    y = g.add(
        "ConvTranspose", x, weight, bias,
        kernel_shape=[layer.size] * 2, strides=[layer.stride] * 2, pads=[layer.padding] * 4,
    )  # fmt: skip
    return activate(g, y, layer.activation)


@convert.register
def _(layer: implicit.Implicit, g: Nodes, x: str) -> str:
    # Of the input only the number of images counts.
    images = g.slice(g.add("Shape", x), 0, 0, 1)
    shape = g.add("Concat", images, g.ints(list(layer.out)), axis=0)
    return g.add("Expand", g.weight("weight", layer.parameters["weights"].reshape(1, *layer.out)), shape)


@convert.register
def _(layer: batchnorm_layer.BatchNorm, g: Nodes, x: str) -> str:
    if g.keep_bn:
        return _normalised(layer, g, x)
    scale, bias = batchnorm_layer.fold(layer.parameters, layer.dialect)
    y = g.add("Mul", x, g.weight("scale", _per_channel(scale)))
    return g.add("Add", y, g.weight("bias", _per_channel(bias)))


def _normalised(layer: Layer, g: Nodes, x: str) -> str:
    given = layer.parameters
    # ONNX divides by sqrt(variance + epsilon), the Darknets by what they like.
    variance = batchnorm_layer.deviation(given, layer.dialect) ** 2
    biases = given["biases"] if "biases" in given else np.zeros_like(variance)
    arrays = {"scale": given["scales"], "bias": biases, "mean": given["rolling_mean"], "variance": variance}
    constants = [g.weight(f"bn_{name}", array) for name, array in arrays.items()]
    return g.add("BatchNormalization", x, *constants, epsilon=0.0)


@convert.register
def _(layer: activation_layer.Activation, g: Nodes, x: str) -> str:
    return activate(g, x, layer.activation)


@convert.register(cost.Cost)
@convert.register(dropout.Dropout)
@convert.register(empty.Empty)
def _(layer: Layer, g: Nodes, x: str) -> str:
    return x


def _reach(layer: Windowed) -> tuple[int, list[int]]:
    """What windows reach beyond the image, above and left, and below and right; the padding may be more."""
    (_, h, w), (_, rows, columns), size = layer.inputs, layer.pooled, layer.size
    before = layer.padding // 2
    ends = zip((rows, columns), layer.strides, (h, w), strict=True)
    return before, [max((n - 1) * stride + size - length - before, 0) for n, stride, length in ends]


@convert.register
def _(layer: maxpool.MaxPool, g: Nodes, x: str) -> str:
    if layer.depth:
        (c, _, _), groups = layer.inputs, layer.out.c
        x = g.pad(x, [0, 0, 0], [-c % groups, 0, 0], LOWEST)
        parts = [g.slice(x, 1, first, first + groups) for first in range(0, c, groups)]
        return g.add("Max", *parts)
    before, after = _reach(layer)
    pads, whole = [before, before, *after], x
    if max(pads) >= layer.size:  # more than ONNX's pooling allows
        x, pads = g.pad(x, [0, before, before], [0, *after], LOWEST), [0] * 4
    y = g.add("MaxPool", x, kernel_shape=[layer.size] * 2, strides=layer.strides, pads=pads)
    if layer.peaks:
        y = g.add("Where", g.add("Equal", whole, y), y, g.floats(0))
    return _blurred(g, y, layer.blur)


@convert.register
def _(layer: local_avgpool.LocalAvgPool, g: Nodes, x: str) -> str:
    before, after = _reach(layer)
    windows = {"kernel_shape": [layer.size] * 2, "strides": layer.strides, "pads": [before, before, *after]}
    return g.add("AveragePool", x, count_include_pad=0, **windows)


@convert.register
def _(layer: Product, g: Nodes, x: str) -> str:
    return activate(g, g.add("Mul", g.outputs[layer.source.index], x), layer.activation)


@convert.register
def _(layer: channels.OfChannels, g: Nodes, x: str) -> str:
    op = "Mul" if isinstance(layer, channels.ControlChannels) else "Add"
    return g.add(op, x, g.outputs[layer.source.index])


@convert.register
def _(layer: reorg3d.Reorg3d, g: Nodes, x: str) -> str:
    if layer.reverse:
        spread = g.add("DepthToSpace", g.reshape(x, *layer.out), blocksize=layer.stride, mode="DCR")
        return g.reshape(spread, *layer.out)
    return g.add("SpaceToDepth", x, blocksize=layer.stride)


@convert.register
def _(layer: avgpool.AvgPool, g: Nodes, x: str) -> str:
    return g.add("GlobalAveragePool", x)


@convert.register
def _(layer: upsample_layer.Upsample, g: Nodes, x: str) -> str:
    if layer.stride < 0:  # tiles of pixels summed
        tile = -layer.stride
        mean = g.add("AveragePool", x, kernel_shape=[tile, tile], strides=[tile, tile])
        return g.scale(mean, layer.scale * tile * tile)
    return g.scale(_repeat(g, x, layer.stride, layer.stride), layer.scale)


def _repeat(g: Nodes, x: str, rows: int, columns: int) -> str:
    scales = g.floats([1, 1, rows, columns])
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return g.add("Resize", x, "", scales, **nearest)


@convert.register
def _(layer: route_layer.Route, g: Nodes, x: str) -> str:
    parts = []
    for source in layer.sources:
        value, channels = g.outputs[source.index], source.out.c // layer.groups
        if layer.groups > 1:
            value = g.slice(value, 1, layer.group_id * channels, (layer.group_id + 1) * channels)
        parts.append(value)
    return parts[0] if len(parts) == 1 else g.add("Concat", *parts, axis=1)


@convert.register
def _(layer: shortcut_layer.Shortcut, g: Nodes, x: str) -> str:
    inputs = layer.inputs
    sources = [(source.out, g.outputs[source.index]) for source in layer.sources]
    if layer.normalization:
        own, *shares = _shares(layer)
        terms = [
            g.add("Mul", _meeting(g, inputs, shape, value), g.weight(f"share_{i}", share))
            for i, ((shape, value), share) in enumerate(zip(sources, shares, strict=True))
        ]
        return activate(g, g.add("Sum", g.add("Mul", x, g.weight("share", own)), *terms), layer.activation)
    if layer.alpha != 1:
        x = _scaled_where_met(g, layer, x)
    terms = [g.scale(_meeting(g, inputs, shape, value), layer.beta) for shape, value in sources]
    return activate(g, g.add("Sum", x, *terms) if len(terms) > 1 else g.add("Add", x, terms[0]), layer.activation)


def _shares(layer: shortcut_layer.Shortcut) -> Array:
    """What each layer counts, (1 + layers, channels, 1, 1)."""
    weights = layer.detecting_weights().astype(np.float32)
    if layer.normalization == "softmax_top":
        weights = np.exp(weights - weights.max(axis=0))
    sums = 1 if layer.normalization == "none" else weights.sum(axis=0) + np.float32(SHARE_EPSILON)
    return (weights / sums)[:, :, None, None]


def _scaled_where_met(g: Nodes, layer: shortcut_layer.Shortcut, x: str) -> str:
    """alpha times x; pixels and channels without a partner stay as they are."""
    inputs, source = layer.inputs, layer.sources[0].out
    met = np.zeros((1, *inputs), np.bool_)
    (rows, row_step), (columns, column_step) = _steps(inputs.h, source.h), _steps(inputs.w, source.w)
    met[:, : source.c, : rows * row_step : row_step, : columns * column_step : column_step] = True
    if met.all():
        return g.scale(x, layer.alpha)
    return g.add("Mul", x, g.weight("alpha", np.where(met, layer.alpha, 1).astype(np.float32)))


def _steps(x: int, add: int) -> tuple[int, int]:
    """How many pixels along one axis meet, and how many pixels of x apart."""
    return min(x, add), max(x // add, 1)


def _meeting(g: Nodes, inputs: Shape, source: Shape, add: str) -> str:
    """The added layer in the shape of the other: sampled where it is larger, among zeros where it is smaller."""
    c, h, w = inputs
    if source.c > c:
        add = g.slice(add, 1, 0, c)
    for axis, length, given in ((2, h, source.h), (3, w, source.w)):
        step = max(given // length, 1)
        if given > length:
            add = g.slice(add, axis, 0, (length - 1) * step + 1, step)
    (rows, row_step), (columns, column_step) = _steps(h, source.h), _steps(w, source.w)
    if row_step > 1 or column_step > 1:
        first = np.zeros((1, 1, rows * row_step, columns * column_step), np.float32)
        first[:, :, ::row_step, ::column_step] = 1
        add = g.add("Mul", _repeat(g, add, row_step, column_step), g.floats(first))
    missing = [max(c - source.c, 0), h - rows * row_step, w - columns * column_step]
    return g.pad(add, [0, 0, 0], missing)


@convert.register
def _(layer: reorg_layer.Reorg, g: Nodes, x: str) -> str:
    (c, h, w), s = layer.inputs, layer.stride
    if layer.flatten:
        rows, columns = (h * w, c) if layer.reverse else (c, h * w)
        return g.reshape(g.add("Transpose", g.reshape(x, rows, columns), perm=[0, 2, 1]), *layer.out)
    if layer.extra:
        return g.pad(g.reshape(x, layer.inputs.size, 1, 1), [0, 0, 0], [layer.extra, 0, 0])
    if layer.reverse:
        return g.add("DepthToSpace", x, blocksize=s, mode="DCR")
    # Darknet reads the channels as a larger image with fewer of them: that image goes from space to depth.
    larger = g.reshape(x, c // (s * s), h * s, w * s)
    return g.reshape(g.add("SpaceToDepth", larger, blocksize=s), *layer.out)


@convert.register
def _(layer: softmax_layer.Softmax, g: Nodes, x: str) -> str:
    (c, h, w), groups = layer.inputs, layer.groups
    x = g.scale(x, 1 / layer.temperature)
    if layer.tree is not None:
        last = g.add("Transpose", g.reshape(x, c, h * w), perm=[0, 2, 1])
        y = g.add("Transpose", tree_softmax(g, last, layer.tree), perm=[0, 2, 1])
    elif layer.spatial:
        y = g.add("Softmax", g.reshape(x, groups, c // groups, h * w), axis=2)
    else:
        y = g.add("Softmax", g.reshape(x, groups, layer.inputs.size // groups), axis=2)
    return g.reshape(y, *layer.out)


@convert.register
def _(layer: crop.Crop, g: Nodes, x: str) -> str:
    (_, h, w), out = layer.inputs, layer.out
    top, left = (h - out.h) // 2, (w - out.w) // 2
    y = g.slice(g.slice(x, 2, top, top + out.h), 3, left, left + out.w)
    return y if layer.noadjust else g.add("Sub", g.scale(y, 2), g.floats(1))


@convert.register
def _(layer: l2norm.L2Norm, g: Nodes, x: str) -> str:
    squares = g.add("ReduceSum", g.add("Mul", x, x), g.ints([1]), keepdims=1)
    # The least normal number: zeros stay zeros.
    length = g.add("Sqrt", g.add("Max", squares, g.floats(np.finfo(np.float32).tiny)))
    return g.add("Div", x, length)


@convert.register
def _(layer: normalization.Normalization, g: Nodes, x: str) -> str:
    # ONNX's LRN divides alpha by the size and has no channel missing, see csrc/ops/normalization.h.
    channels = np.arange(layer.inputs.c)
    distance = channels[None, :] - channels[:, None]
    window = ((distance >= -((layer.size - 1) // 2)) & (distance <= layer.size // 2)).astype(np.float32)
    window[:, channels == layer.size // 2] -= 1
    sums = g.weight("window", layer.alpha * window[:, :, None, None].astype(np.float32))
    kappa = g.weight("kappa", np.full(layer.inputs.c, layer.kappa, np.float32))
    norm = g.add("Conv", g.add("Mul", x, x), sums, kappa, kernel_shape=[1, 1])
    return g.add("Mul", x, g.add("Pow", norm, g.floats(-layer.beta)))


@convert.register
def _(layer: local.Local, g: Nodes, x: str) -> str:
    (c, h, w), size, out = layer.inputs, layer.size, layer.out
    before = size // 2 if layer.pad else 0
    after = [max((n - 1) * layer.stride + size - n0 - before, 0) for n, n0 in ((out.h, h), (out.w, w))]
    x = g.pad(x, [0, before, before], [0, *after])
    width, height = w + before + after[1], h + before + after[0]
    rows = (np.arange(out.h) * layer.stride)[None, :] + np.arange(size)[:, None]
    columns = (np.arange(out.w) * layer.stride)[None, :] + np.arange(size)[:, None]
    at = rows[:, None, :, None] * width + columns[None, :, None, :]  # (size, size, out.h, out.w)
    taps, places = c * size * size, out.h * out.w
    seen = g.add("Gather", g.reshape(x, c, height * width), g.weight("pixels", at.reshape(-1)), axis=2)
    seen = g.add("Transpose", g.reshape(seen, taps, places), perm=[0, 2, 1])
    weights = layer.parameters["weights"].reshape(places, out.c, taps).transpose(0, 2, 1)
    y = g.add("MatMul", g.reshape(seen, places, 1, taps), g.weight("weight", np.ascontiguousarray(weights)))
    y = g.add("Transpose", g.reshape(y, places, out.c), perm=[0, 2, 1])
    y = g.add("Add", g.reshape(y, *out), g.weight("bias", layer.parameters["biases"]))
    return activate(g, y, layer.activation)


def _per_channel(values: Array) -> Array:
    return values.reshape(-1, 1, 1)
