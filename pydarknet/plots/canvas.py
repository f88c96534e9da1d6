"""Drawings without a display: the same few shapes as SVG text, or as pixels."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from os import PathLike, fspath
from typing import Literal, Protocol

import numpy as np

from ..errors import ImageError
from ..formats.atomic import replacing
from ..images.image import Picture, save_image

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

SCALE = 2  # pixels of a PNG per unit
FONT = 0.36  # of OpenCV's Hershey font per unit of height 11


class Canvas(Protocol):
    """Units are those of a screen; colours are `#rrggbb`."""

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0) -> None: ...
    def rectangle(self, x: float, y: float, w: float, h: float, colour: str, width: float = 1.0) -> None: ...
    def dot(self, x: float, y: float, radius: float, colour: str) -> None: ...
    def text(self, x: float, y: float, text: str, align: Anchor = "start", colour: str = "#222222") -> None: ...
    def save(self, path: str | PathLike[str]) -> None: ...


class Svg:
    """A drawing as SVG."""

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
        self._parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{w:.2f}" height="{h:.2f}" fill="none" '
            f'stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        self._parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:g}" fill="{colour}"/>')

    def text(self, x: float, y: float, text: str, align: Anchor = "start", colour: str = "#222222") -> None:
        self._parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{align}" fill="{colour}">{escape(text)}</text>'
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the file whole. ImageError if it can't be written."""
        try:
            with replacing(path) as file:
                file.write("\n".join([*self._parts, "</svg>\n"]).encode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ImageError(f"{fspath(path)}: can't be written: {reason}") from error


class Raster:
    """A drawing as pixels, for every format of picture."""

    def __init__(self, width: int, height: int) -> None:
        self.image: Picture = np.full((height * SCALE, width * SCALE, 3), 255, np.uint8)

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

    def text(self, x: float, y: float, text: str, align: Anchor = "start", colour: str = "#222222") -> None:
        import cv2

        text = "".join(c if " " <= c <= "~" else "?" for c in text)  # the font has no more
        width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, FONT * SCALE, 1)[0][0]
        left = x * SCALE - {"start": 0.0, "middle": 0.5, "end": 1.0}[align] * width
        place = (round(left), round(y * SCALE))
        cv2.putText(self.image, text, place, cv2.FONT_HERSHEY_SIMPLEX, FONT * SCALE, _bgr(colour), 1, cv2.LINE_AA)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture whole. ImageError if it can't be written."""
        save_image(path, self.image)


def canvas_for(path: str | PathLike[str], width: int, height: int) -> Canvas:
    """An empty white drawing of the kind that the path's ending names: SVG, else pixels."""
    return Svg(width, height) if fspath(path).lower().endswith(".svg") else Raster(width, height)


def _bgr(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red
