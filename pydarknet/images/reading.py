"""The images of a list, read ahead while the earlier ones are being worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import ImageError
from .channels import load_channels
from .image import Picture
from .prefetch import ahead, chunks


@dataclass(frozen=True)
class ReadImage:
    """Image number `index` of the list, or why there is none."""

    index: int
    path: str
    image: Picture | None = None
    error: ImageError | None = None


def read_images(
    paths: Iterable[str], channels: int, depth: int, load: Callable[[str, int], Picture] = load_channels
) -> Iterator[ReadImage]:
    """All images in their order for a network of so many channels, up to `depth` of them read ahead."""
    read = (_read(index, path, channels, load) for index, path in enumerate(paths))
    return ahead(read, depth, lambda each: 0 if each.image is None else each.image.nbytes)


def read_batches(paths: Iterable[str], size: int, channels: int) -> Iterator[list[ReadImage]]:
    """The same, `size` at a time, while the next ones are read."""
    return chunks(read_images(paths, channels, size + 1), size)


def good(chunk: Sequence[ReadImage]) -> list[Picture]:
    """Those that could be read."""
    return [each.image for each in chunk if each.image is not None]


def _read(index: int, path: str, channels: int, load: Callable[[str, int], Picture]) -> ReadImage:
    try:
        return ReadImage(index, path, load(path, channels))
    except ImageError as error:
        return ReadImage(index, path, error=error)
