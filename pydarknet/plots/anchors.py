"""Figure 2 of the paper for the user's own boxes: average IoU over the number of anchors, and the anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

from ..anchors.kmeans import Floats
from .canvas import Canvas, canvas_for

WIDTH, HEIGHT = 720, 360
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 410, 310  # of the curve
CENTRE, SIDE = (570, 172), 276  # of the boxes
COLOURS = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)

Series = Sequence[tuple[int, float]]


def draw_anchors(
    path: str | PathLike[str],
    curves: Mapping[str, Series],
    points: Mapping[str, tuple[int, float]],
    anchors: Floats,
    aspect: float = 1.0,
) -> None:
    """Save the figure as SVG or a picture, by the path's ending.

    `curves`: name -> (k, average IoU from 0 to 1) pairs; `points`: the same for single ones. `anchors` (K, 2) are
    fractions of a picture of width / height `aspect`. ImageError if it can't be written.
    """
    canvas = canvas_for(path, WIDTH, HEIGHT)
    _draw_curves(canvas, curves, points)
    _draw_boxes(canvas, anchors, aspect)
    canvas.save(path)


def _draw_curves(canvas: Canvas, curves: Mapping[str, Series], points: Mapping[str, tuple[int, float]]) -> None:
    last = max([k for series in curves.values() for k, _ in series] + [k for k, _ in points.values()], default=1)
    values = [value for series in curves.values() for _, value in series] + [value for _, value in points.values()]
    low = min([int(min(values, default=0) * 10), 9]) / 10

    def place(k: float, value: float) -> tuple[float, float]:
        across = LEFT + (RIGHT - LEFT) * (k - 1) / max(last - 1, 1)
        return across, BOTTOM - (BOTTOM - TOP) * (value - low) / (1 - low)

    for tenth in range(round(low * 10), 11):
        y = place(1, tenth / 10)[1]
        canvas.line([(LEFT, y), (RIGHT, y)], "#dddddd")
        canvas.text(LEFT - 6, y + 4, f"{tenth / 10:.1f}", "end")
    for k in range(1, last + 1):
        if k == 1 or k % 2 or last < 10:
            canvas.text(place(k, low)[0], BOTTOM + 16, str(k), "middle")
    canvas.rectangle(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, "#888888")
    canvas.text((LEFT + RIGHT) / 2, BOTTOM + 34, "number of anchors", "middle")
    canvas.text(LEFT, TOP - 12, "average IoU of the boxes with their closest anchor")
    row = BOTTOM - 14.0 * (len(curves) + len(points)) - 2
    for colour, (name, series) in zip(COLOURS, curves.items(), strict=False):
        canvas.line([place(k, value) for k, value in series], colour, 1.5)
        for k, value in series:
            canvas.dot(*place(k, value), 2.5, colour)
        row = _legend(canvas, row, name, colour)
    for colour, (name, (k, value)) in zip(COLOURS[len(curves) :], points.items(), strict=False):
        canvas.dot(*place(k, value), 4, colour)
        row = _legend(canvas, row, name, colour)


def _legend(canvas: Canvas, row: float, name: str, colour: str) -> float:
    canvas.dot(RIGHT - 190, row + 6, 4, colour)
    canvas.text(RIGHT - 180, row + 10, name)
    return row + 14


def _draw_boxes(canvas: Canvas, anchors: Floats, aspect: float) -> None:
    """The anchors over each other's centre, in a frame that is the picture."""
    width, height = SIDE * min(aspect, 1), SIDE / max(aspect, 1)
    x, y = CENTRE
    canvas.text(x - SIDE / 2, TOP - 12, f"{len(anchors)} anchors in a picture")
    canvas.rectangle(x - width / 2, y - height / 2, width, height, "#bbbbbb")
    for i, (w, h) in enumerate(anchors):
        size = w * width, h * height
        canvas.rectangle(x - size[0] / 2, y - size[1] / 2, *size, COLOURS[i % len(COLOURS)], 2)
