"""Networks in 8 bits: ranges found on images, weights rounded, a file written. See docs/quantization.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..graph.int8 import save_int8
from ..layers.int8 import Int8Layers
from .choice import Choice, choose
from .statistics import Statistics, collect
from .weights import in_8_bits

if TYPE_CHECKING:
    from ..detection.boxes import Fit
    from ..network import Network

__all__ = ["Choice", "Statistics", "choose", "quantize"]


def quantize(
    net: Network,
    images: Iterable[npt.NDArray[np.uint8]],
    path: str | PathLike[str],
    *,
    keep: Collection[int] | None = None,
    fit: Fit | None = None,
    made_from: str = "",
) -> Choice:
    """Write the network in 8 bits to `path`, and say what it has in them.

    `images`: BGR (H, W, 3), such as the network is to see; ranges are found on them. `keep`: convolutional layers
    that stay in floats; default: those before heads, or the last. `made_from`: for the file's header. CfgError for a
    layer that is no convolution; DataError without images; WeightsError if the network is in 8 bits already, or the
    file can't be written.
    """
    net.need_floats("to be rounded to 8 bits")
    choice = choose(net, keep)
    statistics = collect(net, images, choice.measured, fit or net.usual_fit)
    convolutions = {i: in_8_bits(net, i, choice, statistics) for i in choice.convolutions}
    outputs = {i: statistics.quantisation(i) for i in choice.outputs}
    about = {"made_from": made_from, "images": statistics.images}
    save_int8(net, Int8Layers(convolutions, outputs), path, about)
    return choice
