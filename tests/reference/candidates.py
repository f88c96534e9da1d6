"""Naive search for the boxes of a head that are above the threshold, one box at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def find(
    output: npt.NDArray[np.float32], anchors: int, objectness: int, thresh: float, by_cell: bool
) -> list[list[int]]:
    """Of each image the numbers of its boxes, which go on from image to image."""
    n, c, h, w = output.shape
    cells = output.reshape(n, anchors, c // anchors, h * w)
    order = [(a, p) for a in range(anchors) for p in range(h * w)]
    if by_cell:
        order.sort(key=lambda place: place[1])
    return [
        [
            (i * anchors + a) * h * w + p
            for a, p in order
            if (1 if objectness < 0 else cells[i, a, objectness, p]) > np.float32(thresh)
        ]
        for i in range(n)
    ]
