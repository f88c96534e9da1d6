"""Scales of bytes, and layers in floats, chosen by what they do to the network's output instead of to a layer's.

Rounding is no noise: what is the same all over an image is rounded the same way all over it, and a large value that
is cut off may be the only one that tells of an object. No error of a layer's values says what that does to the heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..layers import Layer
from ..layers.convolutional import Convolution
from ..layers.narrow.int8 import IMAGE, Int8Convolution, Int8Layers, hands_bytes_on, sources
from ..layers.upsample import Upsample
from ..plan.int8 import Quantisation
from .choice import Choice, choose
from .judge import Judge, restored

if TYPE_CHECKING:
    from ..network import Network

Floats = npt.NDArray[np.float32]
Table = dict[int, Quantisation]  # of layers' outputs

FACTORS = (0.75, 0.87, 1.15, 1.35, 1.6)  # that a scale is tried times


def refine(
    net: Network, convolutions: Mapping[int, Int8Convolution], table: Table, choice: Choice, inputs: Sequence[Floats]
) -> Table:
    """Those scales near the table's, tried layer by layer, that change least of what the network says."""
    live = [index for index in sorted(table) if is_live(net.layers, index, choice)]
    judge = Judge(net, inputs, len(live) * len(FACTORS))
    with restored(net):
        least = judge.error(with_scales(convolutions, table, choice))
        for index in live:
            scale, zero = table[index]
            for factor in FACTORS:
                tried = {**table, index: Quantisation(scale * factor, zero)}
                found = judge.error(with_scales(convolutions, tried, choice))
                if found < least:
                    least, table = found, tried
    return table


def sensitive(
    net: Network,
    convolutions: Mapping[int, Int8Convolution],
    table: Table,
    choice: Choice,
    inputs: Sequence[Floats],
    share: float,
) -> set[int]:
    """The convolutions that, one by one in floats, bring the network's output nearest to what it is in floats, for
    each of their operations: as many as have a `share` of all convolutions' operations."""  # fmt: skip
    judge, gains = Judge(net, inputs, len(convolutions)), dict[int, float]()
    floats = {layer.index for layer in net.layers if isinstance(layer, Convolution)} - set(convolutions)
    with restored(net):
        whole = judge.error(with_scales(convolutions, table, choice))
        for index in convolutions:
            others = {i: each for i, each in convolutions.items() if i != index}
            gains[index] = whole - judge.error(with_scales(others, table, choose(net, {*floats, index})))
    left = share * sum(net.layers[i].flops for i in convolutions)
    chosen = set[int]()
    for index in sorted(gains, key=lambda i: -gains[i] / net.layers[i].flops):
        if gains[index] > 0 and net.layers[index].flops <= left:
            chosen.add(index)
            left -= net.layers[index].flops
    return chosen


def made_up(
    net: Network, convolutions: Mapping[int, Int8Convolution], table: Table, choice: Choice, inputs: Sequence[Floats]
) -> dict[int, Int8Convolution]:
    """The convolutions with biases that make up for what rounding does to the mean of each channel that they read."""
    shifts = {i: np.zeros(net.layers[i].inputs.c) for i in convolutions if i}
    for x in inputs:
        net.forward(x)
        for i, shift in shifts.items():
            given, (scale, zero) = net.layers[i - 1].output, given_in(net.layers, i - 1, table, choice)
            rounded = np.clip(np.rint(given * np.float32(1 / scale)), -zero, 255 - zero) * np.float32(scale)
            shift += (rounded - given).mean((0, 2, 3), dtype=np.float64) / len(inputs)
    result = dict(convolutions)
    for i, shift in shifts.items():
        own = convolutions[i]
        lost = (own.weights * own.scales[:, None, None, None].astype(np.float64)).sum((2, 3)) @ shift
        better = replace(own, biases=(own.biases - lost).astype(np.float32))
        result[i] = better if better.fits() else own
    return result


def given_in(layers: Sequence[Layer], index: int, table: Table, choice: Choice) -> Quantisation:
    """The quantisation that a layer's output arrives in; of the layers before it, if it hands bytes on."""
    if is_live(layers, index, choice):
        return table[index]
    layer, found = layers[index], given_in(layers, sources(layers[index])[0], table, choice)
    return Quantisation(found.scale * layer.scale, found.zero) if isinstance(layer, Upsample) else found


def with_scales(convolutions: Mapping[int, Int8Convolution], table: Table, choice: Choice) -> Int8Layers:
    """The layers with the table's quantisations."""
    scaled = {
        i: replace(each, input=table[i - 1] if i else IMAGE, output=table[i] if i in choice.to_bytes else None)
        for i, each in convolutions.items()
    }
    return Int8Layers(scaled, {i: table[i] for i in choice.outputs})


def is_live(layers: Sequence[Layer], index: int, choice: Choice) -> bool:
    """Whether some step rounds to the quantisation of a layer's output, instead of handing bytes on."""
    return index >= 0 and (
        index in choice.to_bytes or index in choice.outputs or not gives_bytes(layers, index, choice)
    )


def gives_bytes(layers: Sequence[Layer], index: int, choice: Choice) -> bool:
    """Whether the layer's output is in bytes already."""
    if index < 0 or index in choice.to_bytes:
        return index >= 0
    return hands_bytes_on(layers[index]) and all(gives_bytes(layers, each, choice) for each in sources(layers[index]))
