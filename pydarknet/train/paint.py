"""What a draw does to an image of any channels; the kernels of augmentation know three."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..images.channels import grey
from ..images.image import Image

NEUTRAL = 0.0, 1.0, 1.0  # hue, saturation, exposure

Look = tuple[bool, float, float, float]  # flip, hue, saturation, exposure
Painter = Callable[[Image, npt.NDArray[np.float32], Look], None]


def paint(painter: Painter, image: Image, out: npt.NDArray[np.float32], look: Look) -> None:
    """Fill out (channels, h, w) by a painter of three channels, with the image: BGR, BGR and alpha, or of so many.

    One channel gets the image in grey, where hue and saturation change nothing. Alpha keeps its values, and so do
    channels of other numbers, which need not be colours.
    """
    if len(out) not in (1, 3, 4):
        _paint_planes(painter, image, out, look)
        return
    if len(out) == 3:
        painter(image, out[None], look)
        return
    planes = np.empty((1, 3, *out.shape[1:]), np.float32)
    if len(out) == 1:
        painter(_thrice(grey(image)), planes, look)
        out[0] = planes[0, 0]
        return
    painter(np.ascontiguousarray(image[:, :, :3]), planes, look)
    out[:3] = planes[0]
    painter(_thrice(image[:, :, 3:]), planes, (look[0], *NEUTRAL))
    out[3] = planes[0, 0]


def _paint_planes(painter: Painter, image: Image, out: npt.NDArray[np.float32], look: Look) -> None:
    """Three channels at a time, which the painter turns round as if they were BGR."""
    planes = np.empty((1, 3, *out.shape[1:]), np.float32)
    for first in range(0, len(out), 3):
        part = image[:, :, first : first + 3]
        missing = 3 - part.shape[2]
        painter(np.ascontiguousarray(np.pad(part, ((0, 0), (0, 0), (0, missing)))), planes, (look[0], *NEUTRAL))
        out[first : first + 3] = planes[0, ::-1][: 3 - missing]


def _thrice(plane: Image) -> Image:
    return np.repeat(plane, 3, axis=2)
