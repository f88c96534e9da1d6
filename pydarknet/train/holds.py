"""AlexeyAB's keys of layers that keep them as they are for a time: dont_update, burnin_update, train_only_bn.

What such a layer would have learnt meanwhile is dropped; his program adds it up, and it comes all at once when the
layer is updated for the first time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..layers import Layer

HELD = "dont_update", "burnin_update", "train_only_bn"


def first_updates(layers: Sequence[Layer], burn_in: int) -> dict[int, float]:
    """The first iteration (from 1) that updates a layer, by its index, where that isn't the first of all; infinite
    for those of which only batch norm's statistics go on: one with train_only_bn, and all before it. CfgError."""
    first = {layer.index: _first(layer, burn_in) for layer in layers}
    only_bn = max((layer.index for layer in layers if layer.section.bool_("train_only_bn", False)), default=-1)
    first |= dict.fromkeys(range(only_bn + 1), math.inf)
    return {index: iteration for index, iteration in first.items() if iteration > 1}


def limits(layers: Sequence[Layer]) -> dict[int, float]:
    """`clip`: the largest absolute value of a layer's weights, by its index, where there is one. CfgError."""
    clips = {layer.index: layer.section.float_("clip", 0.0, low=0.0) for layer in layers}
    return {index: clip for index, clip in clips.items() if clip}


def _first(layer: Layer, burn_in: int) -> float:
    section = layer.section
    dont, burnin = section.int_("dont_update", 0, low=0), section.int_("burnin_update", 0, low=0)
    return max(dont + 1, burnin * burn_in) if dont or burnin else 0
