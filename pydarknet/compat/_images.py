"""Darknet's IMAGE with its functions: planar floats (c, h, w) in 0..1, RGB.

The memory is NumPy's and lives as long as anything that points into it.
"""

from __future__ import annotations

import os
from ctypes import POINTER, Array, Structure, _Pointer, addressof, c_float, c_int, pointer
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..backends.base import cpu_backend
from ..detection.boxes import Fit
from ..errors import ImageError
from ..images import image as images

Floats = npt.NDArray[np.float32]

if TYPE_CHECKING:
    FloatPointer = _Pointer[c_float]
else:
    FloatPointer = POINTER(c_float)

UNIT = (np.arange(256) / 255.0).astype(np.float32)  # a byte as Darknet's float


class IMAGE(Structure):
    """An image of w x h pixels in c planes."""

    _fields_ = [("w", c_int), ("h", c_int), ("c", c_int), ("data", POINTER(c_float))]


def pointer_to(array: Floats) -> FloatPointer:
    """A float* to a contiguous array, which stays alive with the pointer. NULL if there is nothing in it."""
    memory: Any = array
    # Not by cast(), which ties its argument into a cycle that only the collector frees.
    return pointer(c_float.from_buffer(memory)) if array.size else POINTER(c_float)()


class Memory:
    """Values at a pointer for NumPy to look at, which keeps the pointer's owner alive (np.ctypeslib doesn't)."""

    def __init__(self, pointer: Any, shape: tuple[int, ...], kind: str = "<f4") -> None:
        self.pointer = pointer
        self.__array_interface__ = {
            "data": (address_of(pointer), False),
            "shape": shape,
            "typestr": kind,
            "version": 3,
        }


def address_of(pointer: Any) -> int:
    """Where a pointer, an array or a void* points; a number stands for itself."""
    if isinstance(pointer, _Pointer):
        return addressof(pointer.contents)
    return addressof(pointer) if isinstance(pointer, Array) else int(getattr(pointer, "value", pointer))


def make_image(w: int, h: int, c: int) -> IMAGE:
    """A black image."""
    return from_array(np.zeros((c, h, w), np.float32))


def from_array(planes: Floats) -> IMAGE:
    """The image whose memory an array (c, h, w) is."""
    c, h, w = planes.shape
    return IMAGE(w, h, c, pointer_to(planes))


def as_array(image: IMAGE) -> Floats:
    """The image's memory as an array (c, h, w). ImageError if it has none."""
    if not image.data or min(image.c, image.h, image.w) < 1:
        raise ImageError(f"the IMAGE ({image.w} x {image.h} x {image.c}) has no pixels")
    return np.asarray(Memory(image.data, (image.c, image.h, image.w)))


def load_image(filename: str | bytes | os.PathLike[str], w: int = 0, h: int = 0) -> IMAGE:
    """Read an image file in three channels; with w and h it is stretched to that size. ImageError."""
    pixels = images.load_image(os.fsdecode(filename))
    image = from_array(np.ascontiguousarray(UNIT[pixels].transpose(2, 0, 1)[::-1]))
    return fitted(image, w, h, "stretch") if w and h else image


def fitted(image: IMAGE, w: int, h: int, fit: Fit) -> IMAGE:
    """A new image of w x h by Darknet's resize; the same one if it has that size."""
    planes = as_array(image)
    if (image.w, image.h) == (w, h):
        return image
    result = np.empty((1, image.c, h, w), np.float32)
    cpu_backend().ops.letterbox_planar(planes[None], result, fit)
    return from_array(result[0])


def in_grey(planes: Floats) -> Floats:
    """RGB planes (3, h, w) as one (1, h, w), by OpenCV's weights."""
    grey: Floats = np.tensordot(np.array([[0.299, 0.587, 0.114]], np.float32), planes, 1)
    return grey


def letterbox_image(image: IMAGE, w: int, h: int) -> IMAGE:
    """A new image of w x h with the whole of this one in the middle, on grey."""
    same = fitted(image, w, h, "letterbox")
    return from_array(as_array(image).copy()) if same is image else same


def rgbgr_image(image: IMAGE) -> None:
    """Swap the first and the third plane, in place."""
    planes = as_array(image)
    planes[[0, 2]] = planes[[2, 0]]


def copy_image_from_bytes(image: IMAGE, data: Any) -> None:
    """Fill the image from interleaved bytes (h, w, c), such as `frame.tobytes()`. ImageError if too few."""
    planes = as_array(image)
    given = np.frombuffer(data, np.uint8)
    if given.size < planes.size:
        raise ImageError(f"expected {planes.size} bytes for {image.w} x {image.h} x {image.c}, found {given.size}")
    planes[:] = UNIT[given[: planes.size]].reshape(image.h, image.w, image.c).transpose(2, 0, 1)


def array_to_image(arr: npt.NDArray[Any]) -> tuple[IMAGE, Floats]:
    """An array (h, w, c) of 0..255 as an image, and its memory. ImageError if it is no such array."""
    if not isinstance(arr, np.ndarray) or arr.ndim != 3:
        raise ImageError(f"expected an array (height, width, channels), found {np.shape(arr)}")
    planes = np.ascontiguousarray(arr.transpose(2, 0, 1), np.float32) / np.float32(255)
    return from_array(planes), planes.reshape(-1)


def free_image(image: IMAGE) -> None:
    """Accepted: the memory goes with the last reference, for some scripts free an image that is still in use."""
