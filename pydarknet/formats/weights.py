"""Weights files: Darknet's bytes to parameters and back, through a memory map.

A file is a header (three int32 of version; `seen`, an int32 before version 0.2 and a uint64 since) and then
the records of every layer in cfg order, float32, little-endian, with nothing between. It doesn't say which
network it belongs to: its length, NaN, and variances below zero are all that can give it away.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath

import numpy as np

from ..errors import WeightsError
from .atomic import replacing
from .int8 import MAGIC
from .layouts import Array as Array
from .layouts import (
    Layer,
    Record,
    alike,
    choose_layout,
    doubts,
    length_of,
    records_of,
    stored_records,
    take_layout,
)
from .mapped import map_file, release, unreadable

FLOAT = np.dtype("<f4")
LEAST_VARIANCE = -1e-30  # what underflows may be below 0
VARIANCES = frozenset({"variance", "rolling_variance"})


@dataclass(frozen=True)
class Header:
    """`seen` counts training images; `size` is the header's length in bytes."""

    major: int
    minor: int
    revision: int
    seen: int
    size: int
    transposed: bool

    @property
    def layout(self) -> int | None:
        """Which of a layer's layouts a file of this version has: 0.2.0 is pjreddie's, 0.2.5 AlexeyAB's."""
        return {(0, 2, 0): 0, (0, 2, 5): 1}.get((self.major, self.minor, self.revision))


@dataclass(frozen=True)
class LoadResult:
    """`loaded_layers` counts from the front; `trailing_bytes` is what the network had no use for."""

    header: Header
    loaded_layers: int
    trailing_bytes: int
    warnings: list[str] = field(default_factory=list)


def read_header(path: str | PathLike[str]) -> Header:
    """The header of a weights file; WeightsError if the file is missing, too short, or something else."""
    name = fspath(path)
    try:
        with open(name, "rb") as file:
            return _header(name, file.read(20))
    except (OSError, ValueError) as error:
        raise unreadable(name, "the weights", error) from error


def load_weights(
    path: str | PathLike[str],
    layers: Sequence[Layer],
    cutoff: int | None = None,
    *,
    allow_nan: bool = False,
    sure: bool = True,
    known: bool = False,
) -> LoadResult:
    """Make the parameters of the first `cutoff` layers (default: all) read-only views on the mapped file.

    Of several layouts of a layer the one counts with which the file's length is right; where that doesn't tell, the
    present one if it is `sure`, else it is an error.
    WeightsError if the file ends too early, naming layer and record, if a number is NaN or infinite, or if variances
    are negative and bytes are left over (with `allow_nan` only warnings); then no layer has changed. Layers after the
    cutoff and those with `dontload` are left alone. The file must not be shortened while the views live. `known`: no
    number of it is NaN or infinite.
    """
    name = fspath(path)
    raw = map_file(name, "the weights", "a header of 16 or 20 bytes and the weights")
    wanted = layers[: None if cutoff is None else max(cutoff, 0)]
    start = raw[:20].tobytes()
    header = _header(name, start)
    layout = choose_layout(name, header.size, header.layout, len(raw), (layers, wanted), sure)
    header, warnings = _fitted(name, header, start, len(raw), (layers, wanted), layout)
    end = _check_length(name, header, len(raw), wanted, layout)
    data = raw[header.size : end].view(FLOAT)
    loaded: list[tuple[Layer, str, Array]] = []
    negative: list[str] = []
    position = 0
    for layer in wanted:
        for record, shape in stored_records(layer, layout):
            values = data[position : position + math.prod(shape)]
            position += values.size
            warnings += _warnings(name, layer, record, values, allow_nan, known)
            negative += [_place(layer, record)] if _has_negative_variances(record, values) else []
            loaded.append((layer, record.name, _arrange(layer, record, shape, values, header.transposed)))
            release(values)
    trailing = len(raw) - end
    if negative:
        warnings.append(_negative(name, negative, 0 if allow_nan or cutoff is not None else trailing))
    warnings += take_layout(name, layers, layout)
    warnings += doubts(name, header.layout, wanted)
    for layer, key, array in loaded:
        layer.parameters[key] = array
    if trailing and cutoff is None:
        warnings.append(f"{name}: {trailing} bytes follow the last layer; are they of another network?")
    return LoadResult(header, len(wanted), trailing, warnings)


def _negative(name: str, places: Sequence[str], trailing: int) -> str:
    """A warning of negative variances; WeightsError where bytes are left over, too: one may be an accident."""
    more = f", as in {len(places) - 1} more" if len(places) > 1 else ""
    told = f"{name}: {places[0]}: negative variances{more}"
    if trailing:
        raise WeightsError(f"{told}, and {trailing} bytes follow the last layer: the file is of another network")
    return f"{told}; the file seems to be of another network"


def save_weights(
    path: str | PathLike[str],
    layers: Sequence[Layer],
    seen: int,
    version: tuple[int, int, int] | None = None,
    cutoff: int | None = None,
) -> None:
    """Write the first `cutoff` layers (default: all), skipping `dontsave`; the file appears whole or not.

    The version decides the width of `seen` and, above 1000, transposed weights, just as when it is read. The default
    is 0.2.0, or AlexeyAB's 0.2.5 where nothing else tells that layers are stored in his order.
    """
    name = fspath(path)
    if version is None:
        his = alike(layers) and any(len(each.layouts) > 1 and each.records == each.layouts[1] for each in layers)
        version = (0, 2, 5 if his else 0)
    transposed = _is_transposed(*version[:2])
    try:
        with replacing(name) as file:
            file.write(_pack_header(version, seen))
            for layer in layers[:cutoff]:
                for record in () if layer.dontsave else layer.records:
                    file.write(_to_store(name, layer, record, transposed).data)
    except OSError as error:
        raise WeightsError(f"{name}: can't write the weights: {error.strerror or error}") from error


def _is_transposed(major: int, minor: int) -> bool:
    return major > 1000 or minor > 1000


def _is_wide(major: int, minor: int) -> bool:
    """Whether `seen` has 64 bits: pjreddie's rule, with the guard that AlexeyAB's reader lacks."""
    return major * 10 + minor >= 2 and major < 1000 and minor < 1000


def _header(name: str, start: bytes) -> Header:
    if start.startswith(MAGIC):
        raise WeightsError(
            f"{name}: holds 8-bit weights, by `pydarknet quantize`; expected those in floats: take the .weights file "
            "they were made from"
        )
    if len(start) >= 12:
        major, minor, revision = struct.unpack_from("<3i", start)
        if not _plausible(start):
            raise WeightsError(f"{name}: is not a weights file; it starts with {start[:12]!r}; {_mistaken(start)}")
        layout = "<Q" if _is_wide(major, minor) else "<i"
        size = 12 + struct.calcsize(layout)
        if len(start) >= size:
            (seen,) = struct.unpack_from(layout, start, 12)
            return Header(major, minor, revision, seen, size, _is_transposed(major, minor))
    raise WeightsError(f"{name}: expected a header of 16 or 20 bytes, found a file of {len(start)}")


def _mistaken(start: bytes) -> str:
    """What may have happened to a file that begins so."""
    begun = start.lstrip()
    if begun.startswith((b"<", b"{", b"404")):
        return "it is a server's answer, such as a page that asks for a login: fetch the file again"
    if begun.startswith(b"version http"):
        return "it is Git LFS's pointer to the file: git lfs pull fetches it"
    if start.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf")):
        return "it is an archive, or PyTorch's: unpack it, and give the .weights file"
    return "are the files in the right order?"


def _fitted(
    name: str, header: Header, start: bytes, size: int, networks: Sequence[Sequence[Layer]], layout: int | None
) -> tuple[Header, list[str]]:
    """The header with the other width that some programs write, if one of the networks then fits exactly.

    PyTorch's ports write five int32 of version 0.0; a Darknet built for 32 bits writes and reads `seen` in 32.
    """
    other = 36 - header.size
    lengths = [length_of(layers, layout) for layers in networks]
    if size - other not in lengths or size - header.size in lengths or max(header.major, header.minor) >= 1000:
        return header, []
    is_zero = start[16:20] == bytes(4)  # as the fifth number of a header is; one of the network's is not
    if is_zero != (other == 20):
        return header, []
    seen = struct.unpack_from("<i", start, 12)[0]
    warning = (
        f"{name}: a header of {other} bytes where version {header.major}.{header.minor} has {header.size}, as some "
        "programs write it: read so, since the numbers then fit the network"
    )
    return replace(header, size=other, seen=seen), [warning]


def _plausible(start: bytes) -> bool:
    """A version, or the learning rate, momentum and decay that the transposed files of 2013-14 begin with."""
    version = struct.unpack_from("<2i", start)
    return all(0 <= number <= 0xFFFF for number in version) or all(
        0 <= number <= 100 for number in struct.unpack_from("<3f", start)
    )


def _pack_header(version: tuple[int, int, int], seen: int) -> bytes:
    major, minor, revision = version
    if _is_wide(major, minor):
        return struct.pack("<3iQ", major, minor, revision, seen % (1 << 64))
    # A long training overflows the 32 bits of the old header; Darknet wraps round, and so do we.
    return struct.pack("<3iI", major, minor, revision, seen % (1 << 32))


def _check_length(name: str, header: Header, size: int, layers: Sequence[Layer], layout: int | None) -> int:
    """Where the last record ends; WeightsError naming the record in which the file ends, if it is short."""
    stored = [
        (layer, record, 4 * math.prod(shape)) for layer in layers for record, shape in stored_records(layer, layout)
    ]
    needed = header.size + sum(length for *_, length in stored)
    start = header.size
    for layer, record, length in stored:
        if start + length > size:
            whole = start == size and start > header.size and record.name == records_of(layer, layout)[0].name
            hint = (
                f"it holds exactly the layers before it: cutoff={layer.index} loads it as a backbone"
                if whole
                else "it was cut short or is of another network; for a backbone give a cutoff"
            )
            raise WeightsError(
                f"{name}: ends in layer {layer.index} ({layer.type}), {record.name}: expected {length} "
                f"bytes, found {size - start}; the network needs {needed} bytes, the file has {size}; {hint}"
            )
        start += length
    return needed


def _arrange(layer: Layer, record: Record, shape: tuple[int, ...], values: Array, transposed: bool) -> Array:
    """The parameter from the file's values: as they lie, or transposed, or filling only the first filters."""
    if _inputs_first(layer, record, transposed):
        values = np.ascontiguousarray(values.reshape(-1, shape[0]).T)
    array = values.reshape(shape)
    if shape == record.shape:
        return array
    whole = layer.parameters.get(record.name)
    whole = np.zeros(record.shape, FLOAT) if whole is None else np.array(whole, FLOAT)
    whole[: shape[0]] = array
    return whole


def _inputs_first(layer: Layer, record: Record, transposed: bool) -> bool:
    if record.kind != "weights":
        return False
    return layer.flipped != (transposed and layer.transposable)


def _to_store(name: str, layer: Layer, record: Record, transposed: bool) -> Array:
    array = layer.parameters.get(record.name)
    where = f"{name}: {_place(layer, record)}"
    if array is None:
        raise WeightsError(f"{where}: has no values to save; load or initialise the network first")
    if array.shape != record.shape:
        raise WeightsError(f"{where}: expected the shape {record.shape}, found {array.shape}")
    if _inputs_first(layer, record, transposed):
        array = array.reshape(record.shape[0], -1).T
    return np.ascontiguousarray(array, FLOAT)


def _place(layer: Layer, record: Record) -> str:
    return f"layer {layer.index} ({layer.type}), {record.name}"


def _warnings(name: str, layer: Layer, record: Record, values: Array, allow_nan: bool, known: bool) -> list[str]:
    where = f"{name}: {_place(layer, record)}"
    bad = 0 if known else _count_not_finite(values)
    if bad:
        message = f"{where}: {bad} of {values.size} numbers are NaN or infinite"
        if not allow_nan:
            raise WeightsError(f"{message}; the training had diverged, or the file is of another network")
        return [message]
    return []


def _has_negative_variances(record: Record, values: Array) -> bool:
    return record.kind in VARIANCES and bool(values.size) and bool(values.min() < LEAST_VARIANCE)


def _count_not_finite(values: Array) -> int:
    # One pass over the file: a sum is finite only if all its terms are (it may overflow, hence the recount).
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return 0
    return int(values.size - np.count_nonzero(np.isfinite(values)))
