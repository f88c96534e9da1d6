"""A chart of a training: loss, its running mean and the learning rate over the iterations, and mAP where known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Point, canvas_for

WIDTH, HEIGHT = 800, 460
LEFT, TOP, RIGHT, BOTTOM = 60, 34, 730, 410
LOSS, MEAN, RATE, MAP = "#c6dbef", "#1f77b4", "#ff7f0e", "#d62728"
CLIPPED = 98  # percentile of the losses that the axis reaches at least


def draw_chart(
    path: str | PathLike[str],
    history: npt.NDArray[np.float64],
    scores: Sequence[tuple[float, float]] = (),
    name: str = "mAP",
) -> None:
    """Save the chart as SVG or a picture, by the path's ending.

    `history` (N, 4): iteration, loss, average, rate. `scores`: (iteration, score 0..1), called `name`. ImageError.
    """
    canvas = canvas_for(path, WIDTH, HEIGHT)
    iterations, loss, average, rate = history.T
    first, last = float(iterations[0]), max(float(iterations[-1]), float(iterations[0]) + 1)
    high = max(float(np.percentile(average, CLIPPED)), float(average.min()), 1e-9) * 1.1

    def line(values: npt.NDArray[np.float64], top: float, colour: str, width: float = 1.0) -> None:
        points = [_place(i, v / top, first, last) for i, v in zip(iterations, values, strict=True)]
        canvas.line(points, colour, width)

    _axes(canvas, first, last, high)
    line(loss, high, LOSS)
    most = max(float(rate.max()), 1e-30)
    line(rate, most, RATE)
    line(average, high, MEAN, 1.5)
    if scores:
        for share in (0, 0.5, 1):
            canvas.text(RIGHT + 6, _place(first, share, first, last)[1] + 4, f"{share:.0%}", colour=MAP)
    measured = [_place(i, v, first, last) for i, v in scores]
    if measured:
        canvas.line(measured, MAP, 1.5)
    for x, y in measured:
        canvas.dot(x, y, 2.5, MAP)
    legend = [("loss", LOSS), (f"mean {average[-1]:.4g}", MEAN), (f"rate, top {most:.3g}", RATE)]
    legend += [(f"{name} {scores[-1][1]:.1%}, best {max(v for _, v in scores):.1%}", MAP)] if scores else []
    for i, (text, colour) in enumerate(legend):
        canvas.dot(RIGHT - 150, TOP + 14 + 15 * i, 4, colour)
        canvas.text(RIGHT - 140, TOP + 18 + 15 * i, text)
    canvas.save(path)


def _place(iteration: float, share: float, first: float, last: float) -> Point:
    x = LEFT + (RIGHT - LEFT) * (iteration - first) / (last - first)
    return x, BOTTOM - (BOTTOM - TOP) * min(max(share, 0.0), 1.0)


def _axes(canvas: Canvas, first: float, last: float, high: float) -> None:
    step = 10 ** math.floor(math.log10(high))
    step *= next((f for f in (0.1, 0.2, 0.5, 1) if high / (step * f) <= 10), 1)
    for k in range(int(high / step) + 1):
        y = _place(first, k * step / high, first, last)[1]
        canvas.line([(LEFT, y), (RIGHT, y)], "#dddddd")
        canvas.text(LEFT - 6, y + 4, f"{k * step:.3g}", "end")
    for k in range(6):
        iteration = first + (last - first) * k / 5
        canvas.text(_place(iteration, 0, first, last)[0], BOTTOM + 16, f"{iteration:.0f}", "middle")
    canvas.rectangle(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, "#888888")
    canvas.text((LEFT + RIGHT) / 2, BOTTOM + 34, "iterations", "middle")
