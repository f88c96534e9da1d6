"""Frames of a video, a camera or an image sequence, one at a time."""

from __future__ import annotations

import glob
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, ImageWarning
from ..formats.text import without_password
from ..images.sources import LISTS, expand, is_image_name, load
from ..system.signals import held

if TYPE_CHECKING:
    from ..images.image import Image

USUAL_RATE = 25.0  # frames a second, where the source doesn't say
WHOLE = 0.9  # of the frames that a video claims: some formats only estimate them


@dataclass
class Frame:
    """A frame: the path it is from, its number there from 0, and its pixels."""

    path: str
    number: int
    image: Image


@dataclass
class Video:
    """Frames as they come. `name` is the `source` without a password; `rate` is in frames a second; `total` is None
    for a camera; `live` for one too."""

    name: str
    source: str
    rate: float
    total: int | None
    live: bool
    frames: Iterator[Frame]


@dataclass
class Camera:
    """A camera's number and what it is asked for; 0: its own size and rate."""

    number: int = 0
    width: int = 0
    height: int = 0
    rate: int = 0


def open_video(word: str | None, camera: Camera, skip: int, channels: int = 3) -> Video:
    """The video a user means: a video file or URL, the number of a camera (None: that of `camera`), or images
    (a folder, a pattern, a list, or numbered names as in `img_%04d.jpg`).

    `skip` is the number of frames left out after each one; `channels` those of the network.
    ImageError if it can't be opened.
    """
    if word is None or word.isdecimal():
        return _camera(camera if word is None else replace(camera, number=int(word)), skip)
    if _is_images(word):
        return _images(word, skip, channels)
    if not os.path.exists(word) and "%" not in word and "://" not in word:
        raise ImageError(f"{word}: no such file; expected a video, images, or the number of a camera")
    return _video_file(word, skip)


def _is_images(word: str) -> bool:
    if os.path.isdir(word) or word == "-":
        return True
    ending = os.path.splitext(word)[1].lower()
    if os.path.exists(word):  # OpenCV plays a GIF as a video
        return ending in LISTS or (is_image_name(word) and ending != ".gif")
    return glob.has_magic(word) and "://" not in word


def _images(word: str, skip: int, channels: int) -> Video:
    source = expand([word], sys.stdin.buffer)
    total = None if source.total is None else -(-source.total // (skip + 1))
    return Video(word, word, USUAL_RATE, total, False, _load(source.paths, skip, channels))


def _load(paths: Any, skip: int, channels: int) -> Iterator[Frame]:
    for number, path in enumerate(paths):
        if number % (skip + 1) == 0:
            yield Frame(path, number, load(path, channels))


def _video_file(source: str, skip: int) -> Video:
    import cv2

    name, hint = source, "it is no video, it is damaged, or OpenCV has no decoder for it"
    if "://" in source:
        name = without_password(source)
        hint = "nothing answers there; is the address right, is the camera on, does it want another path or a login?"
    capture = _open(source, name, hint)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    total = -(-count // (skip + 1)) if count > 0 else None
    return Video(name, source, _rate(capture), total, False, _grab(name, capture, skip, count))


def _camera(camera: Camera, skip: int) -> Video:
    import cv2

    name = f"camera {camera.number}"
    capture = _open(camera.number, name, "is it connected, and may you use it? -c N chooses another one")
    sizes = (cv2.CAP_PROP_FRAME_WIDTH, camera.width), (cv2.CAP_PROP_FRAME_HEIGHT, camera.height)
    for key, value in (*sizes, (cv2.CAP_PROP_FPS, camera.rate)):
        if value:
            capture.set(key, value)
    return Video(name, name, _rate(capture), None, True, _grab(name, capture, skip))


def _open(what: int | str, name: str, hint: str) -> Any:
    import cv2

    with held():
        capture = cv2.VideoCapture(what)
    if not capture.isOpened():
        raise ImageError(f"{name}: can't be opened; {hint}")
    return capture


def _rate(capture: Any) -> float:
    import cv2

    rate: float = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate < 1000 else USUAL_RATE


def _grab(name: str, capture: Any, skip: int, count: int = 0) -> Iterator[Frame]:
    """The frames, with a ImageWarning at the end if there are far fewer than the `count` that the video claims."""
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
    if number < WHOLE * count:
        text = f"{name}: only {number} of {count} frames can be read; the video is damaged or cut off"
        warnings.warn(text, ImageWarning, stacklevel=2)
