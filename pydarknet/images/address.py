"""Images at addresses of the web."""

from __future__ import annotations

from ..errors import DownloadError, ImageError
from ..formats.text import without_password
from .image import Image, load_encoded

MOST = 64 << 20  # bytes of an image's file
SECONDS = 60.0  # that it may take


def load_address(url: str, channels: int = 3) -> Image:
    """The image at an address, as `load_image` reads a file. ImageError, without what is secret in the address."""
    from ..catalog.download import read_url  # what speaks to servers takes a tenth of a start to import

    try:
        data = read_url(url, MOST, SECONDS)
    except DownloadError as error:
        raise ImageError(str(error)) from error
    try:
        return load_encoded(without_password(url), data, channels)
    except ImageError as error:
        raise ImageError(f"{error}; pydarknet demo plays streams") from error
