"""Numbers for what moves through a video."""

from __future__ import annotations

import sys

import pytest

from pydarknet.detection.results import Box, Detection
from pydarknet.errors import DataError
from pydarknet.video.tracking import TRACKERS, Tracker
from pydarknet.writers.base import Result
from pydarknet.writers.json_files import image_text
from pydarknet.writers.lines import darknet_lines


def seen(x: float, y: float, class_id: int = 0, confidence: float = 0.9, size: float = 40) -> Detection:
    return Detection(class_id, f"thing{class_id}", confidence, confidence, Box(x, y, size, size))


@pytest.mark.parametrize("kind", TRACKERS)
def test_two_things_keep_their_numbers_as_they_move(kind: str) -> None:
    """One from left to right, one from right to left in another row; listed in changing order."""
    tracker = Tracker(kind)
    numbers: dict[int, set[int | None]] = {0: set(), 1: set()}
    for frame in range(25):
        found = [seen(50 + 8 * frame, 60), seen(300 - 8 * frame, 200, 1)]
        tracked = tracker(found[:: 1 if frame % 2 else -1])
        assert [each.box for each in tracked] == [each.box for each in found[:: 1 if frame % 2 else -1]]
        for each in tracked:
            if frame > 5:
                numbers[each.class_id].add(each.track)
    assert all(len(each) == 1 and None not in each for each in numbers.values())
    assert numbers[0] != numbers[1]
    assert all(number is not None and number >= 1 for each in numbers.values() for number in each)


def test_what_is_not_seen_for_a_while_keeps_its_number() -> None:
    tracker, longer = Tracker(lost=2), Tracker(lost=30)
    numbers: list[list[int | None]] = [[], []]
    for frame in range(40):
        found = [] if 10 <= frame < 20 else [seen(100, 100)]
        for tracking, ids in zip((tracker, longer), numbers, strict=True):
            ids += [each.track for each in tracking(found)]
    assert numbers[0][9] != numbers[0][-1]
    assert numbers[1][9] == numbers[1][-1]


def test_classes_of_one_box_share_its_number() -> None:
    tracker = Tracker()
    for _ in range(6):
        tracked = tracker([seen(50, 50, 0, 0.6), seen(50, 50, 1, 0.8), seen(200, 50, 2, 0.1)])
    assert tracked[0].track == tracked[1].track is not None
    assert tracked[2].track is None  # too unsure to be followed


def test_frames_without_anything() -> None:
    tracker = Tracker()
    assert [tracker([]) for _ in range(3)] == [[], [], []]


def test_numbers_are_in_what_is_written() -> None:
    found = [Detection(0, "dog", 0.5, 0.5, Box(5, 5, 4, 4), track=3)]
    assert darknet_lines(found) == ["dog #3: 50%"]
    assert '"track_id": 3' in image_text(Result("a.jpg", 10, 10, found, 0, 0))
    assert "track_id" not in image_text(Result("a.jpg", 10, 10, [seen(5, 5)], 0, 0))


def test_what_can_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="bytetrak"):
        Tracker("bytetrak")
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(DataError, match=r"pip install 'pydarknet\[track\]'"):
        Tracker()


def test_numbers_that_are_none() -> None:
    for given in ({"sure": 50}, {"sure": "x"}, {"lost": -1}, {"lost": 1.5}):
        with pytest.raises(ValueError, match=f"^{next(iter(given))}.*: expected a "):
            Tracker("bytetrack", **given)
