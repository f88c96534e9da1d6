"""Whatever a user hands in as an image, as pixels: a path, an address, an array, a tensor of PyTorch, an image of
Pillow, the content of a file."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from ..formats.text import is_address
from ..system.arguments import check_choice
from .address import load_address
from .channels import as_image
from .image import Color, Image, load_encoded, load_image
from .sources import is_video, named


class PillowImage(Protocol):
    """What is needed of a PIL.Image.Image, which needn't be installed."""

    @property
    def mode(self) -> str: ...
    @property
    def info(self) -> dict[Any, Any]: ...
    def getbands(self) -> tuple[str, ...]: ...
    def convert(self, mode: str) -> PillowImage: ...


class TorchImage(Protocol):
    """What is needed of a torch.Tensor, which needn't be installed."""

    @property
    def ndim(self) -> int: ...
    def detach(self) -> Any: ...


class OpenFile(Protocol):
    """A file that is open for reading bytes."""

    def read(self, size: int = ..., /) -> bytes: ...


Content: TypeAlias = bytes | bytearray | memoryview | OpenFile
Given: TypeAlias = str | PathLike[str] | Content | npt.NDArray[Any] | PillowImage | TorchImage

EXPECTED = "expected a path or an address, an array or a tensor, an image of Pillow, or the bytes of an image file"
MAX_PATH = 4096  # bytes; what is longer is no path


def is_single(given: Any) -> bool:
    """Whether it is meant as one image; else as several."""
    if isinstance(given, Mapping):  # has images in it, but in no order: none is meant
        return True
    single = isinstance(given, (str, bytes, bytearray, memoryview, PathLike, np.ndarray)) or _is_pillow(given)
    if _is_tensor(given):
        return bool(given.ndim != 4)
    return single or hasattr(given, "read") or not hasattr(given, "__iter__")


def several(given: Any) -> Iterable[Any]:
    """The images that are meant: those of a folder, a pattern or a list of paths by its name; a single one; or what
    an iterable gives."""
    if isinstance(given, (str, PathLike)):
        return list(named(os.fspath(given)).paths)
    return [given] if is_single(given) else given


def open_image(given: Given, color: Color = "bgr", channels: int = 3) -> Image:
    """The image as uint8: BGR, for a network of 4 `channels` BGR and alpha, for others (H, W, channels).

    `color` is the order of an array's channels. A tensor is RGB of shape (C, H, W), as torchvision has images.
    ImageError for what is no image or can't be read; ValueError for another order.
    """
    check_choice("color", color, get_args(Color))
    if isinstance(given, np.ndarray):
        return as_image(given, color, channels)
    if (content := _content(given)) is not None:
        return load_encoded("the image in memory", content, channels)
    if is_address(given):
        return load_address(given, channels)
    if isinstance(given, (str, bytes, PathLike)):
        return _from_file(os.fsdecode(given), channels)
    if _is_pillow(given):
        return as_image(_from_pillow(given, channels), "rgb", channels)
    if _is_tensor(given):
        return as_image(_from_tensor(given), "rgb", channels)
    if given is None:
        raise ImageError(f"{EXPECTED}, found None: wasn't the file read? cv2.imread gives None where it can't read")
    one = "; here it is one image, not several" if isinstance(given, (list, tuple)) else ""
    raise ImageError(f"{EXPECTED}, found {type(given).__name__}{one}")


def _from_file(path: str, channels: int) -> Image:
    if not path:
        raise ImageError(f"{EXPECTED}, found an empty path")
    try:
        return load_image(path, channels)
    except ImageError as error:
        if is_video(path):
            hint = "it is a video: read frames by cv2.VideoCapture, or use pydarknet demo"
        elif os.path.isdir(path) or glob.has_magic(path):
            hint = "Network.stream takes folders and patterns"
        else:
            raise
        raise ImageError(f"{error}; {hint}") from error


def path_of(given: Any) -> str | None:
    """The path that was given, or None for an image from memory or the web."""
    if is_address(given) or not isinstance(given, (str, bytes, PathLike)) or _content(given) is not None:
        return None
    return os.fsdecode(given)


def _content(given: Any) -> bytes | None:
    """The bytes of an image file: given, or read from an open file. None for everything else, as for a path."""
    if isinstance(given, bytes):  # no path holds a zero byte, and every format does
        return given if b"\0" in given or len(given) > MAX_PATH or not given else None
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    if not hasattr(given, "read"):
        return None
    try:
        data = given.read()
    except (OSError, ValueError) as error:
        raise ImageError(f"the image can't be read from the {type(given).__name__}: {error}") from error
    if not isinstance(data, (bytes, bytearray)):
        raise ImageError(f"expected a file of bytes, found {type(data).__name__}; open it with mode 'rb'")
    if not data:
        raise ImageError(f"the {type(given).__name__} has no bytes left; seek(0) goes back to its beginning")
    return bytes(data)


def _is_pillow(given: Any) -> bool:
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(given, module.Image)


def _is_tensor(given: Any) -> bool:
    module = sys.modules.get("torch")
    return module is not None and isinstance(given, module.Tensor)


def _from_tensor(tensor: Any) -> npt.NDArray[Any]:
    """Pixels of a tensor (C, H, W), from wherever it is: (H, W, C). ImageError for another shape."""
    shape = tuple(tensor.shape)
    if len(shape) != 3 or shape[0] not in (1, 3, 4):
        raise ImageError(
            f"expected a tensor of shape (channels, height, width), of RGB as torchvision has images, found {shape}; "
            "an array (height, width, channels) is taken as it is: tensor.numpy()"
        )
    pixels: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return pixels.transpose(1, 2, 0)


def _from_pillow(image: Any, channels: int) -> npt.NDArray[Any]:
    """Pixels of an image of Pillow: grey, RGB, or with 4 channels RGBA if it has alpha. Not turned by its EXIF."""
    try:
        if image.mode.startswith("I;16"):
            return (np.asarray(image) >> 8).astype(np.uint8)
        if image.mode in ("I", "F"):
            raise ImageError(f"expected an image of 8 or 16 bits, found one of mode {image.mode}; convert it to L")
        alpha = channels == 4 and ("A" in image.getbands() or "transparency" in image.info)
        return np.asarray(image.convert("RGBA" if alpha else "RGB"))
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise ImageError(f"the image of Pillow can't be read: {error}") from error
