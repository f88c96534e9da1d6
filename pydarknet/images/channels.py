"""Arrays as images with as many channels as a network takes: BGR, BGR and alpha, or any other number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from .image import Color, Image, as_bgr, as_bytes


def as_image(array: npt.NDArray[Any], color: Color = "bgr", channels: int = 3) -> Image:
    """A user's array as an image for a network of so many channels: BGR for 1 and 3, else (H, W, channels).

    As `as_bgr` takes it; for other numbers the shape must be (H, W, channels). `color` is the order of the first
    three of 4. ImageError.
    """
    if channels in (1, 3):
        return as_bgr(array, color)
    if not isinstance(array, np.ndarray) or array.ndim != 3 or array.shape[2] != channels or not array.size:
        raise ImageError(
            f"the network takes {channels} channels: expected an image of shape (height, width, {channels}), "
            f"found {np.shape(array)}"
        )
    pixels = as_bytes(array)
    return np.ascontiguousarray(pixels[:, :, [2, 1, 0, 3]] if channels == 4 and color == "rgb" else pixels)


def grey(image: Image) -> Image:
    """A BGR image in grey (H, W, 1), by OpenCV's weights."""
    import cv2

    result: Any = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(result)[:, :, None]
