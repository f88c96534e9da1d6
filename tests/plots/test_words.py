"""Charts say what they show: a title, and a name for each axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pydarknet.plots.confusion import draw_confusion
from pydarknet.plots.training import draw_chart


def words(path: Path) -> list[str]:
    lines = [line for line in path.read_text().splitlines() if "<text" in line]
    return [line.partition(">")[2].removesuffix("</text>") for line in lines]


def test_charts_say_what_they_show(tmp_path: Path) -> None:
    chart, matrix = tmp_path / "chart_toy.svg", tmp_path / "confusion.svg"
    draw_chart(chart, np.array([[i, 2.0, 2.0, 0.1] for i in range(1, 301)]), [], "mAP")
    assert {"toy: 300 iterations", "iterations", "loss", "50", "100", "300"} <= set(words(chart))
    draw_confusion(matrix, ["cat", "dog"], np.eye(3))
    assert {"rows: truth", "columns: said", "cat"} <= set(words(matrix))
