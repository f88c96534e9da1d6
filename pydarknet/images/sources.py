"""What images a user means: files, folders, patterns, lists of paths, standard input."""

from __future__ import annotations

import codecs
import glob
import io
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from ..errors import DataError, ImageError, ImageWarning
from ..formats.data import read_list
from ..formats.resources import listed, with_slashes
from ..formats.text import byte_order, is_address, without_password
from .address import load_address
from .image import MAX_BYTES, Image, load_encoded, load_image

_KNOWN = "jpg jpeg jpe jp2 png bmp dib webp tif tiff gif avif ppm pgm pbm pnm exr hdr ras sr"
ENDINGS = frozenset(f".{ending}" for ending in _KNOWN.split())
LISTS = frozenset([".txt", ".list"])
STDIN = "-"
DRAWN = "predictions.jpg"  # what Darknet draws

NO_PATHS = (
    "standard input: expected an image, or paths of images, one a line; found zero bytes: no image of a known "
    "format, or paths of find -print0, which xargs -0 hands on"
)

# How images begin; a path could, but holds no zero byte.
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")
_VIDEO_NAMES = "mp4 m4v mov avi mkv webm flv wmv asf mpg mpeg mpe ts mts m2ts 3gp 3g2 ogv mjpg mjpeg"
_VIDEO_ENDINGS = frozenset(f".{ending}" for ending in _VIDEO_NAMES.split())
_VIDEO_BRANDS = (b"isom", b"iso", b"mp4", b"avc", b"qt", b"M4V", b"3g", b"dash")


@dataclass
class Source:
    """Paths of images in order; `total` is None where they come one by one, as from standard input."""

    paths: Iterable[str]
    total: int | None

    @property
    def single(self) -> bool:
        """Whether there is exactly one image."""
        return self.total == 1


def expand(words: Sequence[str], stdin: BinaryIO) -> Source:
    """The images that the words of a command line stand for.

    A word is an image, a folder (its images, by name), a pattern such as `*.jpg`, a .txt or .list file with
    a path on each line, or `-` for paths on `stdin`, or for an image's bytes there, whose path is `-` then.
    DataError for a folder or pattern without images, and for a list that can't be read; a missing image shows
    when it is read.
    """
    parts = [_stream(stdin) if word == STDIN else _expand(word) for word in words]
    known = [part for part in parts if isinstance(part, list)]
    total = sum(map(len, known)) if len(known) == len(parts) else None
    return Source(chain.from_iterable(parts), total)


def named(word: str) -> Source:
    """The images that one word stands for, as `expand` has it."""
    return expand([word], sys.stdin.buffer if word == STDIN else io.BytesIO())


def _stream(stdin: BinaryIO) -> list[str] | Iterator[str]:
    start: bytes = stdin.peek(64) if hasattr(stdin, "peek") else b""
    if _begins_a_image(start):
        return [STDIN]
    if b"\0" in start and byte_order(start)[1] == "utf-8":  # before any of it is taken for a path
        raise DataError(NO_PATHS)
    return read_lines(stdin)


def _begins_a_image(start: bytes) -> bool:
    return b"\0" in start[:64] and (start.startswith(_IMAGES) or start[4:8] in (b"ftyp", b"jP  "))


def is_image(path: str) -> bool:
    """Whether a file is an image, by how it begins."""
    try:
        with open(path, "rb") as file:
            return _begins_a_image(file.read(64))
    except (OSError, ValueError):
        return False


def load(path: str, channels: int) -> Image:
    """The image at a path of a Source. An ImageError names the command that takes what was given here."""
    try:
        if path == STDIN:
            return load_encoded("standard input", sys.stdin.buffer.read(MAX_BYTES), channels)
        return load_address(path, channels) if is_address(path) else load_image(path, channels)
    except ImageError as error:
        if is_address(path):
            raise
        if path.startswith("file://"):
            reason = f"{path}: expected a path: leave out file://"
        elif "://" in path:
            reason = f"{without_password(path)}: is an address, no file; pydarknet demo plays streams"
        elif path != STDIN and is_video(path):
            reason = f"{error}; it is a video: use pydarknet demo"
        else:
            raise
        raise ImageError(reason) from error


def read_lines(stdin: BinaryIO) -> Iterator[str]:
    """The paths on a stream, one a line, as they come. A byte order mark in front says how they are written.

    DataError for what is no text.
    """
    for line in _rows(stdin):
        if b"\0" in line:
            raise DataError(NO_PATHS)
        path = line.strip(b" \t\r\n")
        if path:
            name = os.fsdecode(path)
            yield name if os.path.lexists(name) else with_slashes(name)


def _rows(stdin: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream, in the bytes that file names have."""
    first = stdin.readline()
    mark, encoding = byte_order(first)
    lines = chain([first[len(mark) :]], iter(stdin.readline, b""))
    if encoding == "utf-8":
        yield from lines
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    left = ""
    for line in chain(lines, [b""]):  # a line may end inside of a letter
        *whole, left = (left + decoder.decode(line, final=not line)).split("\n")
        yield from map(os.fsencode, whole)
    yield os.fsencode(left)


def images_below(folder: str | os.PathLike[str]) -> list[str]:
    """The images of a folder and of those in it, by name. DataError if there is none."""
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (os.path.join(place, name) for name in sorted(files) if is_image_name(name))
        found += [path for path in paths if not is_companion(path)]
    if not found:
        raise DataError(f"{folder}: holds no images")
    return found


def is_image_name(path: str) -> bool:
    """Whether a file's ending is that of an image."""
    return os.path.splitext(path)[1].lower() in ENDINGS


def is_video(path: str) -> bool:
    """Whether a file is a video, by how it begins or by its ending."""
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except (OSError, ValueError):
        return False
    boxes = start[4:8] == b"ftyp" and start[8:].startswith(_VIDEO_BRANDS)
    chunks = start[:4] == b"RIFF" and start[8:] == b"AVI "
    others = start.startswith((b"\x1aE\xdf\xa3", b"FLV\1", b"\0\0\1\xba"))
    return boxes or chunks or others or os.path.splitext(path)[1].lower() in _VIDEO_ENDINGS


def is_companion(path: str) -> bool:
    """Whether a file is what macOS writes beside another one on a foreign disk: ._name, in AppleDouble format."""
    if not os.path.basename(path).startswith("._"):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\0\x05\x16\x07"
    except (OSError, ValueError):
        return False


def _expand(word: str) -> list[str]:
    if os.path.isdir(word):
        return _folder(word)
    if os.path.splitext(word)[1].lower() in LISTS:
        return [listed(path, word) for path in read_list(word)]
    if glob.has_magic(word) and not os.path.lexists(word):
        found = sorted(path for path in glob.glob(word, recursive=True) if os.path.isfile(path))
        if not found:
            raise DataError(f"no file matches {word!r}")
        return _without_drawn(found)
    return [word]


def _folder(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(f"{folder}: the folder can't be read: {error.strerror or error}") from error
    paths = [os.path.join(folder, name) for name in names if is_image_name(name)]
    found = [path for path in paths if os.path.isfile(path) and not is_companion(path)]
    if not found:
        raise DataError(f"{folder}: holds no image; looked for files that end in {' '.join(sorted(ENDINGS))}")
    return _without_drawn(found)


def _without_drawn(found: list[str]) -> list[str]:
    """Those of several files that aren't called what `detect` calls its drawing: it may have been made of them."""
    kept = [path for path in found if os.path.basename(path) != DRAWN]
    if not kept:
        return found
    for path in found:
        if os.path.basename(path) == DRAWN:
            told = f"{path} is left out, as detections are drawn into a file of this name; name it to use it"
            warnings.warn(told, ImageWarning, 2)
    return kept
