"""Weights of the same network with another number of classes, known by the file's length."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import prod
from os import PathLike, fspath

from ..errors import WeightsError
from ..formats.weights import FLOAT, read_header
from ..layers import Head, Layer
from ..layers.softmax import Softmax


def check_classes(path: str | PathLike[str], layers: Sequence[Layer], cfg: str) -> None:
    """WeightsError, with the ways on, if the file is as long as one of these layers with other classes would be."""
    ends = list(_class_layers(layers))
    found = _classes_of(path, layers, ends)
    if found is None:
        return
    first = min(layer.index for layer, _, _ in ends)
    raise WeightsError(
        f"{fspath(path)}: is of this network with {found} classes, {cfg} has {ends[0][2]}. To detect, use the cfg it "
        f"was trained with; to train on, load the layers before the classes with cutoff={first} (--cutoff {first}), "
        "and --clear to count its images anew, or cut out the classes with pydarknet oneoff"
    )


def _classes_of(path: str | PathLike[str], layers: Sequence[Layer], ends: list[tuple[Layer, int, int]]) -> int | None:
    """The classes with which the file would fit; None if it fits as it is, or with none."""
    classes = {each for _, _, each in ends}
    own = (layer.dontload or layer.dontloadscales or layer.numload or len(layer.layouts) > 1 for layer in layers)
    if len(classes) != 1 or any(own):
        return None
    with suppress(OSError, ValueError, WeightsError):
        sizes = {layer.index: sum(prod(record.shape) for record in layer.records) for layer in layers}
        over = os.path.getsize(path) - read_header(path).size - FLOAT.itemsize * sum(sizes.values())
        a_class = FLOAT.itemsize * sum(sizes[layer.index] // layer.out.c * outputs for layer, outputs, _ in ends)
        more, rest = divmod(over, a_class)
        given = classes.pop() + more
        return given if over and not rest and given > 0 else None
    return None


def _class_layers(layers: Sequence[Layer]) -> Iterator[tuple[Layer, int, int]]:
    """The layer that each head reads, with its outputs for a class, and the head's classes."""
    before: Layer | None = None
    for layer in layers:
        if before is not None and isinstance(layer, Head):
            yield before, layer.class_channels, layer.classes
        if before is not None and isinstance(layer, Softmax) and layer.tree is None and layer is _last(layers):
            yield before, 1, layer.inputs.size
        before = layer if layer.records else before


def _last(layers: Sequence[Layer]) -> Layer:
    return next(layer for layer in reversed(layers) if layer.type != "cost")
