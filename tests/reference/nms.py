"""Naive suppression, one pair at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

F = np.float32


def overlap(a: Sequence[np.float32], b: Sequence[np.float32]) -> np.float32:
    """IoU of two boxes (centre and size); NaN where a number is missing."""
    with np.errstate(all="ignore"):
        sides = []
        for centre, size in ((0, 2), (1, 3)):
            half_a, half_b = a[size] / F(2), b[size] / F(2)
            right = np.minimum(a[centre] + half_a, b[centre] + half_b)
            sides.append(right - np.maximum(a[centre] - half_a, b[centre] - half_b))
        shared = F(0) if min(sides) < 0 else sides[0] * sides[1]
        return F(shared / (a[2] * a[3] + b[2] * b[3] - shared))


def apart(a: Sequence[np.float32], b: Sequence[np.float32], beta: float) -> np.float32:
    """(d^2 / c^2)^beta with the distance d of the centres and the diagonal c around both boxes."""
    with np.errstate(all="ignore"):
        between = around = F(0)
        for centre, size in ((0, 2), (1, 3)):
            half_a, half_b = a[size] / F(2), b[size] / F(2)
            right = np.maximum(a[centre] + half_a, b[centre] + half_b)
            side = right - np.minimum(a[centre] - half_a, b[centre] - half_b)
            around += side * side
            between += (a[centre] - b[centre]) * (a[centre] - b[centre])
        return F(0) if around == 0 else F(np.float64(between / around) ** np.float64(F(beta)))


def suppress(
    boxes: npt.NDArray[np.float32], starts: Sequence[int], thresh: float, beta: float | None = None
) -> npt.NDArray[np.int32]:
    """Which boxes of each sorted run stay alive."""
    alive = np.ones(len(boxes), np.int32)
    for begin, end in pairwise(starts):
        for i in range(begin, end):
            for k in range(i + 1, end):
                if alive[i] and alive[k]:
                    less = F(0) if beta is None else apart(boxes[i], boxes[k], beta)
                    alive[k] = not overlap(boxes[i], boxes[k]) - less > F(thresh)
    return alive
