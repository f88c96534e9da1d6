"""Pictures of a list, some at a time, read ahead of whoever works on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import ImageError
from ..images.channels import load_channels
from ..images.image import Picture
from ..images.prefetch import ahead, chunks


@dataclass(frozen=True)
class Read:
    """Picture number `index` of the list, or why there is none."""

    index: int
    path: str
    image: Picture | None = None
    error: ImageError | None = None


def batches(pictures: Sequence[str], size: int, channels: int = 3) -> Iterator[list[Read]]:
    """All pictures in their order, `size` at a time, for a network of so many channels."""
    read = (_read(index, path, channels) for index, path in enumerate(pictures))
    return chunks(ahead(read, size + 1, lambda each: 0 if each.image is None else each.image.nbytes), size)


def good(chunk: Sequence[Read]) -> list[Picture]:
    """Those that could be read."""
    return [each.image for each in chunk if each.image is not None]


def _read(index: int, path: str, channels: int) -> Read:
    try:
        return Read(index, path, load_channels(path, channels))
    except ImageError as error:
        return Read(index, path, error=error)
