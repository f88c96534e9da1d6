"""The confusion matrix as a drawing: what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt

from .canvas import INK, canvas_for

CELL, MARGIN = 32, 120
LETTERS = 16  # of a class's name


def draw_confusion(path: str | PathLike[str], labels: Sequence[str], counts: npt.NDArray[np.int64]) -> None:
    """Save `counts` of K labels and nothing, (K + 1, K + 1), as SVG or an image, shaded by the share of each row.

    Rows are the truth, columns what is said. ImageError if it can't be written.
    """
    side = MARGIN + len(counts) * CELL + 4
    canvas = canvas_for(path, side, side)
    for (i, j), share in np.ndenumerate(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)):
        x, y, count = MARGIN + j * CELL, MARGIN + i * CELL, int(counts[i, j])
        red, green, blue = (round(255 - fade * share) for fade in (225, 145, 75))
        canvas.fill(x, y, CELL, CELL, f"#{red:02x}{green:02x}{blue:02x}")
        canvas.rectangle(x, y, CELL, CELL, "#e1e1e1", 0.5)
        text = "" if not count else str(count) if count < 10000 else f"{count // 1000}k"
        canvas.text(x + CELL / 2, y + CELL / 2 + 4, text, "middle", "#ffffff" if share > 0.6 else INK)
    for i, label in enumerate([*labels, "(nothing)"]):
        canvas.text(4, MARGIN + i * CELL + CELL / 2 + 4, label[:LETTERS])
    for i, label in enumerate([*labels, "(missed)"]):
        canvas.upright(MARGIN + i * CELL + CELL / 2 + 4, MARGIN - 4, label[:LETTERS])
    canvas.text(4, 14, "rows: truth")
    canvas.text(4, 28, "columns: said")
    canvas.save(path)
