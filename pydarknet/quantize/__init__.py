"""Networks in 8 bits: ranges found on images, weights rounded, a file written. See docs/quantization.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..graph.int8 import save_int8
from .choice import Choice, choose, usual_keep, wide_keep, worth_tiles
from .refine import made_up, refine, sensitive, with_scales
from .statistics import Statistics, collect
from .weights import in_8_bits

if TYPE_CHECKING:
    from ..detection.boxes import Fit
    from ..network import Network

__all__ = ["Choice", "Statistics", "choose", "quantize", "wide_keep", "worth_tiles"]


def quantize(
    net: Network,
    images: Iterable[npt.NDArray[np.uint8]],
    path: str | PathLike[str],
    *,
    keep: Collection[int] | float | None = None,
    fit: Fit | None = None,
    made_from: str = "",
    refined: bool = True,
    tiles: bool = False,
) -> Choice:
    """Write the network in 8 bits to `path`, and say what it has in them.

    `images`: BGR (H, W, 3), such as the network is to see; ranges are found on them. `keep`: convolutional layers
    that stay in floats; default: those before heads, or the last. A number: those, and the ones that gain most by it,
    with so large a share of the operations at most. `made_from`: for the file's header. `refined`:
    whether scales are chosen by what the network's heads make of them, on the CPU. `tiles`: whether layers of many
    channels are computed by tiles, faster and less exactly. CfgError for a layer that is no
    convolution; DataError without images; WeightsError if the network is in 8 bits already, or the file can't be
    written.
    """
    net.need_floats("to be rounded to 8 bits")
    share = keep if isinstance(keep, float) else 0.0
    choice = choose(net, None if isinstance(keep, float) else keep)
    statistics = collect(net, images, choice.measured, fit or net.usual_fit())
    convolutions = {i: in_8_bits(net, i, choice, statistics) for i in choice.convolutions}
    if tiles:
        convolutions = {i: replace(each, tiles=worth_tiles(net.layers[i])) for i, each in convolutions.items()}
    table = {i: statistics.quantisation(i) for i in choice.measured}
    if share and net.backend.name == "cpu":
        more = sensitive(net, convolutions, table, choice, statistics.inputs, share)
        choice = choose(net, usual_keep(net) | more)
        convolutions = {i: convolutions[i] for i in choice.convolutions}
    if refined and net.backend.name == "cpu":
        table = refine(net, convolutions, table, choice, statistics.inputs)
        convolutions = made_up(net, convolutions, table, choice, statistics.inputs)
    save_int8(
        net, with_scales(convolutions, table, choice), path, {"made_from": made_from, "images": statistics.images}
    )
    return choice
