"""Speed against accuracy: a point for each input size, as in Figure 4 of YOLO9000's paper."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np

from .canvas import Axes, canvas_for

WIDTH, HEIGHT = 560, 400
FRAME = LEFT, TOP, RIGHT, BOTTOM = 60, 34, 530, 340
COLOUR = "#1f77b4"
ROOM = 0.1  # around the points, as a share of what they span


def draw_sweep(path: str | PathLike[str], points: Sequence[tuple[int, float, float]]) -> None:
    """Save the chart as SVG or an image, by the path's ending. `points`: (size, images a second, AP from 0 to 1), of
    at least one size. ImageError if it can't be written."""
    canvas = canvas_for(path, WIDTH, HEIGHT)
    columns, rows = (_range([point[i] for point in points]) for i in (1, 2))
    axes = Axes(canvas, FRAME, columns, rows)
    axes.draw(
        [(value, f"{value:.3g}") for value in np.linspace(*columns, 6)],
        [(value, f"{value:.1%}") for value in np.linspace(*rows, 6)],
        "images a second",
        "mean average precision",
    )
    canvas.text(LEFT, TOP - 12, "precision and speed, at each size of the input")
    curve = [(rate, ap) for _, rate, ap in points]
    axes.line(curve, COLOUR, 1.5)
    axes.dots(curve, COLOUR, 3)
    for size, *point in points:
        x, y = axes.place(*point)
        canvas.text(x + 6, y - 6, str(size))
    canvas.save(path)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the values span, from 0 at least."""
    low, high = min(values), max(values)
    room = (high - low) * ROOM or high * ROOM or ROOM
    return max(low - room, 0.0), high + room
