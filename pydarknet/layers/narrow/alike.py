"""What layers have in common whatever narrow numbers they are of: those that move or compare them."""

from __future__ import annotations

from collections.abc import Callable

from ...plan.narrow import NarrowBuilder, NarrowValue
from ...plan.plan import Value
from ..base import Layer
from ..convolutional import Convolution
from ..maxpool import MaxPool
from ..reorg import Reorg
from ..shortcut import Shortcut
from ..upsample import Upsample


def plan_alike(layer: Layer, p: NarrowBuilder, x: Value) -> Value:
    """Append the layer's steps, on narrow numbers where it has them; else those that it has in floats."""
    found = next((plan for kind, plan in ALIKE.items() if isinstance(layer, kind)), None)
    y = found(layer, p, x) if found is not None and isinstance(x, NarrowValue) else None
    if y is not None:
        return y
    return layer.plan(p, p.blocked(x) if isinstance(x, NarrowValue) and isinstance(layer, Convolution) else x)


def plan_maxpool(layer: MaxPool, p: NarrowBuilder, x: NarrowValue) -> Value | None:
    """The maximum of each window."""
    if layer.empty_windows or layer.depth or layer.blur or layer.peaks:
        return None
    y = p.like(x, layer.out)
    p.emit(p.narrow.narrow_maxpool, p.written(x), y, layer.size, layer.strides, layer.padding)
    return y


def plan_reorg(layer: Reorg, p: NarrowBuilder, x: NarrowValue) -> Value | None:
    """The same numbers in another order."""
    if layer.extra or layer.flatten or layer.reverse:
        return None
    y = p.like(x, layer.out)
    p.emit(p.narrow.narrow_reorg, p.written(x), y, layer.inputs.c, layer.stride)
    return y


def plan_upsample(layer: Upsample, p: NarrowBuilder, x: NarrowValue) -> Value | None:
    """Numbers repeated."""
    y = p.like(x, layer.out, layer.scale) if layer.stride > 0 else None
    if y is not None:
        p.emit(p.narrow.narrow_upsample, p.written(x), y, layer.stride)
    return y


def is_sum(layer: Shortcut) -> bool:
    """Whether it adds two outputs of one shape, and nothing more."""
    bare = len(layer.sources) == 1 and not layer.normalization and layer.activation == "linear"
    return bare and layer.inputs == layer.sources[0].out


ALIKE: dict[type[Layer], Callable[..., Value | None]] = {
    MaxPool: plan_maxpool,
    Reorg: plan_reorg,
    Upsample: plan_upsample,
}
