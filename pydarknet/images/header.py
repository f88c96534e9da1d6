"""What the header of an image file says: its format and size, before memory is allocated for the pixels."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

MOST_SEGMENTS = 4096  # of a JPEG; real ones have some dozens
MOST_BETWEEN = 1 << 16  # bytes between them
MOST_FIELDS = 4096  # of a TIFF
MOST_CHUNKS = 1 << 17  # of a PNG: a GiB in the usual chunks of 8 KiB
WINDOW = 1 << 16  # bytes in which the other formats have their sizes
BOXES = 1 << 22  # the same of formats in boxes, which may have profiles and maps in front

# The start-of-frame markers; C4, C8 and CC among them mean something else.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, END, APP1 = 0xDA, 0xD9, 0xE1
_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # markers without a length
_TIFF_SIZE, _TIFF_TILE = (256, 257), (322, 323)  # tags: width and height
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i", 16: "Q"}


class Header(NamedTuple):
    """`width` and `height` as they are stored, in pixels; `room` of pixels that decoding takes, where that is more.

    `plain`: nothing in the file turns the image. Of a JPEG `pixels_at` is where the pixels begin, `channels` how many
    it has, and `app1` the segments that may hold EXIF.
    """

    kind: str
    width: int
    height: int
    plain: bool = False
    pixels_at: int = 0
    room: int = 0
    channels: int = 0
    app1: tuple[bytes, ...] = ()


class BrokenHeaderError(Exception):
    """The header of a known format is damaged or cut off; the argument is the format's name."""


def read_header(file: BinaryIO) -> Header | None:
    """The header of an image, the file standing at its beginning; None if it is of no known format.

    BrokenHeaderError, or OSError as from reading.
    """
    start = file.read(16)
    for kind, magic, reader in _FORMATS:
        if re.match(magic, start, re.DOTALL):
            file.seek(0)
            try:
                header = reader(file)
            except (struct.error, IndexError, ValueError, OverflowError) as error:
                raise BrokenHeaderError(kind) from error
            if min(header.width, header.height) < 1:
                raise BrokenHeaderError(kind)
            return header
    return None


def parse_header(data: bytes) -> Header | None:
    """`read_header` of a file's bytes."""
    return read_header(io.BytesIO(data))


def _jpeg(file: BinaryIO) -> Header:
    """As far as the first scan, without which there is no image."""
    size, app1 = (0, 0, 0), []
    for marker, body in segments(file):
        if marker in FRAMES:
            size = struct.unpack_from(">HHB", body, 1)
        if marker == APP1:
            app1.append(body)
    height, width, channels = size
    return Header("JPEG", width, height, not app1, file.tell(), channels=channels, app1=tuple(app1))


def segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Markers of a JPEG and what they hold, the last one that of the first scan, behind which the file then stands.

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


def _png(file: BinaryIO) -> Header:
    """As far as the last chunk: a PNG is whole, or no image."""
    file.seek(8)
    length, kind, width, height = struct.unpack(">I4sII", file.read(16))
    if kind != b"IHDR":
        raise ValueError("no IHDR")
    file.seek(8)
    plain = True
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        plain &= kind != b"eXIf"
        if kind == b"IEND":
            break
        file.seek(length + 4, 1)
    if kind != b"IEND" or len(file.read(length + 4)) != length + 4:
        raise ValueError("no end")
    return Header("PNG", width, height, plain)


def _bmp(file: BinaryIO) -> Header:
    start = file.read(26)
    old = struct.unpack_from("<I", start, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if old else "<ii", start, 18)
    return Header("BMP", width, abs(height))


def _gif(file: BinaryIO) -> Header:
    return Header("GIF", *struct.unpack_from("<HH", file.read(10), 6))


def _webp(file: BinaryIO) -> Header:
    start = file.read(30)
    if start[12:16] == b"VP8X":
        width, height = (1 + int.from_bytes(start[place : place + 3], "little") for place in (24, 27))
    elif start[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", start, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", start, 26))
    return Header("WebP", width, height)


def _tiff(file: BinaryIO) -> Header:
    start = file.read(16)
    order = "<" if start.startswith(b"I") else ">"
    big = struct.unpack_from(order + "H", start, 2)[0] == 43
    file.seek(struct.unpack_from(order + ("Q" if big else "I"), start, 8 if big else 4)[0])
    count_layout, entry_size = (order + "Q", 20) if big else (order + "H", 12)
    (count,) = struct.unpack(count_layout, file.read(struct.calcsize(count_layout)))
    values: dict[int, int] = {}
    for _ in range(min(count, MOST_FIELDS)):
        entry = file.read(entry_size)
        tag, kind = struct.unpack_from(order + "HH", entry)
        if kind in _TIFF_TYPES:
            (values[tag],) = struct.unpack_from(order + _TIFF_TYPES[kind], entry, 12 if big else 8)
    width, height = (values.get(tag, 0) for tag in _TIFF_SIZE)
    tile = values.get(_TIFF_TILE[0], 0) * values.get(_TIFF_TILE[1], 0)
    return Header("TIFF", width, height, room=tile)


def _jpeg2000(file: BinaryIO) -> Header:
    """From the codestream, which is what is decoded, whatever the boxes around it say."""
    data = file.read(BOXES)
    place = data.index(b"\xff\x4f\xff\x51")
    right, bottom, left, top = struct.unpack_from(">4I", data, place + 8)
    return Header("JPEG 2000", right - left, bottom - top)


def _avif(file: BinaryIO) -> Header:
    data = file.read(BOXES)
    sizes = [struct.unpack_from(">II", data, match.end() + 4) for match in re.finditer(b"ispe", data)]
    return Header("AVIF", *max(sizes, key=lambda size: size[0] * size[1]))


def _netpbm(file: BinaryIO) -> Header:
    data = file.read(WINDOW)
    rows = [row.split(b"#", 1)[0] for row in data[2:].splitlines()]
    words = b" ".join(rows[: rows.index(b"ENDHDR")] if data.startswith(b"P7") else rows).split()
    if data.startswith(b"P7"):
        width, height = (words[words.index(key) + 1] for key in (b"WIDTH", b"HEIGHT"))
        return Header("PAM", int(width[:12]), int(height[:12]))
    return Header("PFM" if data[1:2] in b"Ff" else "PNM", int(words[0][:12]), int(words[1][:12]))


def _hdr(file: BinaryIO) -> Header:
    words = re.split(b"\n\n", file.read(WINDOW), maxsplit=1)[1].split(b"\n", 1)[0].split()
    return Header("HDR", int(words[3][:12]), int(words[1][:12]))


def _sun(file: BinaryIO) -> Header:
    return Header("Sun raster", *struct.unpack_from(">II", file.read(12), 4))


def _exr(file: BinaryIO) -> Header:
    data = file.read(WINDOW)
    place = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    left, top, right, bottom = struct.unpack_from("<4i", data, place)
    return Header("OpenEXR", right - left + 1, bottom - top + 1)


_FORMATS: tuple[tuple[str, bytes, Callable[[BinaryIO], Header]], ...] = (
    ("JPEG", rb"\xff\xd8\xff", _jpeg),
    ("PNG", rb"\x89PNG\r\n\x1a\n", _png),
    ("BMP", rb"BM", _bmp),
    ("GIF", rb"GIF8[79]a", _gif),
    ("WebP", rb"RIFF....WEBP", _webp),
    ("TIFF", rb"II[*+]\0|MM\0[*+]", _tiff),
    ("JPEG 2000", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", _jpeg2000),
    ("AVIF", rb"....ftyp(?:avi[fs]|mif1|msf1)", _avif),
    ("PNM", rb"P[1-7Ff][\s#]", _netpbm),
    ("HDR", rb"#\?RADIANCE|#\?RGBE", _hdr),
    ("Sun raster", rb"\x59\xa6\x6a\x95", _sun),
    ("OpenEXR", rb"\x76\x2f\x31\x01", _exr),
)
