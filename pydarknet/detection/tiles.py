"""Large images in overlapping tiles, and what was found in these as detections of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from .results import Box, Detection

Numbered = tuple[int, Detection]  # with the number of its part

SAME = 0.5  # share of the smaller of two boxes in the other, from which on both are of one object


class Tile(NamedTuple):
    """A part of an image, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def tiles(width: int, height: int, side: int, overlap: float) -> list[Tile]:
    """Squares of `side` pixels that cover an image, neighbours sharing at least `overlap` of their side; none if the
    image is no larger than one. The last of a row and of a column end at the image's edges."""
    if width <= side and height <= side:
        return []
    step = max(1, round(side * (1 - overlap)))
    return [
        Tile(left, top, min(left + side, width), min(top + side, height))
        for top in _starts(height, side, step)
        for left in _starts(width, side, step)
    ]


def _starts(length: int, side: int, step: int) -> list[int]:
    last = max(0, length - side)
    return [*range(0, last, step), last]


def moved(detection: Detection, left: int, top: int) -> Detection:
    """A detection of a tile in the image."""
    box = detection.box
    return replace(detection, box=Box(box.x + left, box.y + top, box.w, box.h))


def scaled(detection: Detection, across: float, down: float) -> Detection:
    """A detection of a smaller image in the full one."""
    box = detection.box
    return replace(detection, box=Box(box.x * across, box.y * down, box.w * across, box.h * down))


def merged(parts: Sequence[Sequence[Detection]]) -> list[Detection]:
    """The detections of an image from those of its parts, each in pixels of the image.

    Of one class and of different parts, those whose intersection is half of the smaller box or more are one object:
    the most confident counts, with the box around them all, since a tile's edge cuts objects. This is greedy
    non-maximum merging by intersection over the smaller area (Akyon, Altinuc and Temizel, "Slicing Aided Hyper
    Inference", 2022). What one part says of two objects stays two.
    """
    left = sorted(_numbered(parts), key=lambda each: -each[1].confidence)
    result: list[Detection] = []
    while left:
        (part, best), *left = left
        box, left = _grown(part, best, left)
        result.append(replace(best, box=box, order=(len(result), best.class_id)))
    return result


def _grown(part: int, best: Detection, others: list[Numbered]) -> tuple[Box, list[Numbered]]:
    """The box around a detection and all that are of its object, and the others that are left."""
    box, parts, before = best.box, {part}, 0
    while len(parts) > before:  # a larger box may reach further ones
        before = len(parts)
        for other, each in others:
            if other not in parts and each.class_id == best.class_id and _share(box, each.box) >= SAME:
                box, parts = _around(box, each.box), {*parts, other}
                others = [one for one in others if one != (other, each)]
    return box, others


def _numbered(parts: Sequence[Sequence[Detection]]) -> Iterator[Numbered]:
    return ((number, each) for number, part in enumerate(parts) for each in part)


def _share(a: Box, b: Box) -> float:
    """The intersection as a share of the smaller box."""
    w = min(a.right, b.right) - max(a.left, b.left)
    h = min(a.bottom, b.bottom) - max(a.top, b.top)
    smaller = min(a.w * a.h, b.w * b.h)
    return w * h / smaller if w > 0 and h > 0 and smaller > 0 else 0.0


def _around(a: Box, b: Box) -> Box:
    left, top, right, bottom = min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom)
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
