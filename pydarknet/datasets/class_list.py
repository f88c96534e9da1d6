"""Images that have a class but no box: a folder for each class, or a list with a class behind each path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike, fspath

from ..errors import DataError
from ..formats.data import MAX_LIST_BYTES
from ..formats.resources import listed
from ..formats.text import lines, read_text, short
from ..images.sources import ENDINGS, is_companion

_ENDING = "|".join(re.escape(ending) for ending in sorted(ENDINGS))
_ROW = re.compile(rf"(?P<path>.*(?:{_ENDING}))(?:[ \t]+(?P<word>.*))?", re.IGNORECASE)


@dataclass(frozen=True)
class ClassImages:
    """Paths, and the word that says the class of each. `lines` of the list `file`, None where it is a folder;
    `warnings` say what was left out."""

    file: str
    images: list[str]
    words: list[str]
    lines: list[int | None]
    warnings: list[str]


def read_class_folder(path: str | PathLike[str]) -> ClassImages:
    """FOLDER/CLASS/image.jpg: the class is the folder in which an image lies, at whatever depth.

    Links to folders are followed. DataError for an image that lies in no folder of a class, or without any image.
    """
    root = fspath(path)
    images, words, empty = list[str](), list[str](), list[str]()
    for folder, inner, names in walk(root):
        here = [name for name in names if is_image(os.path.join(folder, name))]
        if here and folder == root:
            raise DataError(
                f"{root}: {short(here[0])!r} lies in no folder of a class; expected {root}/CLASS/{here[0]}"
            )
        if not here and not inner and folder != root:
            empty.append(folder)
        images += [os.path.join(folder, name) for name in here]
        words += [os.path.basename(folder)] * len(here)
    if not images:
        raise DataError(f"{root}: holds no image; expected {root}/CLASS/image.jpg")
    warning = f"{root}: {len(empty)} folders hold no image; the first: {empty[0]}" if empty else ""
    return ClassImages(root, images, words, [None] * len(images), [warning] * bool(warning))


def read_class_list(path: str | PathLike[str]) -> ClassImages:
    """A line `PATH CLASS` for each image, or `PATH` alone for the class that its folder is named after.

    A path ends with an image's ending; it may hold blanks, and so may the class. DataError with file:line for another
    line, or without any image.
    """
    file = fspath(path)
    text = read_text(file, MAX_LIST_BYTES, lambda message: DataError.at(file, None, message))
    found = ClassImages(file, [], [], [], [])
    for number, line in enumerate(lines(text), 1):
        if not (row := line.strip(" \t")):
            continue
        match = _ROW.fullmatch(row)
        if match is None:
            raise DataError.at(
                file, number, f"expected 'PATH CLASS', or PATH in a folder of the class's name, found {short(row)!r}"
            )
        image, word = match["path"], match["word"] or os.path.basename(os.path.dirname(match["path"]))
        if not word:
            raise DataError.at(file, number, f"expected a class behind {short(row)!r}, or its folder to be named so")
        found.images.append(listed(image, file))
        found.words.append(word)
        found.lines.append(number)
    if not found.images:
        raise DataError.at(file, None, "is empty; expected 'PATH CLASS' on each line")
    return found


def walk(root: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each folder once, by name, with its folders and its files. DataError for one that can't be read."""
    seen = set[str]()
    for folder, inner, names in os.walk(root, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        yield folder, inner, sorted(names)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: can't be read: {error.strerror or error}") from error


def is_image(path: str) -> bool:
    """Whether a file is called as an image is, and isn't what macOS writes beside one."""
    return os.path.splitext(path)[1].lower() in ENDINGS and not is_companion(path)
