"""How a camera held an image, as EXIF tells: read from the headers of JPEG, PNG and WebP, nothing decoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import BinaryIO

from .header import APP1, segments

UPRIGHT = 1
_ORIENTATION, _SHORT = 0x0112, 3  # the field and its type
_TIFF = 42
_LIMIT = 1 << 16  # the orientation is among the first fields
_MAGIC = b"Exif\0\0"
_CHUNKS = 1000  # an image has a handful in front of its data


def orientation(path: str | PathLike[str]) -> int:
    """1..8 as EXIF counts; 1 (upright) where nothing says otherwise. From 5 on width and height are swapped.

    Images that can't be read are upright here: what is wrong with them is others' business.
    """
    try:
        with open(fspath(path), "rb") as file:
            for block in _blocks(file):
                return _from_tiff(block)
    except (OSError, ValueError, struct.error):
        pass
    return UPRIGHT


def turned_by_exif(paths: Sequence[str], total: int) -> str:
    """What to say of images that a viewer turns, of `total`."""
    return (
        f"{len(paths)} of {total} images are turned by EXIF, the first: {paths[0]}; they are shown upright, so "
        "their labels must be of the upright image (as many tools don't have them: look with pydarknet data show)"
    )


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The EXIF blocks of an image, each from its TIFF header on."""
    head = file.read(12)
    if head[:2] == b"\xff\xd8":
        held = (body for marker, body in segments(file) if marker == APP1)
        return (body.removeprefix(_MAGIC) for body in held if body.startswith(_MAGIC))
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        file.seek(8)
        return _chunks(file, ">I4s", b"eXIf", 4, 1)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _chunks(file, "<4sI", b"EXIF", 0, 2)
    return iter(())


def _chunks(file: BinaryIO, head: str, wanted: bytes, trailer: int, even: int) -> Iterator[bytes]:
    """Chunks of a length and a kind, `trailer` bytes behind each, padded to a multiple of `even`."""
    for _ in range(_CHUNKS):
        first, second = struct.unpack(head, file.read(8))
        length, kind = (first, second) if isinstance(first, int) else (second, first)
        if kind == wanted:
            content = file.read(min(length, _LIMIT))
            yield content.removeprefix(_MAGIC)
            return
        file.seek(-(-length // even) * even + trailer, 1)


def surely_upright(block: bytes) -> bool:
    """Whether no reader of an EXIF block, from its TIFF header on, can find there that the image is turned."""
    try:
        return all(value == UPRIGHT for _, value in _orientations(block))
    except struct.error:
        return False


def _from_tiff(block: bytes) -> int:
    values = (value for kind, value in _orientations(block) if kind == _SHORT)
    value = next(values, UPRIGHT)
    return value if 1 <= value <= 8 else UPRIGHT


def _orientations(block: bytes) -> Iterator[tuple[int, int]]:
    """The type and value of each field that says one. struct.error for a block that is cut off."""
    order = "<" if block.startswith(b"II") else ">"  # as OpenCV has it
    if struct.unpack_from(order + "H", block, 2) != (_TIFF,):
        return
    (start,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, start)
    for i in range(count):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", block, start + 2 + 12 * i)
        if tag == _ORIENTATION:
            yield kind, value
