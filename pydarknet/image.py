"""Pictures: reading and writing files, arrays as pictures, and Darknet's way to the network's size.

A picture is a uint8 array (H, W, 3), BGR as OpenCV has it, C-contiguous.
"""

from __future__ import annotations

import os
from os import PathLike, fspath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .atomic import replacing
from .backend import cpu_backend
from .boxes import Fit
from .errors import ImageError

Picture = npt.NDArray[np.uint8]
Tensor = npt.NDArray[np.float32]
Color = Literal["bgr", "rgb"]

MAX_BYTES = 1 << 30  # of a file; no camera comes near it

_MAGIC = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"BM": "BMP", b"GIF8": "GIF", b"II*\0": "TIFF"}
_MAGIC |= {b"MM\0*": "TIFF", b"RIFF": "WebP"}


def load_image(path: str | PathLike[str]) -> Picture:
    """Read a picture file as Debian's Darknet does: by OpenCV, to 8 bits and BGR, turned upright by its EXIF.

    16-bit pictures keep their upper byte, grey ones are repeated, alpha is dropped. ImageError if the file
    is missing, a folder, empty, cut off, or no picture.
    """
    import cv2

    name = fspath(path)
    data = _read(name)
    if _is_cut_png(data):
        raise ImageError(f"{name}: {_what_is(data)}")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError) as error:
        raise ImageError(f"{name}: the picture can't be decoded: {_reason(error)}") from error
    if image is None:
        raise ImageError(f"{name}: {_what_is(data)}")
    return np.ascontiguousarray(image)


def save_image(path: str | PathLike[str], image: Picture, quality: int = 90) -> None:
    """Write a BGR picture in the format of the path's ending; the file appears whole or not at all.

    `quality` (1 to 100) is for formats that have one. ImageError for an unknown ending, a size that the
    format can't hold, or a place that can't be written.
    """
    import cv2

    name = fspath(path)
    ending = os.path.splitext(name)[1]
    if not ending or not cv2.haveImageWriter(f"x{ending}"):
        raise ImageError(f"{name}: no picture format has the ending {ending!r}; use .jpg, .png, .webp or .bmp")
    options = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}
    options[".jpeg"] = cv2.IMWRITE_JPEG_QUALITY
    option = options.get(ending.lower())
    try:
        done, data = cv2.imencode(ending, image, [option, quality] if option is not None else [])
    except cv2.error as error:
        raise ImageError(f"{name}: the picture can't be encoded: {_reason(error)}") from error
    if not done:
        raise ImageError(f"{name}: {ending} can't hold a picture of shape {image.shape}; try .png")
    try:
        with replacing(name) as file:
            file.write(data.tobytes())
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: can't be written: {_reason(error)}") from error


def as_bgr(array: npt.NDArray[Any], color: Color = "bgr") -> Picture:
    """A user's array as a picture; a copy only where one is needed.

    Accepts (H, W), (H, W, 1), (H, W, 3) and (H, W, 4: alpha is dropped), of uint8, or of floats in 0..1.
    `color` names the order of the first three channels. ImageError for anything else.
    """
    if color not in ("bgr", "rgb"):
        raise ImageError(f"color must be 'bgr' or 'rgb', not {color!r}")
    if not isinstance(array, np.ndarray):
        raise ImageError(f"expected a picture as a NumPy array, found {type(array).__name__}")
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"expected a picture of shape (height, width), or (height, width, 1, 3 or 4), found {array.shape}"
            + _hint_planar(array.shape)
        )
    pixels = _as_bytes(array)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, 2::-1] if color == "rgb" else pixels[:, :, :3])


def letterbox(image: Picture, width: int, height: int) -> Tensor:
    """The picture scaled to fit and centred on grey: (1, 3, height, width), RGB in 0..1, as Darknet does it.

    `boxes.to_picture` takes boxes back.
    """
    return _fit(image, width, height, "letterbox")


def stretch(image: Picture, width: int, height: int) -> Tensor:
    """The picture scaled to fill (1, 3, height, width), RGB in 0..1, by Darknet's resize."""
    return _fit(image, width, height, "stretch")


def _fit(image: Picture, width: int, height: int, fit: Fit) -> Tensor:
    result = np.empty((1, 3, height, width), np.float32)
    cpu_backend().ops.letterbox(image, result, True, fit)
    return result


def _read(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise ImageError(f"{name}: is a folder; expected a picture file") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: the picture can't be read: {_reason(error)}") from error
    if not data:
        raise ImageError(f"{name}: the file is empty (0 bytes); expected a picture")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{name}: the file is larger than {MAX_BYTES >> 20} MiB; expected a picture")
    return data


def _is_cut_png(data: bytes) -> bool:
    """Whether a PNG ends before its last chunk. libpng would say so on standard error, whatever OpenCV is told."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return False
    end = 8
    while data[end + 4 : end + 8] != b"IEND" and end < len(data):
        end += 12 + int.from_bytes(data[end : end + 4], "big")
    return end + 12 > len(data)


def _what_is(data: bytes) -> str:
    """What to say of bytes that OpenCV can't decode."""
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    if kind:
        return f"a {kind} picture that is damaged or cut off ({len(data)} bytes); get the file again"
    return (
        f"is not a picture of a known format: found {len(data)} bytes that begin with {data[:12]!r}; "
        "expected JPEG, PNG, WebP, TIFF, BMP or another format OpenCV reads"
    )


def _reason(error: Exception) -> str:
    text = getattr(error, "err", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip() or type(error).__name__


def _hint_planar(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return "; put the channels last: array.transpose(1, 2, 0)"
    return ""


def _as_bytes(array: npt.NDArray[Any]) -> Picture:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise ImageError(f"expected pixels of uint8, or floats in 0..1, found {array.dtype}; convert the array")
    low, high = float(array.min()), float(array.max())
    if not 0 <= low <= high <= 1:
        raise ImageError(f"expected floats in 0..1, found {low:g} to {high:g}; divide by 255, or pass uint8")
    rounded: Picture = np.rint(array * array.dtype.type(255)).astype(np.uint8)
    return rounded
