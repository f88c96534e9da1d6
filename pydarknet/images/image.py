"""Images: reading and writing files, arrays as images, and Darknet's way to the network's size.

An image is a uint8 array (H, W, 3), BGR as OpenCV has it, C-contiguous.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from os import PathLike, fspath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..backends.base import cpu_backend
from ..backends.machine import free_bytes
from ..detection.boxes import Fit
from ..errors import ImageError, ImageWarning
from ..formats.atomic import replacing
from ..formats.text import read_bytes
from ..system.standard_error import unheard
from .exif import surely_upright
from .header import BrokenHeaderError, Header, parse_header

Image = npt.NDArray[np.uint8]
Tensor = npt.NDArray[np.float32]
Color = Literal["bgr", "rgb"]
Size = tuple[int, int]  # width, height

MAX_BYTES = 1 << 30  # of a file; no camera comes near it

MAX_PIXELS = 200_000_000  # of an image, unless PYDARKNET_MAX_PIXELS says another number
_FEW_PIXELS = 1 << 24  # so many are decoded without a look at the free memory
_BYTES_A_PIXEL = 6  # while a decoder is at work, rows and the result together

LIBJPEG = (b"Corrupt JPEG data", b"Premature end of JPEG")  # how its lines on standard error begin
_STRICT_SIMPLEJPEG = (1, 9)  # the first one that can refuse what is damaged
_LEAST_REDUCED = 16  # pixels of a side; fewer come to the same size by other reductions than OpenCV's, too
_JPEG_END = b"\xff\xd9"
_JPEG_SEGMENT = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a byte of the pixels nor a restart between them


def load_image(path: str | PathLike[str], channels: int = 3) -> Image:
    """Read an image file as Debian's Darknet does: by OpenCV, to 8 bits and BGR, turned upright by its EXIF.

    16-bit images keep their upper byte, grey ones are repeated, alpha is dropped unless a network takes 4 `channels`;
    for one of 1 the image is BGR too, so that it can be drawn in its colours. NumPy's `.npy` is taken as the array;
    for other numbers of channels than 1, 3 and 4 so is a TIFF with a page for each. A JPEG whose end is missing is
    used, grey where nothing is known, with a ImageWarning. ImageError if the file is missing, a folder, empty, no
    image, larger than the limit on pixels, damaged, cut off in another format, or can't have so many channels.
    """
    name = fspath(path)
    return load_encoded(name, read_image_bytes(name), channels)


def load_encoded(name: str, data: bytes, channels: int = 3) -> Image:
    """The image that the content of a file is, as `load_image` reads it; `name` is for messages."""
    image, warning = read_encoded(name, data, channels)
    if warning:
        warnings.warn(warning, ImageWarning, stacklevel=3)
    return image


def read_encoded(name: str, data: bytes, channels: int = 3) -> tuple[Image, str]:
    """The same, and what is doubtful about the image ('' if nothing) instead of a warning."""
    from .planes import NPY, load_planes

    tiff = data.startswith((b"II*", b"MM\0*"))
    if data.startswith(NPY) or (tiff and channels not in (1, 3, 4)):
        if tiff:
            _header(name, data)
        return load_planes(name, data, channels), ""
    image, warning = _decoded(name, data)
    if channels in (1, 3):
        return image, warning
    if channels != 4:
        raise ImageError(
            f"{name}: the network takes {channels} channels, and image files have 1, 3 or 4; expected an array of "
            f"shape (height, width, {channels}), from Python or as .npy, or a TIFF with {channels} grey pages"
        )
    return np.dstack([image, _alpha(name, image, data)]), warning


def load_reduced(path: str | PathLike[str], channels: int, least: Callable[[int, int], Size]) -> tuple[Image, Size]:
    """`load_image`, and the full width and height: a JPEG is decoded at an eighth, a quarter or half of them if that
    is enough for `least(width, height)`. Its pixels are then means of the whole image's, as the file has them."""
    name = fspath(path)
    data = read_image_bytes(name)
    if channels in (1, 3) and data.startswith(b"\xff\xd8") and (found := _reduced(name, data, least)):
        return found
    image = load_encoded(name, data, channels)
    return image, (image.shape[1], image.shape[0])


def _reduced(name: str, data: bytes, least: Callable[[int, int], Size]) -> tuple[Image, Size] | None:
    header = _header(name, data)
    if data.rfind(_JPEG_END, header.pixels_at) < 0:
        return None
    stored = header.width, header.height
    sizes = [stored] if header.plain else [stored, stored[::-1]]  # as it may be turned
    for reduction in (8, 4, 2):
        small = {size: (-(-size[0] // reduction), -(-size[1] // reduction)) for size in sizes}
        if all(w >= least(*size)[0] and h >= least(*size)[1] for size, (w, h) in small.items()):
            image = _decode(name, data, header, reduction)
            for size, (w, h) in small.items():
                if image is not None and image.shape[:2] == (h, w):
                    return np.ascontiguousarray(image), size
            return None
    return None


def _alpha(name: str, image: Image, data: bytes) -> Image:
    import cv2

    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"{name}: the image can't be decoded: {_reason(error)}") from error
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
        raise ImageError(f"{name}: has no alpha, and the network takes 4 channels; expected a PNG or WebP with it")
    if pixels.shape[:2] != image.shape[:2]:
        raise ImageError(f"{name}: is turned by its EXIF, and its alpha can't be; save the image upright")
    alpha: Image = (pixels[:, :, 3] >> 8 if pixels.dtype == np.uint16 else pixels[:, :, 3]).astype(np.uint8)
    return alpha


def read_image(path: str | PathLike[str]) -> tuple[Image, str]:
    """The image of `load_image`, and what is doubtful about it ('' if nothing) instead of a warning."""
    name = fspath(path)
    return _decoded(name, read_image_bytes(name))


def _decoded(name: str, data: bytes) -> tuple[Image, str]:
    header = _header(name, data)
    if header.kind == "PNG" and not _is_sound_png(data):
        raise ImageError(f"{name}: {_damaged('PNG', len(data))}")
    cut = header.kind == "JPEG" and data.rfind(_JPEG_END, header.pixels_at) < 0
    image = None if cut else _decode(name, data, header)
    if image is None and header.kind == "JPEG":
        with unheard(LIBJPEG):
            image, cut = _decode(name, _ended(data, header), header), True
    if image is None:
        raise ImageError(f"{name}: {_damaged(header.kind, len(data))}")
    warning = f"{name}: a JPEG image whose end is missing; what it lacks stays grey" if cut else ""
    return np.ascontiguousarray(image), warning


def read_image_bytes(name: str) -> bytes:
    """The content of a file that should be an image. ImageError if it is missing, empty or far too long."""
    if os.path.isdir(name):
        raise ImageError(f"{name}: is a folder; expected an image file")
    data = read_bytes(name, MAX_BYTES, lambda reason: ImageError(f"{name}: the image {reason}"))
    if not data:
        raise ImageError(f"{name}: the file is empty (0 bytes); expected an image")
    return data


def check_pixels(name: str, header: Header) -> None:
    """ImageError if an image has more pixels than are allowed, or than the free memory has room for."""
    pixels, limit = max(header.width * header.height, header.room), max_pixels()
    size = f"{name}: a {header.kind} image of {header.width} x {header.height}"
    if pixels > limit:
        raise ImageError(
            f"{size} pixels, more than {limit} in all; if it is meant, set PYDARKNET_MAX_PIXELS={pixels} or more"
        )
    if pixels > _FEW_PIXELS and (needed := pixels * _BYTES_A_PIXEL) > (free := free_bytes()):
        raise ImageError(
            f"{size} pixels needs {needed / 2**30:.1f} GiB to be decoded, {free / 2**30:.1f} GiB are free; scale it"
        )


def max_pixels() -> int:
    """The limit on an image's pixels: PYDARKNET_MAX_PIXELS, else `MAX_PIXELS`."""
    text = os.environ.get("PYDARKNET_MAX_PIXELS", "").strip()
    if not text:
        return MAX_PIXELS
    if not re.fullmatch("[0-9]{1,18}", text) or not int(text):
        raise ImageError(f"PYDARKNET_MAX_PIXELS={text[:40]}: expected the number of pixels an image may have")
    return int(text)


def save_image(path: str | PathLike[str], image: Image, quality: int = 90) -> None:
    """Write a BGR image in the format of the path's ending; the file appears whole or not at all.

    `quality` (1 to 100) is for formats that have one. ImageError for an unknown ending, a size that the
    format can't hold, or a place that can't be written.
    """
    name = fspath(path)
    write_image(name, encode_image(image, os.path.splitext(name)[1], quality, name))


def write_image(name: str, data: bytes) -> None:
    """Write the content of an image file, whole or not at all. ImageError for a place that can't be written."""
    try:
        with replacing(name) as file:
            file.write(data)
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: can't be written: {_reason(error)}") from error


def encode_image(image: Image, ending: str, quality: int = 90, name: str = "the image") -> bytes:
    """A BGR image as the content of a file of the format that `ending` (".png") names; `name` is for messages.

    `quality` (1 to 100) is for formats that have one. ImageError for an unknown ending, or a size that the format
    can't hold.
    """
    import cv2

    if not ending or not cv2.haveImageWriter(f"x{ending}"):
        raise ImageError(f"{name}: no image format has the ending {ending!r}; use .jpg, .png, .webp or .bmp")
    options = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}
    options[".jpeg"] = cv2.IMWRITE_JPEG_QUALITY
    option = options.get(ending.lower())
    try:
        done, data = cv2.imencode(ending, image, [option, quality] if option is not None else [])
    except cv2.error as error:
        raise ImageError(f"{name}: the image can't be encoded: {_reason(error)}") from error
    if not done:
        raise ImageError(f"{name}: {ending} can't hold an image of shape {image.shape}; try .png")
    return bytes(data.tobytes())


def as_bgr(array: npt.NDArray[Any], color: Color = "bgr") -> Image:
    """A user's array as an image; a copy only where one is needed.

    Accepts (H, W), (H, W, 1), (H, W, 3) and (H, W, 4: alpha is dropped), of uint8, or of floats in 0..1.
    `color` names the order of the first three channels. ImageError for anything else.
    """
    if color not in ("bgr", "rgb"):
        raise ImageError(f"color must be 'bgr' or 'rgb', not {color!r}")
    if not isinstance(array, np.ndarray):
        raise ImageError(f"expected an image as a NumPy array, found {type(array).__name__}")
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"expected an image of shape (height, width), or (height, width, 1, 3 or 4), found {array.shape}"
            + _hint_shape(array.shape)
        )
    pixels = as_bytes(array)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, 2::-1] if color == "rgb" else pixels[:, :, :3])


def letterbox(image: Image, width: int, height: int) -> Tensor:
    """The image scaled to fit and centred on grey: (1, 3, height, width), RGB in 0..1, as Darknet does it.

    `decode.to_image` takes boxes back.
    """
    return _fit(image, width, height, "letterbox")


def stretch(image: Image, width: int, height: int) -> Tensor:
    """The image scaled to fill (1, 3, height, width), RGB in 0..1, by Darknet's resize."""
    return _fit(image, width, height, "stretch")


def _fit(image: Image, width: int, height: int, fit: Fit) -> Tensor:
    result = np.empty((1, 3, height, width), np.float32)
    cpu_backend().ops.letterbox(image, result, True, fit)
    return result


def _header(name: str, data: bytes) -> Header:
    try:
        header = parse_header(data)
    except BrokenHeaderError as error:
        raise ImageError(f"{name}: {_damaged(str(error), len(data))}") from error
    if header is None:
        raise ImageError(
            f"{name}: is not an image of a known format: found {len(data)} bytes that begin with {data[:12]!r}; "
            "expected JPEG, PNG, WebP, TIFF, BMP or another format OpenCV reads"
        )
    check_pixels(name, header)
    return header


def _decode(name: str, data: bytes, header: Header, reduction: int = 1) -> Image | None:
    if (quickly := decode_jpeg(data, header, reduction)) is not None:
        return quickly
    import cv2

    flag: int = cv2.IMREAD_COLOR if reduction == 1 else getattr(cv2, f"IMREAD_REDUCED_COLOR_{reduction}")
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except (cv2.error, MemoryError) as error:
        raise ImageError(f"{name}: the image can't be decoded: {_reason(error)}") from error
    return image


def decode_jpeg(data: bytes, header: Header, reduction: int = 1) -> Image | None:
    """A JPEG as (H, W, 3), BGR, by simplejpeg, where it is installed: OpenCV's pixels in less time, above all of
    large photographs.

    Its sides are divided by a `reduction` of 1, 2, 4 or 8, rounded up. Both are libjpeg-turbo, which OpenCV asks for
    one row after another. None for what is left to OpenCV: other formats, damaged files, which have its messages,
    four channels, what EXIF may turn, and all where simplejpeg isn't installed.
    """
    least = {}
    if reduction > 1:
        if min(header.width, header.height) <= _LEAST_REDUCED:
            return None
        least = {"min_width": -(-header.width // reduction), "min_height": -(-header.height // reduction)}
    # OpenCV has what follows six bytes for EXIF, whichever those are.
    upright = all(surely_upright(body[6:]) for body in header.app1)
    if header.channels not in (1, 3) or not upright or (decode := _jpeg_decoder()) is None:
        return None
    try:
        image: Image = decode(data, "BGR", strict=True, **least)
    except (ValueError, RuntimeError, MemoryError):
        return None
    return image


@cache
def _jpeg_decoder() -> Callable[..., Any] | None:
    """That of simplejpeg, if there is one new enough."""
    try:
        import simplejpeg

        version = tuple(map(int, simplejpeg.__version__.split(".")[:2]))
    except (ImportError, ValueError):  # ValueError: made for another NumPy
        return None
    return simplejpeg.decode_jpeg if version >= _STRICT_SIMPLEJPEG else None


def _ended(jpeg: bytes, header: Header) -> bytes:
    """A JPEG with an end behind its last segment that is whole."""
    place = header.pixels_at
    while segment := _JPEG_SEGMENT.search(jpeg, place):
        start = segment.start()
        place = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
        if place > len(jpeg) - 2 or segment.group() == _JPEG_END:
            return jpeg[:start] + _JPEG_END
    return jpeg + _JPEG_END


def _is_sound_png(data: bytes) -> bool:
    """Whether the chunks that make the image are as they were written, by their checksums. libpng would say so on
    standard error, whatever OpenCV is told."""
    view, place, kind = memoryview(data), 8, b""
    while kind != b"IEND":
        end = place + 12 + int.from_bytes(view[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        if kind[:1].isupper() and zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return False
        place = end
    return True


def _damaged(kind: str, size: int) -> str:
    others = ", or whose pixels are floats: save it in 8 or 16 bits" if kind == "TIFF" else "; get the file again"
    return f"a {kind} image that is damaged or cut off ({size} bytes){others}"


def _reason(error: Exception) -> str:
    text = getattr(error, "err", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip() or type(error).__name__


def _hint_shape(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return "; put the channels last: array.transpose(1, 2, 0)"
    if len(shape) == 4:
        return "; several images are a list: list(array)"
    if len(shape) == 1:
        return "; the content of an image file is given as bytes: array.tobytes()"
    return ""


def as_bytes(array: npt.NDArray[Any]) -> Image:
    """Pixels of uint8, or of floats in 0..1, as uint8. ImageError for anything else."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise ImageError(f"expected pixels of uint8, or floats in 0..1, found {array.dtype}; convert the array")
    low, high = float(array.min()), float(array.max())
    if not 0 <= low <= high <= 1:
        raise ImageError(f"expected floats in 0..1, found {low:g} to {high:g}; divide by 255, or pass uint8")
    rounded: Image = np.rint(array * array.dtype.type(255)).astype(np.uint8)
    return rounded
