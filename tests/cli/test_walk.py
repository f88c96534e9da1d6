"""The way of an image from the command line to the printed line, traced: which files it passes, in which rooms."""

from __future__ import annotations

import inspect
import re
import sys
import threading
from pathlib import Path
from types import FrameType

import pydarknet
from pydarknet.cli.messages import Lines
from pydarknet.images.batches import read_batch
from tests.lib.cli_words import NET

PACKAGE = Path(pydarknet.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.md"

# What knows neither images nor detections is below all of them, and may be called from everywhere.
BELOW = {"_moved.py", "errors.py", "system", "formats", "backends", "plan", "graph"}
PARSED = ["cli/main.py", "cli/parser.py"]  # before the way is known
MOST_FILES = 14


def place(frame: FrameType | None) -> str | None:
    """The file of the nearest of the frames that is one of the package's, and not below."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE) and path.relative_to(PACKAGE).parts[0] not in BELOW:
            return path.relative_to(PACKAGE).as_posix()
        frame = frame.f_back
    return None


class Walk:
    """The `files` whose functions run from the reading of an image to its printed line, as they come, and the `rooms`
    as one calls another."""

    def __init__(self) -> None:
        self.files, self.rooms = list(PARSED), ["cli"]
        self._begun = self._over = False

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # the body of a module or class
            return
        self._begun |= frame.f_code is read_batch.__code__
        own = place(frame)
        if not self._begun or self._over or own is None or not frame.f_code.co_filename.endswith(own):
            return
        caller = place(frame.f_back) or own  # a thread begins where it was asked for
        for name in (caller, own):
            if name not in self.files:
                self.files.append(name)
        if room(own) != self.rooms[-1] and (room(caller) != room(own) or len(self.rooms) == 1):
            self.rooms.append(room(own))
        self._over = frame.f_code is Lines.print.__code__


def room(name: str) -> str:
    return name.partition("/")[0]


def test_the_way_of_an_image(cli) -> None:
    walk = Walk()
    threading.setprofile(walk)
    sys.setprofile(walk)
    try:
        result = cli("detect", *NET, "a.jpg", "--names", "toy.names", "--no-draw")
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert result.results == ["a.jpg", "cat: 84%"]
    assert len(walk.files) <= MOST_FILES, walk.files
    assert walk.rooms == ["cli", "images", "network.py", "layers", "detection", "writers"]
    told = PAGE.read_text().partition("## The way of an image")[2].partition("\n1. ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_/]+\.py)`", told)) == set(walk.files)
