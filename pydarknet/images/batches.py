"""The images of a list, some at a time: for the lanes of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

from ..errors import ImageError
from .header import BrokenHeaderError, read_header
from .image import Image, load_image

CHANNELS = 3  # of an image that has been read, all but few

_T = TypeVar("_T")

Batch: TypeAlias = list[tuple[int, str]]  # paths with their numbers


@dataclass(frozen=True)
class ReadImage:
    """Image number `index` of the list, or why there is none."""

    index: int
    path: str
    image: Image | None = None
    error: ImageError | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, (0, 0) if there is no image."""
        return (0, 0) if self.image is None else (self.image.shape[1], self.image.shape[0])


def batches(paths: Iterable[str], size: int) -> Iterator[Batch]:
    """The paths, `size` at a time."""
    return chunks(enumerate(paths), size)


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def read_batch(batch: Batch, channels: int, load: Callable[[str, int], Image] = load_image) -> list[ReadImage]:
    """The images of a batch for a network of so many channels."""
    return [_read(index, path, channels, load) for index, path in batch]


def good(read: Sequence[ReadImage]) -> list[Image]:
    """Those that could be read."""
    return [each.image for each in read if each.image is not None]


def batch_bytes(batch: Batch) -> int:
    """What the images of a batch will take, by their headers."""
    return sum(image_bytes(path) for _, path in batch)


def image_bytes(path: str) -> int:
    """What an image will take, by its header; 0 where nothing is known: reading it will tell why."""
    try:
        with open(path, "rb") as file:
            header = read_header(file)
    except (OSError, ValueError, BrokenHeaderError):
        return 0
    return 0 if header is None else CHANNELS * max(header.width * header.height, header.room)


def _read(index: int, path: str, channels: int, load: Callable[[str, int], Image]) -> ReadImage:
    try:
        return ReadImage(index, path, load(path, channels))
    except ImageError as error:
        return ReadImage(index, path, error=error)
