"""Files of packed weights, kept beside a weights file so that the next process needn't pack them: by memory map.

A file is `MAGIC`, version and length of the header (uint32), the header (JSON: what the weights were packed from and
for, and each array's name, place, length and checksum), and the arrays, each on a multiple of 4096 bytes with zeros
before it. Everything is little-endian. A file is one of the past as soon as anything in it is not as expected: it is
never an error, and never used.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np
import numpy.typing as npt

from .atomic import open_regular, replacing

MAGIC = b"\x89PDNP\r\n\x1a"
VERSION = 1
START = struct.Struct("<8sII")
ALIGNMENT = 4096
MAX_HEADER = 1 << 24
FLOAT = np.dtype("<f4")

Floats = npt.NDArray[np.float32]
Checksum = Callable[[npt.NDArray[np.uint8]], int]
About = Mapping[str, str | int]


def read_packed(path: str | PathLike[str], about: About, checksum: Checksum) -> dict[str, Floats]:
    """The arrays of a file, read-only views of its map, if it is whole and `about` the same; else none."""
    try:
        raw = _map(path)
        if len(raw) < START.size:
            return {}
        magic, version, length = START.unpack(bytes(raw[: START.size]))
        if magic != MAGIC or version != VERSION or length > MAX_HEADER:
            return {}
        header = json.loads(bytes(raw[START.size : START.size + length]))
        if not isinstance(header, dict) or header.get("about") != dict(about):
            return {}
        return _arrays(header.get("arrays"), raw, START.size + length, checksum)
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def write_packed(path: str | PathLike[str], about: About, arrays: Mapping[str, Floats], checksum: Checksum) -> None:
    """Write a file; it appears whole or not. OSError if that is impossible."""
    listed = [[name, array.size, f"{checksum(_bytes(array)):016x}"] for name, array in arrays.items()]
    text = json.dumps({"about": dict(about), "arrays": listed}).encode()
    with replacing(path, follow=False) as file:
        written = file.write(START.pack(MAGIC, VERSION, len(text)) + text)
        for array in arrays.values():
            written += file.write(bytes(-written % ALIGNMENT))
            written += file.write(_bytes(array).data)


def _bytes(array: Floats) -> npt.NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _map(path: str | PathLike[str]) -> npt.NDArray[np.uint8]:
    descriptor = open_regular(fspath(path), os.O_RDONLY)
    try:
        return np.frombuffer(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ), np.uint8)
    finally:
        os.close(descriptor)


def _arrays(listed: Any, raw: npt.NDArray[np.uint8], position: int, checksum: Checksum) -> dict[str, Floats]:
    """The arrays that a header lists, one behind the other; ValueError if they don't fill the file, or are others."""
    found: dict[str, Floats] = {}
    for name, size, expected in listed if isinstance(listed, list) else ():
        position += -position % ALIGNMENT
        if not isinstance(name, str) or type(size) is not int or not 0 <= size <= len(raw):
            raise ValueError(f"{name!r}: no array")
        end = position + size * FLOAT.itemsize
        if end > len(raw) or f"{checksum(raw[position:end]):016x}" != expected:
            raise ValueError(f"{name}: not whole")
        found[name] = raw[position:end].view(FLOAT)
        position = end
    if position != len(raw):
        raise ValueError("more than the arrays")
    return found
