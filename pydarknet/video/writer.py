"""Drawn frames: as a video, written beside its place and renamed when it is whole, or as a row of images."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from fnmatch import fnmatch
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import ExportError, ImageError
from ..formats.atomic import is_same, take_after
from ..system.signals import held

if TYPE_CHECKING:
    from ..images.image import Image

CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "mp4v", ".webm": "VP90"}


class Recording:
    """A context manager; the file appears when it is left, also on Ctrl-C, with the frames until then.

    ExportError for an unknown ending, for the video that is being read, and for a place that can't be written.
    """

    def __init__(self, path: str, rate: float, source: str) -> None:
        folder, name = os.path.split(path)
        ending = os.path.splitext(name)[1]
        if ending.lower() not in CODECS:
            raise ExportError(f"{path}: expected a video's file extension, one of {' '.join(CODECS)}")
        if os.path.realpath(path) == os.path.realpath(source):
            raise ExportError(f"{path}: is the video that is being read; choose another name")
        if not os.path.isdir(folder or ".") or not os.access(folder or ".", os.W_OK):
            raise ExportError(f"{path}: can't be written: the folder does not exist, or is not yours to write to")
        self._path, self._rate = path, rate
        self._folder, self._part = folder, f"video{ending}"
        self._codec = CODECS[ending.lower()]
        self._own: str | None = None  # the folder the video is written in
        self._writer: Any = None
        self._size = (0, 0)
        self._count = 0
        self.saved = 0  # frames in the finished file

    def __enter__(self) -> Recording:
        return self

    @held()  # no frame is in the file that isn't counted
    def write(self, image: Image) -> bool:
        """Append a frame; frames of another size than the first are scaled to it. True: there may be more."""
        import cv2

        if self._writer is None:
            self._own = self._own_folder()
            self._part = os.path.join(self._own, self._part)
            self._size = (image.shape[1], image.shape[0])
            self._writer = cv2.VideoWriter(self._part, cv2.VideoWriter.fourcc(*self._codec), self._rate, self._size)
            if not self._writer.isOpened():
                raise ExportError(f"{self._path}: OpenCV can't write such a video ({self._codec}); try .avi")
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size)
        self._writer.write(image)
        self._count += 1
        return True

    @held()
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is None:
                return
            self._writer.release()
            self._check()
            take_after(self._path, self._part)
            os.replace(self._part, self._path)
            self.saved = self._count
        except OSError as problem:
            raise ExportError(f"{self._path}: can't be written: {problem.strerror or problem}") from problem
        finally:
            if self._own is not None:
                shutil.rmtree(self._own, ignore_errors=True)

    def _own_folder(self) -> str:
        """A folder beside the video in which no other process can put anything: OpenCV would follow a link."""
        try:
            return tempfile.mkdtemp(
                prefix=f".{os.path.basename(self._path)[:100]}.", suffix=".part", dir=self._folder or "."
            )
        except OSError as problem:
            raise ExportError(f"{self._path}: can't be written: {problem.strerror or problem}") from problem

    def _check(self) -> None:
        """OpenCV never says that a disk is full; a video whose last frame can't be read tells."""
        import cv2

        video = cv2.VideoCapture(self._part)
        complete = video.get(cv2.CAP_PROP_FRAME_COUNT) == self._count
        video.set(cv2.CAP_PROP_POS_FRAMES, self._count - 1)
        if not (complete and video.grab()):
            raise ExportError(f"{self._path}: not all of the video could be written; is the disk full?")


class Frames:
    """Drawn frames as PREFIX_00000000.jpg and so on, as Darknet writes them.

    ImageError if there is no such folder, or if they are the images that are read.
    """

    def __init__(self, prefix: str, source: str) -> None:
        if not os.path.isdir(os.path.dirname(prefix) or "."):
            raise ImageError(f"{prefix}: the folder for the drawn frames does not exist")
        self._prefix, self._source = prefix, source
        self.count = 0

    def name(self, number: int) -> str:
        """The file of a frame."""
        return f"{self._prefix}_{number:08d}.jpg"

    def write(self, image: Image) -> bool:
        """Write the next frame. True: there may be more."""
        from ..images.image import save_image

        name = self.name(self.count)
        if self._is_read(name):
            raise ImageError(f"{name}: is an image that is being read; choose another -prefix")
        save_image(name, image)
        self.count += 1
        return True

    def _is_read(self, name: str) -> bool:
        """Whether the source, a folder, a pattern or a numbered name, stands for this file, too."""
        source = self._source
        if "%" in source:
            with suppress(TypeError, ValueError):
                source = source % self.count
        if os.path.isdir(source):
            return os.path.exists(name) and is_same(os.path.dirname(name) or ".", source)
        return is_same(name, source) or fnmatch(os.path.abspath(name), os.path.abspath(source))
