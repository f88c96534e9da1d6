"""A chart of a training: loss, its running mean and the learning rate over the iterations, and mAP where known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .canvas import Axes, canvas_for

WIDTH, HEIGHT = 800, 460
FRAME = LEFT, TOP, RIGHT, BOTTOM = 60, 34, 730, 410
LOSS, MEAN, RATE, MAP = "#c6dbef", "#1f77b4", "#ff7f0e", "#d62728"
CLIPPED = 98  # percentile of the losses that the axis reaches at least


def draw_chart(
    path: str | PathLike[str],
    history: npt.NDArray[np.float64],
    scores: Sequence[tuple[float, float]] = (),
    name: str = "mAP",
) -> None:
    """Save the chart as SVG or an image, by the path's ending.

    `history` (N, 4): iteration, loss, average, rate. `scores`: (iteration, score 0..1), called `name`. ImageError.
    """
    canvas = canvas_for(path, WIDTH, HEIGHT)
    iterations, loss, average, rate = history.T
    first, last = float(iterations[0]), max(float(iterations[-1]), float(iterations[0]) + 1)
    high = max(float(np.percentile(average, CLIPPED)), float(average.min()), 1e-9) * 1.1
    most = max(float(rate.max()), 1e-30)
    losses, shares = (Axes(canvas, FRAME, (first, last), (0, top)) for top in (high, 1.0))
    step = _step(high)
    losses.draw(
        [(i, f"{i:.0f}") for i in _ticks(first, last)],
        [(k * step, f"{k * step:.3g}") for k in range(int(high / step) + 1)],
        "iterations",
        "loss",
    )
    canvas.text(LEFT, TOP - 12, f"{Path(path).stem.removeprefix('chart_')}: {last:.0f} iterations")
    losses.line(zip(iterations, loss, strict=True), LOSS)
    shares.line(zip(iterations, rate / most, strict=True), RATE)
    losses.line(zip(iterations, average, strict=True), MEAN, 1.5)
    legend = [("loss", LOSS), (f"mean {average[-1]:.4g}", MEAN), (f"rate, top {most:.3g}", RATE)]
    if scores:
        for share in (0, 0.5, 1):
            canvas.text(RIGHT + 6, shares.place(first, share)[1] + 4, f"{share:.0%}", colour=MAP)
        shares.line(scores, MAP, 1.5)
        shares.dots(scores, MAP)
        legend.append((f"{name} {scores[-1][1]:.1%}, best {max(v for _, v in scores):.1%}", MAP))
    losses.legend(RIGHT - 150, TOP + 14, legend)
    canvas.save(path)


def _ticks(first: float, last: float) -> list[float]:
    """Round numbers of iterations, of which there are at most ten, and the first where it is none."""
    step = max(_step(last - first), 1.0)
    begin = math.ceil(first / step)
    return [step * k for k in range(begin, int(last / step) + 1)]


def _step(high: float) -> float:
    """A round number of which at most ten reach `high`."""
    power = float(10 ** math.floor(math.log10(high)))
    return power * next((f for f in (0.1, 0.2, 0.5, 1) if high / (power * f) <= 10), 1)
