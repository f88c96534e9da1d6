"""Naive heads: [region], [yolo] and [detection] forward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .activation import logistic
from .softmax import softmax, tree

Doubles = NDArray[np.float64]


def region(
    x: NDArray[np.floating],
    anchors: int,
    classes: int,
    coords: int,
    use_softmax: bool,
    background: bool,
    sizes: Sequence[int] | None,
) -> Doubles:
    n, _, h, w = x.shape
    y = x.astype(np.float64).reshape(n, anchors, coords + 1 + classes, h, w)
    result = y.copy()
    for a in range(anchors):
        box, out = y[:, a], result[:, a]
        out[:, :2] = logistic(box[:, :2])
        out[:, 4:coords] = logistic(box[:, 4:coords])
        if not background:
            out[:, coords] = logistic(box[:, coords])
        if sizes is not None:
            out[:, coords + 1 :] = tree(box[:, coords + 1 :], sizes)
        elif use_softmax:
            first = coords if background else coords + 1
            if first < box.shape[1]:
                out[:, first:] = softmax(box[:, first:], 1)
        else:
            out[:, coords + 1 :] = logistic(box[:, coords + 1 :])
    return result.reshape(x.shape)


def yolo(
    x: NDArray[np.floating], anchors: int, classes: int, scale: float = 1, new_coords: bool = False,
    gaussian: bool = False,
) -> Doubles:  # fmt: skip
    n, _, h, w = x.shape
    y = x.astype(np.float64).reshape(n, anchors, (9 if gaussian else 5) + classes, h, w)
    result = y.copy() if new_coords else logistic(y)
    centre, size = ([0, 2], [4, 6]) if gaussian else ([0, 1], [2, 3])
    result[:, :, size] = y[:, :, size]
    result[:, :, centre] = scale * result[:, :, centre] - (scale - 1) / 2
    return result.reshape(x.shape)


def detection(x: NDArray[np.floating], side: int, classes: int, use_softmax: bool) -> Doubles:
    """x (N, inputs)."""
    y = x.astype(np.float64)
    if use_softmax:
        for cell in range(side * side):
            scores = slice(cell * classes, (cell + 1) * classes)
            y[:, scores] = softmax(y[:, scores], 1)
    return y
