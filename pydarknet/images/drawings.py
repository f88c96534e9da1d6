"""Where drawn images go: never over an image that was given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..formats.atomic import is_stream
from .sources import DRAWN, is_image_name

if TYPE_CHECKING:
    from ..detection.results import Detection
    from .image import Image

ENDING = ".jpg"  # of what is drawn into a folder


class Drawings:
    """Draws images into one file, written anew each time, or into a folder, one file an image.

    `file` or `folder` is where, the other None; `classes` and `show_path` as for `draw`. ImageError for a place that
    can't be written to or is an input's.
    """

    def __init__(self, out: str | None, *, many: bool, classes: int, show_path: bool) -> None:
        self._classes, self._show_path = classes, show_path
        self.folder = out if out is not None and (many or _is_folder(out)) else None
        self.file = None if self.folder is not None else _file_name(out)
        if self.folder is not None and is_stream(self.folder):
            raise ImageError(f"{self.folder}: takes one drawn image; expected a folder for several")
        self._taken: set[str] = set()
        if self.folder is not None:
            _make_folder(self.folder)
        elif not os.path.isdir(os.path.dirname(self.file or "") or "."):
            raise ImageError(f"{self.file}: the folder for the drawn image does not exist")

    def drawn(self, path: str, image: Image, detections: Sequence[Detection]) -> bytes:
        """The image that was read from `path` with its detections, as the content of the file that `save` writes."""
        from .draw import draw
        from .image import encode_image

        ending = ENDING if self.file is None else os.path.splitext(self.file)[1] or ENDING
        drawn = draw(image, detections, classes=self._classes, show_path=self._show_path)
        return encode_image(drawn, ending, name=self.file or path)

    def save(self, path: str, drawn: bytes) -> None:
        """Write the drawn image of what was read from `path` to its place."""
        from .image import write_image

        try:
            write_image(self._target(path), drawn)
        except ImageError as error:
            if self.file != DRAWN:
                raise
            raise ImageError(f"{error}; --out FILE draws elsewhere, --no-draw nowhere") from error

    def refuse(self, path: str) -> None:
        """ImageError if the drawn image would take the place of an input image."""
        folder = os.path.dirname(path) or "."
        if self.folder is not None and _same(folder, self.folder):
            raise ImageError(f"{self.folder}: holds the input image {path}; choose another folder for --out")
        if self.file is not None and _same(path, self.file):
            raise ImageError(f"{path}: would be overwritten by the drawn image; choose another name with --out")

    def _target(self, path: str) -> str:
        self.refuse(path)
        if self.file is not None:
            return self.file
        stem = os.path.splitext(os.path.basename(path))[0]
        name, count = f"{stem}{ENDING}", 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}{ENDING}"
        self._taken.add(name)
        return os.path.join(self.folder or "", name)


def _is_folder(out: str) -> bool:
    return out.endswith(os.sep) or os.path.isdir(out)


def _file_name(out: str | None) -> str:
    if out is None:
        return DRAWN
    return out if is_image_name(out) or is_stream(out) else f"{out}{ENDING}"


def _make_folder(folder: str) -> None:
    if is_image_name(folder) and not os.path.isdir(folder):
        raise ImageError(f"{folder}: expected a folder for several drawn images, found the name of an image")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: the folder for drawn images can't be made: {error.strerror}") from error


def _same(a: str, b: str) -> bool:
    return os.path.realpath(a) == os.path.realpath(b)
