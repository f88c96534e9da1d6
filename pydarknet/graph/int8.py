"""The 8-bit weights of a network: from a file into its layers, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import DeviceError, WeightsError
from ..formats.int8 import Int8File, read_int8, write_int8
from ..formats.mapped import release
from ..formats.weights import Header, LoadResult
from ..layers import Layer
from ..layers.convolutional import Convolution
from ..layers.narrow.int8 import LARGEST, Int8Convolution, Int8Layers, can_be_in_8_bits, can_have_tiles, digest
from ..plan.int8 import Quantisation

if TYPE_CHECKING:
    from .engine import Engine

Array = npt.NDArray[Any]
NAMES = ("weights", "scales", "biases")


class FloatsElsewhere(dict[str, Array]):
    """The parameters of a layer in 8 bits: none, and who looks for one is told why."""

    def __missing__(self, name: str) -> Array:
        raise WeightsError(
            f"{name}: in 8 bits only, by `pydarknet quantize`; take the .weights file they were made from"
        )


def load_int8(net: Engine, path: str | PathLike[str], cutoff: int | None) -> LoadResult:
    """Make a file's weights the network's. WeightsError, DeviceError, and nothing has changed, if they can't be."""
    if net.backend.name != "cpu":
        raise DeviceError(
            f"{path}: 8-bit weights are computed on the CPU, the network is on {net.backend.name}; use --device cpu, "
            "or the .weights file they were made from"
        )
    file = read_int8(path)
    if cutoff is not None:
        raise file.error("8-bit weights are no start for a training; take the .weights file they were made from")
    int8, parameters = read_layers(file, net.layers, net.cfg.file)
    for layer in net.layers:
        if layer.index in int8.convolutions:
            layer.parameters = FloatsElsewhere()
        else:  # in place, as layers may share them
            layer.parameters.update(parameters[layer.index])
    net.int8 = int8
    net.seen = _seen(file)
    return LoadResult(Header(0, 2, 0, net.seen, 0, False), len(net.layers), 0)


def save_int8(net: Engine, int8: Int8Layers, path: str | PathLike[str], about: Mapping[str, Any]) -> None:
    """Write what `int8` has, and the rest of the network in floats. `about`: more for the header. WeightsError."""
    arrays: dict[tuple[int, str], Array] = {}
    for layer in net.layers:
        own = int8.convolutions.get(layer.index)
        if own is not None:
            arrays.update({(layer.index, name): getattr(own, name) for name in NAMES})
        else:
            arrays.update({(layer.index, each.name): layer.parameters[each.name] for each in layer.records})
    convolutions = {str(i): [own.input, own.output] for i, own in int8.convolutions.items()}
    outputs = {str(i): own for i, own in int8.outputs.items()}
    tiles = [i for i, own in int8.convolutions.items() if own.tiles]
    header = {**about, "cfg": digest(net.layers), "seen": net.seen, "convolutions": convolutions, "outputs": outputs}
    if tiles:
        header["tiles"] = tiles
    write_int8(path, header, arrays)


def read_layers(file: Int8File, layers: Sequence[Layer], cfg: str) -> tuple[Int8Layers, list[dict[str, Array]]]:
    """What a file has in 8 bits, and the parameters in floats of each layer of a cfg. WeightsError for what can't
    be."""
    if file.header.get("cfg") != digest(layers):
        raise file.error(f"was made for another network than {cfg}, or its layers have changed since; make it anew")
    given, possible = {layer.index: layer for layer in layers}, can_be_in_8_bits(layers)
    convolutions: dict[int, Int8Convolution] = {}
    for index, pair in _by_index(file, "convolutions"):
        layer = given.get(index)
        if index not in possible or not isinstance(layer, Convolution):
            raise file.error(f"has layer {index} in 8 bits, which can't be")
        if not isinstance(pair, list) or len(pair) != 2:
            raise file.error(f"layer {index}: expected the quantisations of input and output, found {pair!r}")
        output = None if pair[1] is None else _quantisation(file, index, pair[1])
        convolutions[index] = _convolution(file, layer, _quantisation(file, index, pair[0]), output)
    for index in _tiles(file, given, convolutions):
        convolutions[index] = replace(convolutions[index], tiles=True)
    outputs = {index: _quantisation(file, index, each) for index, each in _by_index(file, "outputs")}
    parameters = [dict(_floats(file, layer)) if layer.index not in convolutions else {} for layer in layers]
    count = 3 * len(convolutions) + sum(map(len, parameters))
    if count != len(file.arrays):
        raise file.error(f"has {len(file.arrays)} arrays, expected {count}")
    return Int8Layers(convolutions, outputs), parameters


def _by_index(file: Int8File, key: str) -> Iterator[tuple[int, Any]]:
    table = file.header.get(key)
    if not isinstance(table, dict):
        raise file.error(f"the header has no {key}")
    for index, value in table.items():
        if not (index.isascii() and index.isdigit() and len(index) < 6):
            raise file.error(f"the header has {key} of layer {index!r}")
        yield int(index), value


def _tiles(file: Int8File, layers: Mapping[int, Layer], convolutions: Mapping[int, Int8Convolution]) -> list[int]:
    """The convolutions that are computed by tiles. WeightsError for what can't be."""
    tiles = file.header.get("tiles", [])
    if not isinstance(tiles, list):
        raise file.error(f"expected a list of layers with tiles, found {tiles!r}")
    for index in tiles:
        if type(index) is not int or index not in convolutions or not can_have_tiles(layers[index]):
            raise file.error(f"has layer {index} by tiles, which can't be")
    return tiles


def _quantisation(file: Int8File, index: int, pair: Any) -> Quantisation:
    """Scale and zero. WeightsError unless they make sense."""
    if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], float) and type(pair[1]) is int:
        scale, zero = pair
        if math.isfinite(scale) and 1e-30 < scale < 1e30 and 0 <= zero <= 255:
            return Quantisation(scale, zero)
    raise file.error(f"layer {index}: expected a scale above 0 and a zero from 0 to 255, found {pair!r}")


def _convolution(file: Int8File, layer: Convolution, x: Quantisation, output: Quantisation | None) -> Int8Convolution:
    filters = layer.out.c
    weights = _array(file, layer, "weights", (filters, layer.inputs.c, *layer.kernel), "int8")
    scales, biases = (_array(file, layer, name, (filters,), "float32") for name in NAMES[1:])
    where = f"layer {layer.index} ({layer.type})"
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise file.error(f"{where}: expected scales above 0")
    if weights.min() < -LARGEST:
        raise file.error(f"{where}: expected weights from -{LARGEST} to {LARGEST}")
    convolution = Int8Convolution(weights, scales, biases, x, output)
    if not convolution.fits():
        raise file.error(f"{where}: its sums don't fit 32 bits")
    release(weights)
    return convolution


def _floats(file: Int8File, layer: Layer) -> Iterator[tuple[str, Array]]:
    """The records of a layer in floats."""
    for record in layer.records:
        yield record.name, _array(file, layer, record.name, record.shape, "float32")


def _array(file: Int8File, layer: Layer, name: str, shape: tuple[int, ...], dtype: str) -> Array:
    array = file.arrays.get((layer.index, name))
    where = f"layer {layer.index} ({layer.type}), {name}"
    if array is None:
        raise file.error(f"{where}: is missing")
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise file.error(f"{where}: expected {dtype} {shape}, found {array.dtype} {array.shape}")
    if dtype == "float32" and not np.isfinite(array).all():
        raise file.error(f"{where}: has numbers that are NaN or infinite")
    return array


def _seen(file: Int8File) -> int:
    seen = file.header.get("seen")
    if type(seen) is not int or not 0 <= seen < 1 << 64:
        raise file.error(f"expected the number of images seen in training, found {seen!r}")
    return seen
