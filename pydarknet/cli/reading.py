"""The pictures a command is given, one after the other, and what could not be read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..ahead import ahead
from ..errors import ImageError
from ..sources import Source, expand, read_lines

if TYPE_CHECKING:
    from ..image import Picture

PROMPT = "Enter Image Path: "  # Darknet's
FAILED = 1  # exit code when some pictures of several could not be read


@dataclass
class Read:
    """A picture, or why there is none."""

    path: str
    image: Picture | None = None
    error: ImageError | None = None


def wanted(words: Sequence[str]) -> Source:
    """The pictures that the words stand for; with no words Darknet's prompt, or paths on standard input."""
    if words:
        return expand(words, sys.stdin.buffer)
    return Source(prompted() if sys.stdin.isatty() else read_lines(sys.stdin.buffer), None)


def is_prompt(words: Sequence[str]) -> bool:
    """Whether somebody types the paths."""
    return not words and sys.stdin.isatty()


def read_all(source: Source, batch: int = 1) -> Iterator[Read]:
    """Every picture. A single one that can't be read is an ImageError.

    Who hands in paths one by one may wait for each answer: then nothing is read ahead.
    """
    depth = 0 if source.total is None else batch + 1
    for each in ahead(map(_read, source.paths), depth, _bytes):
        if each.error is not None and source.single:
            raise each.error
        yield each


def _read(path: str) -> Read:
    from ..image import load_image

    try:
        return Read(path, load_image(path))
    except ImageError as error:
        return Read(path, error=error)


def _bytes(read: Read) -> int:
    return 0 if read.image is None else read.image.nbytes


def prompted() -> Iterator[str]:
    """Darknet's dialogue."""
    while True:
        print(PROMPT, end="", flush=True)
        path = next(read_lines(sys.stdin.buffer), None)
        if path is None:
            print()
            return
        yield path
