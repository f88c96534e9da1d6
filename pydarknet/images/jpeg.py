"""JPEG files by simplejpeg, where it is installed: OpenCV's pixels in less time, above all of large photographs.

Both are libjpeg-turbo. OpenCV asks it for one row after another, and takes memory without large pages.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .exif import surely_upright
from .header import APP1, FRAMES, segments

JPEG = b"\xff\xd8\xff"  # how they begin
SINCE = (1, 9)  # simplejpeg can be strict
LEAST_REDUCED = 16  # pixels of a side; of fewer, other reductions than OpenCV's come to the same size


def decode_jpeg(data: bytes, reduction: int = 1) -> npt.NDArray[np.uint8] | None:
    """The content of a JPEG file as (H, W, 3), BGR, its sides divided by a `reduction` of 1, 2, 4 or 8, rounded up.

    None for what is left to OpenCV: damaged files, which have its messages, those with four channels, those that EXIF
    may turn, and all where simplejpeg isn't installed.
    """
    decode = _decoder()
    if decode is None or not data.startswith(JPEG):
        return None
    try:
        width, height = _plain_size(data)
        least = {}
        if reduction > 1:
            if min(width, height) <= LEAST_REDUCED:
                return None
            least = {"min_width": -(-width // reduction), "min_height": -(-height // reduction)}
        image: npt.NDArray[np.uint8] = decode(data, "BGR", strict=True, **least)
    except (ValueError, struct.error, IndexError, RuntimeError, MemoryError):
        return None
    return image


@cache
def _decoder() -> Callable[..., Any] | None:
    """That of simplejpeg, if there is one new enough."""
    try:
        import simplejpeg

        version = tuple(map(int, simplejpeg.__version__.split(".")[:2]))
    except (ImportError, ValueError):  # ValueError: made for another NumPy
        return None
    return simplejpeg.decode_jpeg if version >= SINCE else None


def _plain_size(data: bytes) -> tuple[int, int]:
    """Width and height. ValueError where four channels or EXIF make an image OpenCV's business."""
    size = (0, 0)
    for marker, body in segments(io.BytesIO(data)):
        if marker in FRAMES:
            height, width, channels = struct.unpack_from(">HHB", body, 1)
            size = width, height
            if channels not in (1, 3):
                raise ValueError("neither grey nor three channels")
        # OpenCV has what follows six bytes for EXIF, whichever those are.
        if marker == APP1 and not surely_upright(body[6:]):
            raise ValueError("may be turned")
    return size
