"""What is under way is whole before a signal ends the program."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest

from pydarknet.detection.results import Box, Detection
from pydarknet.images import draw as drawing
from pydarknet.system.signals import Stopped, held, stopping
from pydarknet.video.writer import Recording
from pydarknet.writers import open_writer
from pydarknet.writers.base import FileWriter

IMAGE = np.zeros((32, 48, 3), np.uint8)
FOUND = [Detection(0, "dog", 0.9, 0.9, Box(24, 16, 20, 10))]
ENDING = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def stoppable() -> Iterator[None]:
    with stopping():
        yield


class Signalling:
    """An object with one method that sends a signal when it has done its work."""

    def __init__(self, real: object, method: str, number: int) -> None:
        self._real, self._method, self._number = real, method, number
        self.went_on = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._and_signal(found) if name == self._method else found

    def _and_signal(self, function: Any) -> Any:
        def both(*arguments: object) -> object:
            result = function(*arguments)
            signal.raise_signal(self._number)
            self.went_on = True
            return result

        return both


@pytest.mark.parametrize("number", ENDING)
class TestHeld:
    def test_ends_behind_the_block(self, number: int) -> None:
        done = []

        def whole() -> None:
            with held():
                signal.raise_signal(number)
                done.append("in spite of it")

        with pytest.raises(KeyboardInterrupt):
            whole()
        assert done

    def test_handlers_are_back(self, number: int) -> None:
        before = signal.getsignal(number)
        with pytest.raises(KeyboardInterrupt), held(), held():
            signal.raise_signal(number)
        assert signal.getsignal(number) is before

    def test_an_error_does_not_hide_it(self, number: int) -> None:
        @held()
        def failing() -> None:
            signal.raise_signal(number)
            raise OSError("full")

        with pytest.raises(KeyboardInterrupt) as caught:
            failing()
        assert isinstance(caught.value.__context__, OSError)

    def test_text_is_drawn(self, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
        writer = Signalling(drawing._writer(11, None), "measure", number)
        monkeypatch.setattr(drawing, "_writer", lambda *_: writer)
        with pytest.raises(KeyboardInterrupt):
            drawing.draw(IMAGE, FOUND)
        assert writer.went_on

    def test_a_frame_is_counted(self, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import cv2

        real = cv2.VideoWriter
        recording = Recording(str(tmp_path / "out.avi"), 10, "in.avi")
        opened = lambda *arguments: Signalling(real(*arguments), "write", number)  # noqa: E731
        opened.fourcc = real.fourcc  # type: ignore[attr-defined]
        monkeypatch.setattr(cv2, "VideoWriter", opened)
        with pytest.raises(KeyboardInterrupt), recording:
            recording.write(IMAGE)
        assert recording.saved == 1
        assert [path.name for path in tmp_path.iterdir()] == ["out.avi"]

    @pytest.mark.parametrize("kind", ["json", "jsonl", "coco", "csv"])
    def test_a_result_is_whole(self, number: int, kind: str, tmp_path: Path) -> None:
        writer = open_writer(kind, tmp_path / "out", ["dog"])
        assert isinstance(writer, FileWriter)
        writer._file = cast(BinaryIO, Signalling(writer._file, "write", number))
        with pytest.raises(KeyboardInterrupt), writer:
            writer.write("a.jpg", (48, 32), FOUND)
        text = (tmp_path / "out").read_text()
        assert writer.count == 1
        assert text.count("dog") + text.count("category_id") >= 1
        if kind in ("json", "coco"):
            json.loads(text)


def test_ignored_ones_stay_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with held():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_first_of_several_counts() -> None:
    @held()
    def twice() -> None:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped, match="SIGTERM"):
        twice()
