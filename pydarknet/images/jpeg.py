"""The segments of a JPEG in front of its pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

MOST_SEGMENTS = 4096  # real ones have some dozens
MOST_BETWEEN = 1 << 16  # bytes that are passed over

# The start-of-frame markers; C4, C8 and CC among them mean something else.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, END, APP1 = 0xDA, 0xD9, 0xE1
_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # markers without a length


def segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Markers and what they hold, the last one that of the first scan, behind which the file then stands.

    Bytes between the segments are passed over. ValueError or struct.error if there is no scan.
    """
    file.seek(2)
    for _ in range(MOST_SEGMENTS):
        marker = _marker(file)
        if marker in _ALONE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        body = file.read(max(length - 2, 0))
        if marker == END or len(body) != length - 2:
            break
        yield marker, body
        if marker == SCAN:
            return
    raise ValueError("no image")


def _marker(file: BinaryIO) -> int:
    before = b""
    for _ in range(MOST_BETWEEN):
        byte = file.read(1)
        if not byte:
            break
        if before == b"\xff" and byte not in (b"\xff", b"\0"):
            return byte[0]
        before = byte
    raise ValueError("no marker")
