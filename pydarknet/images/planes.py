"""Images of any number of channels in files: NumPy's `.npy`, and TIFF with a page for each channel."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from .channels import as_image
from .header import Header
from .image import Image, check_pixels

NPY = b"\x93NUMPY"
_MOST_HEADER = 10_000  # characters that describe an array


def load_planes(name: str, data: bytes, channels: int) -> Image:
    """The content of a file as `as_image` takes an array, for a network of so many channels. ImageError."""
    try:
        array = read_npy(name, data) if data.startswith(NPY) else _pages(name, data)
        return as_image(array, channels=channels)
    except ImageError as error:
        text = str(error)
        raise ImageError(text if text.startswith(f"{name}: ") else f"{name}: {text}") from error


def npy_header(name: str, data: bytes) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, type and place of an array's numbers in the content of a `.npy`. ImageError if it can be no image."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = reader(file, max_header_size=_MOST_HEADER)
    except (ValueError, KeyError) as error:
        raise ImageError(f"{name}: the .npy file is damaged, or of another version: {error}") from error
    if fortran or dtype.hasobject or len(shape) not in (2, 3) or min(shape) < 1:
        raise ImageError(
            f"{name}: expected an array (height, width, channels) in C order, found {shape} of {dtype}"
            f"{' in Fortran order' * fortran}"
        )
    check_pixels(name, Header("NumPy", shape[1], shape[0], room=math.ceil(math.prod(shape) * dtype.itemsize / 3)))
    return shape, dtype, file.tell()


def read_npy(name: str, data: bytes) -> npt.NDArray[Any]:
    """The array in the content of a `.npy`, without what numpy would unpickle. ImageError."""
    shape, dtype, start = npy_header(name, data)
    wanted = math.prod(shape) * dtype.itemsize
    if len(data) - start != wanted:
        raise ImageError(f"{name}: expected {wanted} bytes of numbers behind the header, found {len(data) - start}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape)


def _pages(name: str, data: bytes) -> npt.NDArray[Any]:
    """The grey pages of a TIFF as channels."""
    import cv2

    try:
        found, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError) as error:
        raise ImageError(f"{name}: the image can't be decoded: {error}") from error
    if not found or any(page.ndim != 2 or page.shape != pages[0].shape for page in pages):
        raise ImageError(f"{name}: expected a TIFF with a grey page of one size for each channel")
    array = np.dstack(pages)
    return (array >> 8).astype(np.uint8) if array.dtype == np.uint16 else array
