"""Parameters as a NumPy archive (.npz), and back."""

from __future__ import annotations

import zipfile
from collections.abc import Container, MutableMapping
from os import PathLike, fspath
from typing import Any

import numpy as np

from ..errors import ExportError, WeightsError
from ..formats.atomic import replacing
from ..formats.weights import Array
from ..graph.engine import Engine
from ..layers import Layer
from .state import record_names, state_dict

SEEN = "seen"  # the number of training images, as in the header of a weights file


def save(network: Engine, path: str | PathLike[str], *, keep_bn: bool = True) -> None:
    """Write the network's parameters by name, and `seen`. ExportError if the file can't be written."""
    arrays: dict[str, Any] = {SEEN: np.array(network.seen, np.uint64), **state_dict(network.layers, keep_bn)}
    try:
        with replacing(path) as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise ExportError(f"{fspath(path)}: can't write the parameters: {error.strerror or error}") from error


def load(path: str | PathLike[str], network: Engine) -> None:
    """Make the parameters of a network those of an archive that `save` wrote with batch normalisation kept.

    WeightsError, and nothing has changed, if an array is missing or superfluous, or of another shape.
    """
    file = fspath(path)
    arrays = _read(file)
    seen = int(arrays.pop(SEEN, np.array(0)))
    fitting: list[tuple[MutableMapping[str, Array], str, Array]] = []
    layouts = [_layout(layer, arrays) for layer in network.layers]
    for layer, layout in zip(network.layers, layouts, strict=True):
        names = record_names(layer, layer.layouts[layout])
        for record in layer.layouts[layout]:
            name = names[record.name]
            if name not in arrays:
                raise WeightsError(
                    f"{file}: has no {name}, which layer {layer.index} ({layer.type}) needs; is it of another "
                    "network, or was it exported with --fold-bn?"
                )
            array = arrays.pop(name)
            if array.shape != record.shape or array.dtype != np.float32:
                raise WeightsError(
                    f"{file}: {name}: expected float32 of shape {record.shape}, found {array.dtype} of {array.shape}"
                )
            fitting.append((layer.parameters, record.name, array))
    if arrays:
        raise WeightsError(f"{file}: the network has no {min(arrays)}; is the file of another network?")
    for layer, layout in zip(network.layers, layouts, strict=True):
        layer.take_layout(layout)
    for parameters, key, array in fitting:
        parameters[key] = array
    network.seen = seen
    network.parameters_changed()


def _layout(layer: Layer, arrays: Container[str]) -> int:
    """The one of the layer's layouts that has most of what the archive has."""
    held = [sum(name in arrays for name in record_names(layer, each).values()) for each in layer.layouts]
    return held.index(max(held))


def _read(file: str) -> dict[str, Array]:
    try:
        with open(file, "rb") as stream:
            if stream.read(2) == b"PK":
                stream.seek(0)
                return dict(np.load(stream, allow_pickle=False))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{file}: can't read the archive: {error}") from error
    raise WeightsError(f"{file}: is no archive; expected one that pydarknet export wrote")
