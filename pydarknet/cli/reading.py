"""The pictures a command is given, one after the other, and what could not be read."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from ..errors import ImageError
from ..formats.text import without_password
from ..images.sources import STDIN, Source, expand, is_film

if TYPE_CHECKING:
    from ..images.image import Picture
    from ..images.reading import ReadImage

PROMPT = "Enter Image Path: "  # Darknet's
FAILED = 1  # exit code when some pictures of several could not be read


def wanted(words: Sequence[str]) -> Source:
    """The pictures that the words stand for; with no words Darknet's prompt, or standard input."""
    if words or not sys.stdin.isatty():
        return expand(words or [STDIN], sys.stdin.buffer)
    return Source(prompted(), None)


def is_prompt(words: Sequence[str]) -> bool:
    """Whether the paths are typed at a terminal."""
    return not words and sys.stdin.isatty()


def read_all(source: Source, channels: int, batch: int = 1) -> Iterator[ReadImage]:
    """Every picture, for a network of so many channels. A single one that can't be read is an ImageError.

    A program that hands in paths one by one may wait for each answer: then nothing is read ahead.
    """
    from ..images.reading import read_images

    depth = 0 if source.total is None else batch + 1
    for each in read_images(source.paths, channels, depth, _load):
        if each.error is not None and source.single:
            raise each.error
        yield each


def _load(path: str, channels: int) -> Picture:
    from ..images.channels import load_channels

    try:
        if path == STDIN:
            with spooled(sys.stdin.buffer) as file:
                return load_channels(file, channels)
        return load_channels(path, channels)
    except ImageError as error:
        raise _explained(path, error) from error


@contextmanager
def spooled(stream: BinaryIO) -> Iterator[str]:
    """A file with what is left of a stream; an ImageError about it says standard input."""
    with tempfile.TemporaryDirectory(prefix="pydarknet-") as folder:
        name = os.path.join(folder, "picture")
        with open(name, "wb") as file:
            shutil.copyfileobj(stream, file)
        try:
            yield name
        except ImageError as error:
            raise ImageError(str(error).replace(name, "standard input")) from error


def _explained(path: str, error: ImageError) -> ImageError:
    """The error, with the command that takes what was given here."""
    if "://" in path:
        return ImageError(f"{without_password(path)}: is an address, no file; pydarknet demo plays streams")
    if is_film(path):
        return ImageError(f"{error}; it is a video: use pydarknet demo")
    return error


def prompted() -> Iterator[str]:
    """Darknet's dialogue."""
    with suppress(ImportError):  # where there is one: a history, and Tab for names
        import readline

        readline.parse_and_bind("tab: complete")
        readline.set_completer_delims("\n")
        readline.set_completer(completed)
    while True:
        try:
            path = input(PROMPT).strip()
        except EOFError:
            print()
            return
        if path:
            yield meant(path)


def completed(typed: str, number: int) -> str | None:
    """The path of that number, from 0, that begins as typed; None after the last."""
    paths = sorted(glob.glob(glob.escape(os.path.expanduser(typed)) + "*"))
    if number >= len(paths):
        return None
    return os.path.join(paths[number], "") if os.path.isdir(paths[number]) else paths[number]


def meant(typed: str) -> str:
    """A path as typed, or dropped on the terminal: in quotes, with backslashes, from ~ on."""
    if os.path.lexists(typed):
        return typed
    with suppress(ValueError):
        words = shlex.split(typed)
        if len(words) == 1:
            return os.path.expanduser(words[0])
    return os.path.expanduser(typed)
