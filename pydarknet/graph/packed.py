"""Packed weights that are kept beside the weights file, from one process to the next, and shared by all of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..backends.base import Backend
from ..backends.int8_ops import ChecksumOps
from ..formats.packed import Checksum, read_packed, write_packed
from ..formats.weights import read_header
from ..layers import Layer
from ..layers.narrow.int8 import digest

Floats = npt.NDArray[np.float32]


class PackedCache:
    """The packed weights of one weights file for one network, instruction set and precision. `known`: whether there
    is such a file, so that the weights are those that were read before, and found good."""

    def __init__(self, file: str, about: Mapping[str, str | int], checksum: Checksum) -> None:
        self.file = file
        self._about, self._checksum = about, checksum
        self._arrays = read_packed(file, about, checksum)
        self._new: dict[str, Floats] = {}
        self.known = bool(self._arrays)

    def find(self, key: str, algorithm: str, floats: int) -> Floats | None:
        """What is kept of one layer, of the length that the algorithm needs."""
        array = self._arrays.get(f"{key}:{algorithm}")
        return array if array is not None and array.size == floats else None

    def keep(self, key: str, algorithm: str, packed: Floats) -> None:
        """Have it written by the next `save`."""
        name = f"{key}:{algorithm}"
        if name not in self._arrays or self._arrays[name].size != packed.size:
            self._new[name] = packed

    def save(self) -> str | None:
        """Write what is new beside what was there; why it can't be, once."""
        if not self._new:
            return None
        self._arrays, self._new = {**self._arrays, **self._new}, {}
        try:
            write_packed(self.file, self._about, self._arrays, self._checksum)
        except OSError as error:
            return f"{self.file}: packed weights can't be kept: {error.strerror or error}"
        return None


def open_cache(
    path: str | PathLike[str], layers: Sequence[Layer], backend: Backend, dialect: str, whole: bool
) -> PackedCache | str:
    """The cache of a weights file, or why there can be none. WeightsError if it is no such file."""
    if backend.name != "cpu":
        return f"packed weights are kept on the CPU only, the network is on {backend.name}"
    if not whole or any(layer.dontload or layer.dontloadscales or layer.numload for layer in layers):
        return f"{fspath(path)}: packed weights are kept only if all layers are read, and all numbers checked"
    read_header(path)
    ops = cast(ChecksumOps, backend.ops)
    about: dict[str, str | int] = {
        "weights": file_checksum(path, ops.checksum),
        "cfg": digest(layers),
        "dialect": dialect,
        "isa": backend.isa,
        "block": backend.ops.block,
        "precision": backend.precision,
        "packed by": file_checksum(cast(Any, ops).__file__, ops.checksum),  # another build may pack otherwise
    }
    name = f"{fspath(path)}.{backend.isa}-{backend.precision}.packed"
    cache = PackedCache(name, about, ops.checksum)
    if not cache.known and not os.access(os.path.dirname(name) or ".", os.W_OK):
        return f"{name}: packed weights can't be kept: the folder can't be written to"
    return cache


def file_checksum(path: str | PathLike[str], checksum: Checksum) -> str:
    """That of a file's bytes."""
    mapped = np.memmap(path, np.uint8, "r")
    return f"{checksum(mapped):016x}"
