"""Frames of a film, a camera or a sequence of pictures, one at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ImageError
from ..sources import LISTS, expand, is_picture_name

if TYPE_CHECKING:
    from ..image import Picture

USUAL_RATE = 25.0  # frames a second, where the source doesn't say


@dataclass
class Frame:
    """A frame: the path it is from, its number there from 0, and its pixels."""

    path: str
    number: int
    image: Picture


@dataclass
class Film:
    """Frames as they come. `rate` is in frames a second; `total` is None for a camera; `live` for one too."""

    name: str
    rate: float
    total: int | None
    live: bool
    frames: Iterator[Frame]


def open_film(word: str | None, camera: int, size: tuple[int, int], skip: int) -> Film:
    """The film a user means: a video file or URL, the number of a camera (None: `camera`), or pictures (a
    folder, a pattern, a list, or numbered names as in `img_%04d.jpg`).

    `size` is what a camera is asked for (0: its own), `skip` the number of frames left out after each one.
    ImageError if it can't be opened.
    """
    if word is None or word.isdecimal():
        return _capture(int(word) if word is not None else camera, size, skip)
    if _is_pictures(word):
        return _pictures(word, skip)
    if not os.path.exists(word) and "%" not in word and "://" not in word:
        raise ImageError(f"{word}: no such file; expected a video, pictures, or the number of a camera")
    return _capture(word, size, skip)


def _is_pictures(word: str) -> bool:
    if "%" in word:
        return False
    ending = os.path.splitext(word)[1].lower()
    pattern = any(letter in word for letter in "*?[") and not os.path.exists(word) and "://" not in word
    return os.path.isdir(word) or word == "-" or pattern or ending in LISTS or is_picture_name(word)


def _pictures(word: str, skip: int) -> Film:
    source = expand([word], sys.stdin.buffer)
    total = None if source.total is None else -(-source.total // (skip + 1))
    return Film(word, USUAL_RATE, total, False, _load(source.paths, skip))


def _load(paths: Any, skip: int) -> Iterator[Frame]:
    from ..image import load_image

    for number, path in enumerate(paths):
        if number % (skip + 1) == 0:
            yield Frame(path, number, load_image(path))


def _capture(what: int | str, size: tuple[int, int], skip: int) -> Film:
    for variable, level in (("OPENCV_LOG_LEVEL", "SILENT"), ("OPENCV_FFMPEG_LOGLEVEL", "-8")):
        os.environ.setdefault(variable, level)  # our error says it; OpenCV reads these when it is loaded
    import cv2

    name = f"camera {what}" if isinstance(what, int) else what
    capture = cv2.VideoCapture(what)
    if not capture.isOpened():
        raise ImageError(f"{name}: can't be opened{_why_not(what)}")
    live = isinstance(what, int)
    for key, value in ((cv2.CAP_PROP_FRAME_WIDTH, size[0]), (cv2.CAP_PROP_FRAME_HEIGHT, size[1])):
        if live and value:
            capture.set(key, value)
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    total = -(-int(count) // (skip + 1)) if count > 0 and not live else None
    return Film(name, rate if 0 < rate < 1000 else USUAL_RATE, total, live, _grab(name, capture, skip))


def _grab(name: str, capture: Any, skip: int) -> Iterator[Frame]:
    number = 0
    try:
        while capture.grab():
            if number % (skip + 1) == 0:
                good, image = capture.retrieve()
                if not good:
                    break
                yield Frame(name, number, image)
            number += 1
    finally:
        capture.release()
    if not number:
        raise ImageError(f"{name}: holds no frame that can be read; is it a video, and whole?")


def _why_not(what: int | str) -> str:
    if isinstance(what, int):
        return "; is it connected, and may you use it? -c N chooses another one"
    return "; it is no video, it is damaged, or OpenCV has no decoder for it"
