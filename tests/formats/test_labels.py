"""Label files: where they are, what is in them, and every way they can be wrong."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.errors import DataError, ImageError
from pydarknet.formats.labels import (
    check_labels,
    find_label,
    is_class_only,
    label_path,
    label_text,
    parse_label,
    read_labels,
    sibling_label,
    without_place,
)
from pydarknet.images.size import image_size


def file(folder: Path, text: str) -> Path:
    path = folder / "a.txt"
    path.write_bytes(text.encode())
    return path


# --- places


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("a.jpg", "a.txt"),
        ("coco/images/train2014/a.jpg", "coco/labels/train2014/a.txt"),
        ("VOC2007/JPEGImages/a.png", "VOC2007/labels/a.txt"),
        ("raw/a.JPEG", "labels/a.txt"),
        ("images/b/images/a.jpg", "labels/b/images/a.txt"),  # the first only
        ("my_images/a.jpg", "my_labels/a.txt"),  # anywhere, as in Darknet
        ("JPEGImages/images/a.jpg", "labels/labels/a.txt"),  # each of them
        ("x/a.b.jpeg", "x/a.b.txt"),
        ("x.jpg/a.jpg", "x.jpg/a.txt"),
    ],
)
def test_label_path(image: str, label: str) -> None:
    assert label_path(image) == label
    assert label_path(Path(image)) == label


def test_find_label_prefers_the_place_of_darknet(tmp_path: Path) -> None:
    image = tmp_path / "raw_data" / "images" / "a.jpg"
    places = [
        tmp_path / "raw_data" / "images" / "a.txt",
        tmp_path / "raw_data" / "labels" / "a.txt",
        tmp_path / "labels_data" / "labels" / "a.txt",
    ]
    assert find_label(image) is None
    for place in places:  # each hides the one before
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
        assert find_label(image) == str(place)
    assert sibling_label("raw/images/x/a.jpg") == "raw/labels/x/a.txt"


# --- reading


def test_read(tmp_path: Path) -> None:
    text = "\ufeff2 0.5 .25 1e-1 0.5\r\n\r\n  7\t0 0 0 0 \r\n"
    labels = read_labels(file(tmp_path, text), 8)
    np.testing.assert_array_equal(labels, np.float32([[2, 0.5, 0.25, 0.1, 0.5], [7, 0, 0, 0, 0]]))
    assert labels.dtype == np.float32
    assert is_class_only(labels).tolist() == [False, True]
    assert without_place(labels).tolist() == [False, True]
    corner = np.float32([[0, 0, 0, 0.1, 0.1]])  # a box, of which training sees the class alone, as Darknet
    assert (is_class_only(corner), without_place(corner)) == ([False], [True])


@pytest.mark.parametrize("text", ["", "\n\n", " \r\n"])
def test_a_picture_without_objects(tmp_path: Path, text: str) -> None:
    assert read_labels(file(tmp_path, text), 1).shape == (0, 5)
    assert check_labels(file(tmp_path, text), 1)[1] == []


WRONG = {
    "0 .5 .5 .5": "expected 'class x y w h', found 4 fields",
    "0 .5 .5 .5 .5 .5": "is the last one a confidence?",
    "0 .1 .1 .2 .1 .2 .2": "is it a polygon?",
    "0,.5,.5,.5,.5": "found 1 fields",
    "3 .5 .5 .5 .5": "expected a class from 0 to 2, found '3'",
    "-1 .5 .5 .5 .5": "expected a class from 0 to 2, found '-1'",
    "0.0 .5 .5 .5 .5": "expected a class from 0 to 2, found '0.0'",
    "dog .5 .5 .5 .5": "found 'dog'",
    "99999999999 .5 .5 .5 .5": "found '99999999999'",
    "0 nan .5 .5 .5": "expected a number for x, found 'nan'",
    "0 .5 inf .5 .5": "expected a number for y, found 'inf'",
    "0 .5 .5 1e999 .5": "expected a number for w, found '1e999'",
    "0 .5 .5 .5 1_0": "expected a number for h, found '1_0'",
    "0 .5 .5 .5 x": "expected a number for h, found 'x'",
    "0 1.01 .5 .5 .5": "expected the centre inside the image",
    "0 .5 -.01 .5 .5": "expected the centre inside the image",
    "0 320 240 100 100": "are these pixels?",
    "0 .5 .5 0 .5": "expected a width and height above 0",
    "0 .5 .5 .5 -.5": "expected a width and height above 0",
    "0 .5 .5 1.01 .5": "up to 1, found w=1.01",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_lines_have_a_place(tmp_path: Path, line: str) -> None:
    path = file(tmp_path, f"0 .5 .5 .5 .5\n\n{line}\n1 .5 .5 .5 .5\n")
    with pytest.raises(DataError, match=rf"^{path}:3: .*{re.escape(WRONG[line])}") as caught:
        read_labels(path, 3)
    assert (caught.value.file, caught.value.line) == (str(path), 3)
    labels, problems = check_labels(path, 3)
    assert [(p.line, p.error) for p in problems] == [(3, True)]
    assert WRONG[line] in problems[0].message
    assert len(labels) == 2


def test_without_a_number_of_classes_any_class_goes(tmp_path: Path) -> None:
    assert read_labels(file(tmp_path, "9417 .5 .5 .5 .5\n"))[0, 0] == 9417


def test_doubts(tmp_path: Path) -> None:
    text = "0 .5 .5 .5 .5\n0 .1 .5 .3 .5\n0 .5 .5 .004 .5\n0 .5 .5 .5 .5\n0 .1 .5 .2009 .5\n"
    labels, problems = check_labels(file(tmp_path, text), 1)
    assert len(labels) == 5
    assert not any(problem.error for problem in problems)
    assert [(p.line, p.message.split(" (")[0]) for p in problems] == [
        (2, "the box reaches 0.050 of the image over its edge; it is cut off there"),
        (3, "the box is tiny"),
        (4, "is line 1 again"),
    ]


def test_files_that_are_no_label_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.txt: can't be read: No such file"):
        read_labels(tmp_path / "absent.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xd8\0\0")
    with pytest.raises(DataError, match="not a text file"):
        check_labels(tmp_path / "a.txt")


numbers = st.floats(1 / 1024, 1, width=32)


@given(st.lists(st.tuples(st.integers(0, 9417), numbers, numbers, numbers, numbers), max_size=8))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, ...]]) -> None:
    path = file(tmp_path_factory.mktemp("labels"), label_text(rows))
    # Six digits are written, so half of the seventh may be lost.
    np.testing.assert_allclose(read_labels(path, 9418), np.reshape(rows, (-1, 5)), rtol=1e-7, atol=5.1e-7)


anything = st.text(st.sampled_from("0123456789.+-eE nainf_x\t\n\r,é"), max_size=60)
five = st.lists(st.sampled_from(["0", "2", "3", "5", ".5", "0.0", "-0", "1.001"]), min_size=5, max_size=5)
rows_of_five = st.lists(five.map(" ".join), max_size=3).map("\n".join)


@given(st.one_of(anything, rows_of_five), st.sampled_from([None, 1, 5]))
def test_quick_and_careful_reading_agree(
    tmp_path_factory: pytest.TempPathFactory, text: str, class_only: int | None
) -> None:
    path = file(tmp_path_factory.mktemp("labels"), text)
    careful = [parse_label(line, 3, class_only) for line in re.split("\r\n|\r|\n", text) if line.strip()]
    if any(problem for _, problem in careful):
        with pytest.raises(DataError):
            read_labels(path, 3, class_only)
    else:
        expected = np.array([row for row, _ in careful], np.float32).reshape(-1, 5)
        np.testing.assert_array_equal(read_labels(path, 3, class_only), expected)


# --- the size of images


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".webp"])
def test_picture_size(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(cv2.imencode(ending, np.zeros((5, 9, 3), np.uint8))[1].tobytes())
    assert image_size(path) == (9, 5)


def exif(orientation: int) -> bytes:
    """The body of an EXIF block with nothing but the orientation."""
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01" + bytes([0, orientation, 0, 0]) + b"\0\0\0\0"
    return b"Exif\0\0" + tiff


@pytest.mark.parametrize(("orientation", "size"), [(1, (9, 5)), (6, (5, 9))])
def test_a_turned_picture_has_the_size_it_is_loaded_with(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    data = cv2.imencode(".jpg", np.zeros((5, 9, 3), np.uint8))[1].tobytes()
    block = exif(orientation)
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    assert image_size(path) == size


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc0\0\x11\x08", b"\x89PNG\r\n\x1a\n\0", b"text"])
def test_what_is_no_picture_has_no_size(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.jpg"):
        image_size(path)
    with pytest.raises(ImageError, match="absent"):
        image_size(tmp_path / "absent.jpg")
