"""Arrays of an .npz file of our own, read with suspicion: nothing is believed, evaluated, unpacked or reserved
before it has been compared with what must be there."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError

Array = npt.NDArray[Any]

# What zipfile raises for archives that are damaged, encrypted, or packed in ways that it doesn't know.
DAMAGE = (
    OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, struct.error,
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error,
)  # fmt: skip
_ENCRYPTED = 1
_HEADER = re.compile(
    rb"\x93NUMPY\x01\0(?P<length>..)\{'descr': '(?P<descr>[<|][a-z]\d)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>\d{1,12}(?:,|, \d{1,3}))\), \} *\n",
    re.DOTALL,
)
_LONGEST_HEADER = 256


@dataclass(frozen=True)
class Member:
    """What an array must be: its type, its rows (None: `most` or fewer), its columns (0: it has one dimension)."""

    dtype: str
    rows: int | None = None
    most: int = 0
    columns: int = 0


def damaged(path: Path, what: object) -> TrainingError:
    """The error for a file that can't be used."""
    return TrainingError(f"{path}: is no state of a training, or is damaged: {what}")


def read_members(
    path: Path, wanted: Mapping[str, Member], optional: frozenset[str] = frozenset()
) -> dict[str, Array]:
    """The arrays, each as `wanted` says; with other members the file is none of ours. TrainingError."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = _listed(archive, wanted)
            missing = wanted.keys() - infos.keys() - optional
            if missing:
                raise ValueError(f"{min(missing)} is missing")
            return {name: _array(archive, info, name, wanted[name]) for name, info in infos.items()}
    except DAMAGE as error:
        raise damaged(path, error) from error


def read_member(path: Path, name: str, member: Member) -> Array:
    """One array, whatever else is in the file. TrainingError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _array(archive, archive.getinfo(f"{name}.npy"), name, member)
    except DAMAGE as error:
        raise damaged(path, error) from error


def _listed(archive: zipfile.ZipFile, wanted: Mapping[str, Member]) -> dict[str, zipfile.ZipInfo]:
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name not in wanted or name in infos or not info.filename.endswith(".npy"):
            raise ValueError(f"{info.filename[:40]!r} doesn't belong there")
        infos[name] = info
    return infos


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, member: Member) -> Array:
    """One array. Stored members are as long as the file says they are, so nothing grows when it is read."""
    if (
        info.compress_type != zipfile.ZIP_STORED
        or info.flag_bits & _ENCRYPTED
        or info.file_size != info.compress_size
    ):
        raise ValueError(f"{name} is packed or encrypted")
    dtype = np.dtype(member.dtype)
    rows = member.most if member.rows is None else member.rows
    if info.file_size > rows * max(1, member.columns) * dtype.itemsize + _LONGEST_HEADER:
        raise ValueError(f"{name} has {info.file_size} bytes, too many")
    data = archive.read(info)
    match = _HEADER.match(data[:_LONGEST_HEADER])
    if match is None or match["descr"].decode() != dtype.str:
        raise ValueError(f"{name} is no array of {dtype.name}")
    if 10 + int.from_bytes(match["length"], "little") != match.end():
        raise ValueError(f"{name} has a damaged header")
    shape = tuple(int(number) for number in match["shape"].decode().split(",") if number.strip())
    expected = (shape[0] if member.rows is None else member.rows, *([member.columns] if member.columns else []))
    if shape != expected:
        raise ValueError(f"{name} has the shape {shape}, expected {expected}")
    if len(data) - match.end() != int(np.prod(shape)) * dtype.itemsize:
        raise ValueError(f"{name} has {len(data) - match.end()} bytes for the shape {shape}")
    return np.frombuffer(data, dtype, offset=match.end()).reshape(shape)
