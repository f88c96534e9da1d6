"""Weights rounded to 8 bits, filter by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from ..layers.convolutional import Convolution
from ..layers.narrow.int8 import LARGEST, Int8Convolution
from .choice import Choice
from .statistics import Statistics

if TYPE_CHECKING:
    from ..graph.engine import Engine

Floats = npt.NDArray[np.float32]

FRACTIONS = np.linspace(0.7, 1.0, 16)  # of a filter's largest weight, that may become 127
LARGEST_BIAS = 1 << 29  # in units of a filter's sums


def in_8_bits(net: Engine, index: int, choice: Choice, statistics: Statistics) -> Int8Convolution:
    """A convolution in 8 bits; its biases make up for what rounding does to the mean of each output."""
    layer = cast(Convolution, net.layers[index])
    folded, biases = np.ascontiguousarray(layer.folded_weights()), np.asarray(layer.folded_bias(), np.float64)
    x = statistics.quantisation(index - 1)
    least = np.abs(biases) / (LARGEST_BIAS * x.scale)
    scales = np.maximum(best_scales(folded), least).astype(np.float32)
    weights = rounded(folded, scales)
    lost = (weights * scales[:, None, None, None].astype(np.float64) - folded).sum((2, 3))
    biases = biases - _through(lost, statistics.means(index - 1))
    output = statistics.quantisation(index) if index in choice.to_bytes else None
    return Int8Convolution(weights.astype(np.int8), scales, biases.astype(np.float32), x, output)


def _through(lost: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean of what each filter loses; a connected layer's channels are those of the input's."""
    mean: npt.NDArray[np.float64] = lost @ means
    return mean


def best_scales(weights: Floats) -> Floats:
    """Of each filter, the one that rounds it with the least square error."""
    flat = weights.reshape(len(weights), -1)
    largest = np.maximum(np.abs(flat).max(1), np.float32(1e-30)) / LARGEST
    best, least = largest, np.full(len(flat), np.inf, np.float32)
    for part in FRACTIONS[::-1]:
        tried = (largest * part).astype(np.float32)
        error = np.square(rounded(flat, tried) * tried[:, None] - flat).sum(1)
        best, least = np.where(error < least, tried, best), np.minimum(error, least)
    scales: Floats = best.astype(np.float32)
    return scales


def rounded(weights: Floats, scales: Floats) -> Floats:
    """Weights over scales as whole numbers from -127 to 127."""
    units = scales.reshape(-1, *[1] * (weights.ndim - 1))
    whole: Floats = np.clip(np.rint(weights / units), -LARGEST, LARGEST)
    return whole
