"""The size of an image without decoding it, where that is safe; else by decoding it."""

from __future__ import annotations

from os import PathLike, fspath

from .header import BrokenHeaderError, read_header
from .image import check_pixels, read_image, read_image_bytes
from .planes import NPY, npy_header


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of the image as `load_image` gives it, turned upright. ImageError as from there."""
    name = fspath(path)
    try:
        with open(name, "rb") as file:
            header = read_header(file)
    except (OSError, ValueError, BrokenHeaderError):
        header = None
    if header is not None and header.kind in ("JPEG", "PNG") and header.plain:
        check_pixels(name, header)
        return header.width, header.height
    if header is None and (data := read_image_bytes(name)).startswith(NPY):
        height, width = npy_header(name, data)[0][:2]
    else:
        height, width = read_image(name)[0].shape[:2]
    return width, height
