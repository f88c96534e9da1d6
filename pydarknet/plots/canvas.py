"""Drawings without a display: the same few shapes as SVG text, or as pixels; and the axes of charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from os import PathLike, fspath
from typing import Literal

import numpy as np

from ..errors import ImageError
from ..formats.atomic import write_text
from ..images.image import Image, save_image

Point = tuple[float, float]
Mark = tuple[float, str]  # a value, and what is written beside it
Anchor = Literal["start", "middle", "end"]

SCALE = 2  # pixels of a PNG per unit
INK = "#222222"
_NO_XML = re.compile("[\x00-\x1f\ufffe\uffff]")
FONT = 0.36  # of OpenCV's Hershey font per unit of height 11


class Svg:
    """A drawing as SVG. Units are those of a screen; colours are `#rrggbb`; text that is upright runs up."""

    def __init__(self, width: int, height: int) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0) -> None:
        path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>')

    def rectangle(self, x: float, y: float, w: float, h: float, colour: str, width: float = 1.0) -> None:
        style = f'fill="none" stroke="{colour}" stroke-width="{width:g}"'
        self._parts.append(f'<rect x="{x:.2f}" y="{y:.2f}" width="{w:.2f}" height="{h:.2f}" {style}/>')

    def fill(self, x: float, y: float, w: float, h: float, colour: str) -> None:
        self._parts.append(f'<rect x="{x:.2f}" y="{y:.2f}" width="{w:.2f}" height="{h:.2f}" fill="{colour}"/>')

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        self._parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:g}" fill="{colour}"/>')

    def text(self, x: float, y: float, text: str, align: Anchor = "start", colour: str = INK) -> None:
        style = f'text-anchor="{align}" fill="{colour}"'
        self._parts.append(f'<text x="{x:.2f}" y="{y:.2f}" {style}>{_shown(text)}</text>')

    def upright(self, x: float, y: float, text: str) -> None:
        turn = f"translate({x:.2f} {y:.2f}) rotate(-90)"
        self._parts.append(f'<text transform="{turn}" fill="{INK}">{_shown(text)}</text>')

    def save(self, path: str | PathLike[str]) -> None:
        """Write the file whole. ImageError if it can't be written."""
        text = "\n".join([*self._parts, "</svg>\n"])
        write_text(path, text.encode("utf-8", "replace").decode(), ImageError)


class Raster:
    """The same as pixels, for every format of image."""

    def __init__(self, width: int, height: int) -> None:
        self.image: Image = np.full((height * SCALE, width * SCALE, 3), 255, np.uint8)

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0) -> None:
        import cv2

        path = np.rint(np.array(points) * SCALE).astype(np.int32)
        cv2.polylines(self.image, [path], False, _bgr(colour), max(1, round(width * SCALE)), cv2.LINE_AA)

    def rectangle(self, x: float, y: float, w: float, h: float, colour: str, width: float = 1.0) -> None:
        self.line([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], colour, width)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        import cv2

        cv2.circle(
            self.image, (round(x * SCALE), round(y * SCALE)), round(radius * SCALE), _bgr(colour), -1, cv2.LINE_AA
        )

    def fill(self, x: float, y: float, w: float, h: float, colour: str) -> None:
        left, top, right, bottom = (round(v * SCALE) for v in (x, y, x + w, y + h))
        self.image[top:bottom, left:right] = _bgr(colour)

    def upright(self, x: float, y: float, text: str) -> None:
        height = len(self.image) / SCALE
        self.image = np.ascontiguousarray(np.rot90(self.image, -1))
        self.text(height - y, x, text)
        self.image = np.ascontiguousarray(np.rot90(self.image))

    def text(self, x: float, y: float, text: str, align: Anchor = "start", colour: str = INK) -> None:
        import cv2

        text = "".join(c if " " <= c <= "~" else "?" for c in text)  # the font has no more
        width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, FONT * SCALE, 1)[0][0]
        left = x * SCALE - {"start": 0.0, "middle": 0.5, "end": 1.0}[align] * width
        place = (round(left), round(y * SCALE))
        cv2.putText(self.image, text, place, cv2.FONT_HERSHEY_SIMPLEX, FONT * SCALE, _bgr(colour), 1, cv2.LINE_AA)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the image whole. ImageError if it can't be written."""
        save_image(path, self.image)


Canvas = Svg | Raster


def canvas_for(path: str | PathLike[str], width: int, height: int) -> Canvas:
    """An empty white drawing of the kind that the path's ending names: SVG, else pixels."""
    return Svg(width, height) if fspath(path).lower().endswith(".svg") else Raster(width, height)


def _shown(text: str) -> str:
    """Text as XML has it, which knows no control characters."""
    return escape(_NO_XML.sub(" ", text))


def _bgr(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red


@dataclass(frozen=True)
class Axes:
    """A frame with values along its edges.

    `frame`: left, top, right, bottom in the canvas's units; `x` and `y`: the values at its edges, low and high.
    """

    canvas: Canvas
    frame: tuple[float, float, float, float]
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> Point:
        """Where a point lies on the canvas; one above or below the frame, on its edge."""
        left, top, right, bottom = self.frame
        across, up = ((v - low) / ((high - low) or 1) for v, (low, high) in ((x, self.x), (y, self.y)))
        return left + (right - left) * across, bottom - (bottom - top) * min(max(up, 0.0), 1.0)

    def draw(self, columns: Iterable[Mark], rows: Iterable[Mark], label: str, side: str) -> None:
        """The frame, lines across it at the rows, and what stands under it and beside it."""
        left, top, right, bottom = self.frame
        for value, text in rows:
            y = self.place(self.x[0], value)[1]
            self.canvas.line([(left, y), (right, y)], "#dddddd")
            self.canvas.text(left - 6, y + 4, text, "end")
        for value, text in columns:
            self.canvas.text(self.place(value, self.y[0])[0], bottom + 16, text, "middle")
        self.canvas.rectangle(left, top, right - left, bottom - top, "#888888")
        self.canvas.text((left + right) / 2, bottom + 34, label, "middle")
        self.canvas.upright(left - 38, (top + bottom) / 2 + 3 * len(side), side)

    def line(self, points: Iterable[Point], colour: str, width: float = 1.0) -> None:
        """A line through the points."""
        self.canvas.line([self.place(*point) for point in points], colour, width)

    def dots(self, points: Iterable[Point], colour: str, radius: float = 2.5) -> None:
        """A dot at each point."""
        for point in points:
            self.canvas.dot(*self.place(*point), radius, colour)

    def legend(self, x: float, y: float, entries: Iterable[tuple[str, str]]) -> None:
        """What the colours mean: (text, colour) from (x, y) of the canvas down."""
        for i, (text, colour) in enumerate(entries):
            self.canvas.dot(x, y + 15 * i, 4, colour)
            self.canvas.text(x + 10, y + 4 + 15 * i, text)
