"""Files of 8-bit weights, as `pydarknet quantize` writes them: bytes to values and back, through a memory map.

A file is `MAGIC`, version and length of the header (uint32), the header (JSON), the arrays in its order, each on a
multiple of 64 bytes with zeros before it, and the SHA-256 of all that. Everything is little-endian.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import WeightsError
from .atomic import replacing
from .mapped import map_file, release

MAGIC = b"\x89PDN8\r\n\x1a"
VERSION = 1
START = struct.Struct("<8sII")
ALIGNMENT = 64
DIGEST = hashlib.sha256().digest_size
DTYPES: dict[str, np.dtype[Any]] = {"int8": np.dtype("i1"), "float32": np.dtype("<f4")}
MAX_HEADER = 1 << 24

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Int8File:
    """`header`: what JSON holds but the list of arrays; `arrays` by layer and name, views of the mapped file."""

    name: str
    header: Mapping[str, Any]
    arrays: Mapping[tuple[int, str], Array]

    def error(self, message: str) -> WeightsError:
        """The error with the file's name."""
        return WeightsError(f"{self.name}: {message}")


def is_int8(path: str | PathLike[str]) -> bool:
    """Whether a file begins as one of 8-bit weights."""
    with suppress(OSError, ValueError), open(fspath(path), "rb") as file:
        return file.read(len(MAGIC)) == MAGIC
    return False


def write_int8(path: str | PathLike[str], header: Mapping[str, Any], arrays: Mapping[tuple[int, str], Array]) -> None:
    """Write a file; it appears whole or not. WeightsError if that is impossible."""
    name, digest = fspath(path), hashlib.sha256()
    names = {dtype: key for key, dtype in DTYPES.items()}
    listed = [[layer, key, names[array.dtype], list(array.shape)] for (layer, key), array in arrays.items()]
    text = json.dumps({**header, "arrays": listed}, allow_nan=False).encode()
    try:
        with replacing(name) as file:
            written = 0

            def put(data: bytes | memoryview) -> None:
                nonlocal written
                digest.update(data)
                file.write(data)
                written += len(data)

            put(START.pack(MAGIC, VERSION, len(text)) + text)
            for array in arrays.values():
                put(bytes(-written % ALIGNMENT))
                put(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            file.write(digest.digest())
    except OSError as error:
        raise WeightsError(f"{name}: can't write the 8-bit weights: {error.strerror or error}") from error


def read_int8(path: str | PathLike[str]) -> Int8File:
    """The contents of a file, checked by its checksum. WeightsError for anything else."""
    name = fspath(path)
    raw = map_file(name, "the 8-bit weights", "8-bit weights")
    if len(raw) < START.size + DIGEST or bytes(raw[: len(MAGIC)]) != MAGIC:
        raise WeightsError(f"{name}: is no file of 8-bit weights, or cut short")
    _, version, length = START.unpack(bytes(raw[: START.size]))
    if version != VERSION:
        raise WeightsError(f"{name}: 8-bit weights of version {version}, expected {VERSION}; make the file anew")
    if hashlib.sha256(raw[:-DIGEST].data).digest() != bytes(raw[-DIGEST:]):
        raise WeightsError(f"{name}: the checksum is wrong: the file is damaged or cut short; make it anew")
    release(raw)
    header = _header(name, bytes(raw[START.size : START.size + min(length, MAX_HEADER)]))
    return Int8File(name, header, _arrays(name, header.pop("arrays", None), raw, START.size + length))


def _header(name: str, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{name}: the header of the 8-bit weights can't be read: {error}") from error
    if not isinstance(header, dict):
        raise WeightsError(f"{name}: the header of the 8-bit weights is no object")
    return header


def _arrays(name: str, listed: Any, raw: npt.NDArray[np.uint8], position: int) -> dict[tuple[int, str], Array]:
    """The arrays that the header lists, one behind the other up to the checksum."""
    found: dict[tuple[int, str], Array] = {}
    entries: list[Any] = listed if isinstance(listed, list) else [listed]
    for entry in entries:
        if not _is_entry(entry):
            raise WeightsError(f"{name}: the list of arrays is wrong at {entry!r}")
        layer, key, dtype, shape = entry
        position += -position % ALIGNMENT
        size = math.prod(shape) * DTYPES[dtype].itemsize
        if position + size > len(raw) - DIGEST:
            raise WeightsError(f"{name}: ends in layer {layer}, {key}: expected {size} bytes")
        found[layer, key] = raw[position : position + size].view(DTYPES[dtype]).reshape(shape)
        position += size
    if position != len(raw) - DIGEST or len(found) != len(entries):
        raise WeightsError(f"{name}: the arrays don't fill the file, or one is there twice")
    return found


def _is_entry(entry: Any) -> bool:
    if not (isinstance(entry, list) and len(entry) == 4):
        return False
    layer, key, dtype, shape = entry
    whole = isinstance(shape, list) and all(type(side) is int and 0 < side < 1 << 31 for side in shape)
    named = isinstance(key, str) and isinstance(dtype, str) and dtype in DTYPES
    return type(layer) is int and named and whole and len(shape) <= 8
