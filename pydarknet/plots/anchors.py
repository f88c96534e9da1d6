"""Figure 2 of the paper for the user's own boxes: average IoU over the number of anchors, and the anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

from ..anchors.kmeans import Floats
from .canvas import Axes, Canvas, canvas_for

WIDTH, HEIGHT = 720, 360
FRAME = LEFT, TOP, RIGHT, BOTTOM = 52, 34, 410, 310  # of the curve
CENTRE, SIDE = (570, 172), 276  # of the boxes
_COLOURS = "1f77b4 ff7f0e 2ca02c d62728 9467bd 8c564b e377c2 7f7f7f bcbd22 17becf"
COLOURS = tuple(f"#{colour}" for colour in _COLOURS.split())

Series = Sequence[tuple[int, float]]


def draw_anchors(
    path: str | PathLike[str],
    curves: Mapping[str, Series],
    points: Mapping[str, tuple[int, float]],
    anchors: Floats,
    aspect: float = 1.0,
) -> None:
    """Save the figure as SVG or an image, by the path's ending.

    `curves`: name -> (k, average IoU from 0 to 1) pairs; `points`: the same for single ones. `anchors` (K, 2) are
    fractions of an image of width / height `aspect`. ImageError if it can't be written.
    """
    canvas = canvas_for(path, WIDTH, HEIGHT)
    _draw_curves(canvas, curves, points)
    _draw_boxes(canvas, anchors, aspect)
    canvas.save(path)


def _draw_curves(canvas: Canvas, curves: Mapping[str, Series], points: Mapping[str, tuple[int, float]]) -> None:
    drawn = [pair for series in curves.values() for pair in series] + list(points.values())
    last = max((k for k, _ in drawn), default=1)
    low = min([int(min((value for _, value in drawn), default=0) * 10), 9]) / 10
    axes = Axes(canvas, FRAME, (1, last), (low, 1))
    axes.draw(
        [(k, str(k)) for k in range(1, last + 1) if k == 1 or k % 2 or last < 10],
        [(tenth / 10, f"{tenth / 10:.1f}") for tenth in range(round(low * 10), 11)],
        "number of anchors",
        "average IoU",
    )
    canvas.text(LEFT, TOP - 12, "average IoU of the boxes with their closest anchor")
    for colour, series in zip(COLOURS, curves.values(), strict=False):
        axes.line(series, colour, 1.5)
        axes.dots(series, colour)
    for colour, point in zip(COLOURS[len(curves) :], points.values(), strict=False):
        axes.dots([point], colour, 4)
    names = [*curves, *points]
    axes.legend(RIGHT - 190, BOTTOM - 15 * len(names) + 4, zip(names, COLOURS, strict=False))


def _draw_boxes(canvas: Canvas, anchors: Floats, aspect: float) -> None:
    """The anchors over each other's centre, in a frame that is the image."""
    width, height = SIDE * min(aspect, 1), SIDE / max(aspect, 1)
    x, y = CENTRE
    canvas.text(x - SIDE / 2, TOP - 12, f"{len(anchors)} anchors in an image")
    canvas.rectangle(x - width / 2, y - height / 2, width, height, "#bbbbbb")
    for i, (w, h) in enumerate(anchors):
        size = w * width, h * height
        canvas.rectangle(x - size[0] / 2, y - size[1] / 2, *size, COLOURS[i % len(COLOURS)], 2)
