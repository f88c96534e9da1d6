"""Boxes as arrays (M, 4) of centre x, y, width, height, float32 like Darknet's, and how they overlap."""

from __future__ import annotations

from typing import Any, Literal

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


def letterbox_size(image_w: int, image_h: int, net_w: int, net_h: int) -> tuple[int, int]:
    """Width and height of an image scaled to fit the network's input, in Darknet's integers.

    One of them is 0 when the image is so long and thin that nothing of it is left.
    """
    if np.float32(net_w) / np.float32(image_w) < np.float32(net_h) / np.float32(image_h):
        return net_w, image_h * net_w // image_w
    return image_w * net_h // image_h, net_h


def to_picture(boxes: Boxes, image_w: int, image_h: int, net_w: int, net_h: int, fit: Fit) -> Boxes:
    """Boxes in fractions of the network's input, as pixels of the image it was made from.

    `fit` says how the image was brought to the network's size. The arithmetic is Darknet's, roundings
    included. Boxes of a letterbox without an image in it (`letterbox_size` has a 0) become inf or NaN.
    """
    result = np.array(boxes, np.float32)
    with np.errstate(all="ignore"):
        if fit == "letterbox":
            new_w, new_h = letterbox_size(image_w, image_h, net_w, net_h)
            _unpad(result[:, 0], result[:, 2], net_w, new_w)
            _unpad(result[:, 1], result[:, 3], net_h, new_h)
        elif fit != "stretch":
            raise ValueError(f"fit must be 'letterbox' or 'stretch', not {fit!r}")
        result *= np.array([image_w, image_h, image_w, image_h], np.float32)
    return result


def _unpad(centre: npt.NDArray[Any], size: npt.NDArray[Any], net: int, new: int) -> None:
    """In place: from fractions of the canvas to fractions of the `new` pixels in the middle of it."""
    centre[:] = (centre - np.float64((net - new) / 2 / net)) / np.float64(np.float32(new) / np.float32(net))
    size *= np.float32(net) / np.float32(new)
