"""Precision over recall, a curve for each class."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt

from .canvas import Axes, canvas_for

WIDTH, HEIGHT = 720, 460
FRAME = 60, 34, 500, 410
MARKS = [(share, f"{share:.0%}") for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22",
           "#17becf")  # fmt: skip
LETTERS = 20
Floats = npt.NDArray[np.float64]


def draw_precision(path: str | PathLike[str], curves: Sequence[tuple[str, Floats, Floats, float]], note: str) -> None:
    """Save the curves of up to ten classes, each (name, recall (M,), precision (M,), average precision), from the
    surest detection on, as SVG or an image by the path's ending. `note` stands above. ImageError."""
    canvas = canvas_for(path, WIDTH, HEIGHT)
    axes = Axes(canvas, FRAME, (0, 1), (0, 1))
    axes.draw(MARKS, MARKS, "recall", "precision")
    canvas.text(FRAME[0], FRAME[1] - 12, note)
    legend = []
    for (name, recall, precision, ap), colour in zip(curves, COLOURS, strict=False):
        best = np.maximum.accumulate(precision[::-1])[::-1]
        points = [(0.0, best[0] if len(best) else 0.0), *zip(recall.tolist(), best.tolist(), strict=True)]
        axes.line([*points, (points[-1][0], 0.0)], colour, 1.5)
        legend.append((f"{name[:LETTERS]} {ap:.1%}", colour))
    axes.legend(FRAME[2] + 14, FRAME[1] + 14, legend)
    canvas.save(path)
