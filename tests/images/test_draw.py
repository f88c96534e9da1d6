"""Drawn boxes and labels: where they lie, their colours, and that nothing a detector says breaks them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.detection.results import Box, Detection
from pydarknet.errors import ImageError
from pydarknet.images.draw import ascii_of, class_colour, draw

GREY = np.full((200, 300, 3), 90, np.uint8)
OUTLINES = hasattr(cv2, "FontFace")  # OpenCV 5


def found(name: str, box: Box, confidence: float = 0.5, class_id: int = 0, path: tuple[str, ...] = ()):
    return Detection(class_id, name, confidence, confidence, box, path)


def changed(image: np.ndarray) -> np.ndarray:
    return (image != GREY).any(axis=2)


def test_the_picture_given_stays_as_it_is() -> None:
    before = GREY.copy()
    assert draw(GREY, [found("dog", Box(150, 120, 100, 80))]) is not GREY
    np.testing.assert_array_equal(GREY, before)


def test_nothing_found_nothing_drawn() -> None:
    np.testing.assert_array_equal(draw(GREY, []), GREY)


def test_frame_lies_on_the_box_and_its_inside_is_left_alone() -> None:
    result = draw(GREY, [found("dog", Box(150, 120, 100, 80), class_id=16)])
    colour = class_colour(16, 80)
    for x, y in [(100, 120), (200, 120), (150, 80), (150, 160)]:
        assert tuple(result[y, x]) == colour
    assert not changed(result)[82:159, 102:199].any()
    assert not changed(result)[161:].any()
    assert changed(result)[80 - 10, 105]  # the label above it


def test_label_goes_inside_where_there_is_no_room_above() -> None:
    mask = changed(draw(GREY, [found("dog", Box(150, 50, 100, 100))]))
    assert mask[5, 105]
    assert mask[0, 150]


@pytest.mark.parametrize(
    "box",
    [
        Box(150, 100, 1e6, 1e6),
        Box(-500, -500, 10, 10),
        Box(5000, 5000, 10, 10),
        Box(299, 199, 2, 2),
        Box(0, 0, 0, 0),
        Box(150, 100, -30, -30),
        Box(1e30, 1e30, 1e30, 1e30),
    ],
)
@pytest.mark.parametrize("size", [(200, 300), (1, 1), (7, 3), (3, 400), (2000, 20)])
def test_boxes_anywhere_on_pictures_of_any_size(box: Box, size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    assert draw(image, [found("a rather long name", box)]).shape == image.shape


def test_classes_of_one_box_share_a_label_and_the_best_gives_the_colour() -> None:
    box = Box(150, 120, 100, 80)
    both = draw(GREY, [found("cat", box, 0.4, 15), found("dog", box, 0.9, 16)])
    assert tuple(both[120, 100]) == class_colour(16, 80)
    assert changed(both)[:80].sum() > 1.5 * changed(draw(GREY, [found("dog", box, 0.9, 16)]))[:80].sum()


def test_the_most_confident_lies_on_top() -> None:
    weak, strong = found("a", Box(150, 120, 100, 80), 0.3, 1), found("b", Box(150, 110, 100, 80), 0.9, 2)
    for order in ([weak, strong], [strong, weak]):
        assert tuple(draw(GREY, order)[100, 100]) == class_colour(2, 80)


def test_path_on_demand() -> None:
    dog = found("dog", Box(100, 120, 100, 80), path=("animal", "mammal", "dog"))
    short, long = (changed(draw(GREY, [dog], show_path=p))[:80] for p in (False, True))
    assert long.any(axis=0).sum() > 1.5 * short.any(axis=0).sum()


def test_a_label_too_long_is_cut_inside_the_picture() -> None:
    mask = changed(draw(GREY, [found("very " * 200, Box(250, 120, 60, 60))]))
    assert mask[85, 40]  # pushed left of its box
    assert mask[85, 275]


def test_a_path_too_long_loses_its_upper_classes() -> None:
    """What is drawn is what a path is that begins lower, with dots in front."""
    box = Box(150, 120, 100, 80)
    long = found("giraffe", box, path=(*["animal"] * 40, "ruminant", "giraffe"))
    shorter = [found("giraffe", box, path=("...", *["animal"] * n, "ruminant", "giraffe")) for n in range(9)]
    result = draw(GREY, [long], show_path=True)
    assert any(np.array_equal(result, draw(GREY, [each], show_path=True)) for each in shorter)
    narrow = found("giraffe", box, path=("animal", "giraffe " * 40))
    alone = found("giraffe " * 40, box)
    np.testing.assert_array_equal(draw(GREY, [narrow], show_path=True), draw(GREY, [alone], show_path=True))


def test_text_grows_with_the_picture() -> None:
    heights = []
    for height in (400, 1600):
        image = np.full((height, 2000, 3), 90, np.uint8)
        mask = (draw(image, [found("dog", Box(1000, height / 2, 100, 100))]) != 90).any(axis=2)
        heights.append(int(mask[: height // 2 - 50].any(axis=1).sum()))
    assert 2.5 < heights[1] / heights[0] < 5


@pytest.mark.parametrize("name", ["", "a\nb\tc\0d", "犬", "كلب", "\ud800", "🐶" * 50, "é" * 3000])
def test_names_of_any_kind(name: str) -> None:
    assert changed(draw(GREY, [found(name, Box(150, 120, 100, 80))])).any()


def label_of(name: str) -> np.ndarray:
    return draw(GREY, [found(name, Box(150, 120, 100, 80))])[:80]


@pytest.mark.parametrize("name", ["Собака", "σκύλος", "犬が二匹", "개가", "كلاب", "כלב"])
def test_letters_of_other_alphabets_are_no_question_marks(name: str) -> None:
    unknown = label_of("?" * len(name))
    assert (label_of(name) != unknown).any() == OUTLINES


def test_ascii_for_old_fonts() -> None:
    assert ascii_of("Zürich café ﬁn") == "Zurich cafe fin"
    assert ascii_of("犬 dog") == "? dog"


def test_colours_are_darknets() -> None:
    # red, green, blue by Darknet's formula for 80 classes, worked out by hand.
    assert class_colour(0, 80) == (255, 0, 255)
    # 16 * 123457 % 80 = 32, 32/80*5 = 2: the third corner, (0, 1, 1) in RGB
    assert class_colour(16, 80) == (255, 255, 0)
    # 2 * 123457 % 80 = 34, 34/80*5 = 2.125: from (0, 1, 1) towards (0, 1, 0)
    assert class_colour(2, 80) == (int(0.875 * 255), 255, 0)
    assert len({class_colour(i, 80) for i in range(80)}) == 80
    assert class_colour(3, 0) == class_colour(0, 1)


@pytest.mark.parametrize("data", [b"", b"not a font at all" * 100, b"\0\1\0\0" + b"\xff" * 400, None])
def test_no_font(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.ttf"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ImageError, match=r"x\.ttf: (is not a font|the font can't|a font of one's own)"):
        draw(GREY, [found("dog", Box(150, 120, 100, 80))], font=path)
