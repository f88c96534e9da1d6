"""Images with as many channels as a network takes: grey, BGR, BGR and alpha, or arrays of any other number."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from .image import Color, Picture, as_bgr, as_bytes, load_encoded, load_image


def load_channels(path: str | PathLike[str], channels: int) -> Picture:
    """Read an image file for a network of so many channels; see `with_channels`. ImageError."""
    return with_channels(path, load_image(path), channels)


def load_encoded_channels(name: str, data: bytes, channels: int) -> Picture:
    """The same of a file's content; `name` is for messages."""
    image = load_encoded(name, data)
    return _with_channels(name, image, channels, np.frombuffer(data, np.uint8))


def with_channels(path: str | PathLike[str], image: Picture, channels: int) -> Picture:
    """What a network of so many channels needs of a file that `load_image` has read: for 4 the alpha too.

    For 1 it is still BGR, so that it can be drawn in its colours. ImageError if the file has no alpha, and for
    any other number.
    """
    return _with_channels(fspath(path), image, channels)


def _with_channels(name: str, image: Picture, channels: int, data: npt.NDArray[np.uint8] | None = None) -> Picture:
    if channels in (1, 3):
        return image
    if channels != 4:
        raise ImageError(
            f"{name}: the network takes {channels} channels, and image files have 1, 3 or 4; "
            f"from Python, pass arrays of shape (height, width, {channels})"
        )
    return np.dstack([image, _alpha(name, image, data)])


def _alpha(name: str, image: Picture, data: npt.NDArray[np.uint8] | None) -> Picture:
    import cv2

    try:
        pixels: Any = cv2.imdecode(np.fromfile(name, np.uint8) if data is None else data, cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error) as error:
        raise ImageError(f"{name}: the image can't be decoded: {error}") from error
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
        raise ImageError(f"{name}: has no alpha, and the network takes 4 channels; expected a PNG or WebP with it")
    if pixels.shape[:2] != image.shape[:2]:
        raise ImageError(f"{name}: is turned by its EXIF, and its alpha can't be; save the image upright")
    alpha: Picture = (pixels[:, :, 3] >> 8 if pixels.dtype == np.uint16 else pixels[:, :, 3]).astype(np.uint8)
    return alpha


def as_picture(array: npt.NDArray[Any], color: Color = "bgr", channels: int = 3) -> Picture:
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


def as_input(image: Picture, channels: int) -> Picture:
    """The image in a network's channels: grey, BGR (kernels turn it), RGBA, or as they are. ImageError."""
    import cv2

    found = image.shape[2]
    if channels == 1 and found == 3:
        return grey(image)
    if found != channels:
        raise ImageError(f"the network takes {channels} channels, the image has {found}")
    result: Any = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA) if channels == 4 else image
    return np.ascontiguousarray(result)


def grey(image: Picture) -> Picture:
    """A BGR image in grey (H, W, 1), by OpenCV's weights."""
    import cv2

    result: Any = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(result)[:, :, None]
