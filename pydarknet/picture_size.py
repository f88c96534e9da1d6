"""The size of a picture without decoding it, where that is safe; else by decoding it."""

from __future__ import annotations

import struct
from os import PathLike, fspath
from typing import BinaryIO

from .image import load_image

# The start-of-frame markers of JPEG; C4, C8 and CC among them mean something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF = 0xE1  # may turn the picture


def picture_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of the picture as `load_image` gives it, turned upright. ImageError as from there."""
    size = None
    try:
        with open(fspath(path), "rb") as file:
            size = _from_header(file)
    except (OSError, ValueError, struct.error):
        size = None
    if size is not None and min(size) > 0:
        return size
    height, width = load_image(path).shape[:2]
    return width, height


def _from_header(file: BinaryIO) -> tuple[int, int] | None:
    if file.read(2) == b"\xff\xd8":
        return _jpeg(file)
    file.seek(0)
    return _png(file) if file.read(8) == b"\x89PNG\r\n\x1a\n" else None


def _jpeg(file: BinaryIO) -> tuple[int, int] | None:
    while file.read(1) == b"\xff":
        marker = file.read(1)[0]
        while marker == 0xFF:
            marker = file.read(1)[0]
        (length,) = struct.unpack(">H", file.read(2))
        if marker in _FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return width, height
        if marker == _EXIF or length < 2:
            return None
        file.seek(length - 2, 1)
    return None


def _png(file: BinaryIO) -> tuple[int, int] | None:
    size = None
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return None
        if kind == b"IHDR":
            size = struct.unpack(">II", file.read(8))
            length -= 8
        if kind == b"IEND" and size is not None:
            return size[0], size[1]
        file.seek(length + 4, 1)
    return None
