"""A network as pickle and copy carry it: cfg, parameters and settings; plans and packed weights are made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .engine import Engine

Parameters = list[dict[str, npt.NDArray[np.float32]]]


def revived(
    kind: type[Engine], settings: dict[str, Any], parameters: Parameters, size: tuple[int, int], rest: dict[str, Any]
) -> Engine:
    """The network again. DeviceError where its device isn't there."""
    net = kind(**settings)
    for layer, values in zip(net.layers, parameters, strict=True):
        layer.parameters.clear()
        layer.parameters.update(values)
    net.parameters_changed()
    net.resize(*size)
    net.__dict__.update(rest)
    return net


def parameters_of(net: Engine) -> Parameters:
    """The parameters of each layer, as they are now."""
    return [{name: value.copy() for name, value in layer.parameters.items()} for layer in net.layers]
