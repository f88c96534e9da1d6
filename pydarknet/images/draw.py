"""Boxes and labels on images, without a display.

OpenCV 5 brings its own outline fonts for most alphabets. OpenCV 4 can only draw ASCII: other letters are
brought back to ASCII where Unicode says how (é to e), and are question marks where it doesn't.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, Protocol

import numpy as np

from ..detection.results import Box, Detection
from ..errors import ImageError
from ..formats.text import read_bytes
from ..system.signals import held
from .image import Image

Colour = tuple[int, int, int]

# Corners of Darknet's colour wheel, BGR.
_WHEEL = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]], np.float64)

LINE = 0.006  # of the image's height, as in Darknet
TEXT = 0.03  # of the image's height
MIN_TEXT = 11  # pixels; smaller is unreadable
MAX_FONT = 64 << 20  # bytes of a font file
PATH = " > "  # between the classes of a path
FONT_TABLES = (b"cmap", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp")


def class_colour(class_id: int, classes: int) -> Colour:
    """The BGR colour Darknet gives a class; neighbouring numbers get colours that are far apart."""
    ratio = class_id * 123457 % max(classes, 1) / max(classes, 1) * 5
    low = int(ratio)
    blue, green, red = _WHEEL[low] * (1 - (ratio - low)) + _WHEEL[min(low + 1, 5)] * (ratio - low)
    return int(blue * 255), int(green * 255), int(red * 255)


@held()
def draw(
    image: Image,
    detections: Iterable[Detection],
    *,
    classes: int = 80,
    show_path: bool = False,
    show_confidence: bool = True,
    font: str | PathLike[str] | None = None,
) -> Image:
    """A copy of a BGR image with boxes and labels; the most confident ones lie on top.

    Of more channels the first three are seen, of two the first one, in grey. `classes` is the number of classes the
    colours are spread over. With `show_path` a label has the whole path in the tree; without `show_confidence` it is
    the bare name. `font`, a TrueType file, replaces the built-in one (needs OpenCV 5; ImageError).
    """
    result = image[:, :, :3].copy() if image.shape[2] > 2 else np.repeat(image[:, :, :1], 3, axis=2)
    height = image.shape[0]
    line = max(1, int(height * LINE))
    writer = _writer(max(MIN_TEXT, round(height * TEXT)), font)
    groups: dict[Box, list[Detection]] = {}
    for detection in sorted(detections, key=lambda d: d.confidence, reverse=True):
        groups.setdefault(detection.box, []).append(detection)
    for box, group in reversed(groups.items()):
        colour = class_colour(group[0].class_id, classes)
        left, top, right, bottom = _corners(box, result)
        _frame(result, left, top, right, bottom, line, colour)
        text = ", ".join(_label(detection, show_path, show_confidence) for detection in group)
        _draw_label(result, text, left, top, line, colour, writer)
    return result


def _label(detection: Detection, show_path: bool, show_confidence: bool) -> str:
    names = detection.path if show_path and detection.path else (detection.name,)
    number = "" if detection.track is None else f" #{detection.track}"
    text = PATH.join(names) + number + (f" {detection.confidence:.0%}" if show_confidence else "")
    return "".join(c if c.isprintable() else " " for c in text)


def _corners(box: Box, image: Image) -> tuple[int, int, int, int]:
    """Inclusive pixel corners, inside the image."""
    height, width = image.shape[:2]
    x1, x2 = (int(min(max(x, 0), width - 1)) for x in (box.left, box.right))
    y1, y2 = (int(min(max(y, 0), height - 1)) for y in (box.top, box.bottom))
    return x1, y1, x2, y2


def _frame(image: Image, x1: int, y1: int, x2: int, y2: int, line: int, colour: Colour) -> None:
    """A frame whose lines grow inwards."""
    inside = image[y1 : y2 + 1, x1 : x2 + 1]
    inside[:line] = inside[max(0, len(inside) - line) :] = colour
    inside[:, :line] = inside[:, max(0, inside.shape[1] - line) :] = colour


def _draw_label(image: Image, text: str, left: int, top: int, line: int, colour: Colour, writer: _Writer) -> None:
    """The label above the box, or in it where there is no room above; never outside of the image."""
    height, width = image.shape[:2]
    text, extent = _shortened(text, width - 2 * line, writer)
    if not text:
        return
    box_w, box_h = min(width, extent.width + 2 * line), min(height, extent.height + 2 * line)
    x = max(0, min(left, width - box_w))
    y = top - box_h if top >= box_h else min(top + line, height - box_h)
    # Drawn apart and pasted, so that no glyph can leave its label.
    label = np.empty((box_h, box_w, 3), np.uint8)
    label[:] = colour
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] > 110
    writer.put(label, text, (line - extent.x, line - extent.y), (0, 0, 0) if bright else (255, 255, 255))
    image[y : y + box_h, x : x + box_w] = label


def _shortened(text: str, width: int, writer: _Writer) -> tuple[str, _Extent]:
    """The text, cut with an ellipsis if it is wider than `width`; empty if nothing fits.

    A path along a tree loses its upper classes first: its end says what was found.
    """
    names = text.split(PATH)
    while len(names) > 1 and writer.measure(text).width > width:
        del names[0]
        text = PATH.join(["...", *names] if len(names) > 1 else names)
    extent = writer.measure(text)
    if extent.width <= width:
        return text, extent
    low, high = 0, len(text) - 1  # low characters fit (0 always does), high + 1 do not
    while low < high:
        middle = (low + high + 1) // 2
        if writer.measure(text[:middle] + "...").width <= width:
            low = middle
        else:
            high = middle - 1
    text = text[:low] + "..." if low else ""
    return text, writer.measure(text)


@dataclass(frozen=True)
class _Extent:
    """Where text lies relative to the start of its base line, in pixels."""

    x: int
    y: int
    width: int
    height: int


class _Writer(Protocol):
    """One font in one size."""

    def measure(self, text: str) -> _Extent: ...
    def put(self, image: Image, text: str, origin: tuple[int, int], colour: Colour) -> None: ...


def _writer(size: int, font: str | PathLike[str] | None) -> _Writer:
    import cv2

    if hasattr(cv2, "FontFace"):
        return _Outline(size, font)
    if font is not None:
        raise ImageError(f"{fspath(font)}: a font of one's own needs OpenCV 5, this is {cv2.__version__}")
    return _Strokes(size)


class _Outline:
    """OpenCV 5: TrueType outlines."""

    WEIGHT = 500

    def __init__(self, size: int, font: str | PathLike[str] | None) -> None:
        import cv2

        self._cv2: Any = cv2
        self._size = size
        self._face: Any = cv2.FontFace("sans")
        # OpenCV 5.0 crashes on what isn't a font, so that it only gets to see what looks like one.
        if font is not None and not (_is_truetype(font) and self._face.set(fspath(font))):
            raise ImageError(f"{fspath(font)}: is not a font that can be used; expected a TrueType file")

    def measure(self, text: str) -> _Extent:
        rect: Sequence[int] = self._cv2.getTextSize((0, 0), text, (0, 0), self._face, self._size, self.WEIGHT)
        return _Extent(*rect)

    def put(self, image: Image, text: str, origin: tuple[int, int], colour: Colour) -> None:
        self._cv2.putText(image, text, origin, colour, self._face, self._size, self.WEIGHT)


class _Strokes:
    """OpenCV 4: Hershey's strokes, ASCII only."""

    def __init__(self, size: int) -> None:
        import cv2

        self._cv2: Any = cv2
        self._font = cv2.FONT_HERSHEY_SIMPLEX
        self._thickness = max(1, size // 15)
        self._scale = cv2.getFontScaleFromHeight(self._font, max(5, size * 2 // 3), self._thickness)

    def measure(self, text: str) -> _Extent:
        (width, height), below = self._cv2.getTextSize(ascii_of(text), self._font, self._scale, self._thickness)
        return _Extent(0, -height - 1, width, height + below + 1)

    def put(self, image: Image, text: str, origin: tuple[int, int], colour: Colour) -> None:
        line = self._cv2.LINE_AA
        self._cv2.putText(image, ascii_of(text), origin, self._font, self._scale, colour, self._thickness, line)


def _is_truetype(path: str | PathLike[str]) -> bool:
    """Whether a file is a TrueType font whose necessary tables all lie within it."""
    data = read_bytes(path, MAX_FONT, lambda reason: ImageError(f"{fspath(path)}: the font {reason}"))
    if data[:4] not in (b"\0\1\0\0", b"true") or len(data) <= 12:
        return False
    (count,) = struct.unpack_from(">H", data, 4)
    if len(data) < 12 + 16 * count:
        return False
    tables = {tag: start + size for tag, _, start, size in struct.iter_unpack(">4sIII", data[12 : 12 + 16 * count])}
    return all(0 < tables.get(tag, 0) <= len(data) for tag in FONT_TABLES)


def ascii_of(text: str) -> str:
    """The text in ASCII: letters without their marks, a question mark for what has no counterpart."""
    letters = (c for c in unicodedata.normalize("NFC", text) if not unicodedata.combining(c))
    plain = (unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode() for c in letters)
    return "".join(c or "?" for c in plain)
