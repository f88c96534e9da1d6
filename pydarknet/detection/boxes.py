"""Boxes as arrays (M, 4) of centre x, y, width, height, float32 like Darknet's, and how they overlap."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Fit = Literal["letterbox", "stretch"]

# COCO's sizes of objects, in square pixels
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}


def iou(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Intersection over union of every box of a (M, 4) with every box of b (N, 4), shape (M, N).

    NaN for two empty boxes, as in Darknet, where NaN is above no threshold.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        width = _overlap(a[:, 0], a[:, 2], b[:, 0], b[:, 2])
        height = _overlap(a[:, 1], a[:, 3], b[:, 1], b[:, 3])
        shared = width * height
        shared[(width < 0) | (height < 0)] = 0
        result: npt.NDArray[np.float32] = shared / (
            (a[:, 2] * a[:, 3])[:, None] + (b[:, 2] * b[:, 3])[None, :] - shared
        )
    return result


def _overlap(x1: Boxes, w1: Boxes, x2: Boxes, w2: Boxes) -> npt.NDArray[np.float32]:
    """Length of the shared part of two intervals given by centre and width; negative if they are apart."""
    half1, half2 = w1 / 2, w2 / 2
    right = np.minimum((x1 + half1)[:, None], (x2 + half2)[None, :])
    left = np.maximum((x1 - half1)[:, None], (x2 - half2)[None, :])
    difference: npt.NDArray[np.float32] = right - left
    return difference
