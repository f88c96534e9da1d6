"""The parameters of a network under the names PyTorch users expect: `layers.0.conv.weight`, `layers.0.bn.bias`."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.layouts import Array, Record
from ..layers import Layer
from ..layers.batchnorm import BatchNorm
from ..layers.connected import Connected
from ..layers.convolutional import Convolution
from ..layers.local import Local

BATCH_NORM = {"scales": "bn.weight", "rolling_mean": "bn.running_mean", "rolling_variance": "bn.running_var"}


def record_names(layer: Layer, records: Sequence[Record] | None = None) -> dict[str, str]:
    """Record of the layer, or of a layout of it -> name in the state dict, in the order of the weights file."""
    if layer.inner:
        return _inner_names(layer, layer.records if records is None else records)
    prefix, module = f"layers.{layer.path}.", _module(layer)
    normalised = isinstance(layer, Convolution) and layer.batch_normalize
    own = {"weights": f"{module}.weight", "biases": "bn.bias" if normalised else f"{module}.bias"}
    return {r.name: prefix + {**own, **BATCH_NORM}[r.name] for r in (layer.records if records is None else records)}


def state_dict(layers: Sequence[Layer], keep_bn: bool = True) -> dict[str, Array]:
    """Name -> array. Without `keep_bn` a convolution has a weight and a bias with its normalisation in them."""
    state: dict[str, Array] = {}
    for layer in (each for owner in layers for each in owner.learners):
        if isinstance(layer, Convolution) and layer.batch_normalize and not keep_bn:
            prefix = f"layers.{layer.path}.{_module(layer)}"
            weights = layer.folded_weights()
            state[f"{prefix}.weight"] = weights.reshape(len(weights), -1) if isinstance(layer, Connected) else weights
            state[f"{prefix}.bias"] = layer.folded_bias()
        else:
            state.update((name, layer.parameters[record]) for record, name in record_names(layer).items())
    return state


def _inner_names(layer: Layer, records: Sequence[Record]) -> dict[str, str]:
    names = {name: record_names(inner) for name, inner in layer.inner.items()}
    return {r.name: names[r.name.partition(".")[0]][r.kind] for r in records}


def _module(layer: Layer) -> str:
    if isinstance(layer, BatchNorm):
        return "bn"
    if isinstance(layer, Local):
        return "local"
    return "fc" if isinstance(layer, Connected) else "conv"
