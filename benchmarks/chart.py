"""Bars as a drawing: how long each program takes, group by group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydarknet.plots.canvas import canvas_for

OURS, OTHERS = "#d62728", "#9db7d5"
NAMES, LENGTH, ROW, GAP = 130, 420, 15, 26


def draw_bars(path: Path, groups: Mapping[str, Mapping[str, float]]) -> None:
    """Save the chart. `groups`: title -> program -> milliseconds, each group by the measure of its slowest."""
    height = sum(GAP + ROW * len(group) for group in groups.values()) + GAP
    canvas = canvas_for(path, NAMES + LENGTH + 70, height)
    y = 0
    for title, group in groups.items():
        y += GAP
        canvas.text(6, y - 6, f"{title}, milliseconds an image")
        most = max(group.values())
        for program, value in sorted(group.items(), key=lambda item: item[1]):
            length = LENGTH * value / most
            canvas.text(NAMES - 6, y + ROW - 4, program, "end")
            canvas.fill(NAMES, y + 2, max(length, 1), ROW - 4, OURS if program.startswith("pydarknet") else OTHERS)
            canvas.text(NAMES + length + 5, y + ROW - 4, f"{value:.1f}")
            y += ROW
    canvas.save(path)
