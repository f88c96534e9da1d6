"""Everything that would stop a training is found before it, with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.datasets.dataset import ImageList, read_image_list
from pydarknet.errors import DataError
from pydarknet.formats.data import read_data
from pydarknet.formats.path_labels import Substring
from pydarknet.formats.tree import read_tree
from pydarknet.train.precheck import check_classes, check_classification, check_detection, check_names

COUNT = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good data set of three classes."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for i in range(COUNT):
        image = tmp_path / "images" / f"p{i}.png"
        cv2.imwrite(str(image), np.full((20, 30, 3), 9 * i, np.uint8))
        (tmp_path / "labels" / f"p{i}.txt").write_text(f"{i % 3} .5 .5 .2 .2\n" * (i % 3))
    (tmp_path / "train.txt").write_text("".join(f"images/p{i}.png\n" for i in range(COUNT)))
    return tmp_path


def images(folder: Path) -> ImageList:
    return read_image_list("train", folder / "train.txt")


def test_a_good_set(folder: Path) -> None:
    done: list[int] = []
    summary = check_detection(images(folder), 3, maximum=30, progress=done.append)
    assert sum(done) == COUNT
    assert (summary.images, summary.objects, summary.background, summary.most) == (COUNT, 7, 3, 2)
    assert summary.per_class.tolist() == [0, 3, 4]
    assert not summary.warnings


def label(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "labels" / "p4.txt").write_text("1 .5 .5 .1 .1\n\n" + text) and None


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data) and None


BAD = {
    "image missing": (remove("images/p4.png"), r"train\.txt:5: the image .*p4\.png is missing"),
    "image empty": (write("images/p4.png", b""), r"train\.txt:5: .*p4\.png: the file is empty"),
    "no image": (write("images/p4.png", b"hello"), r"train\.txt:5: .*p4\.png: is not an image"),
    "label missing": (
        remove("labels/p4.txt"),
        r"train\.txt:5: .*p4\.png has no label file; expected .*labels/p4\.txt",
    ),
    "class too large": (label("3 .5 .5 .1 .1"), r"p4\.txt:3: expected a class from 0 to 2, found '3'"),
    "class negative": (label("-1 .5 .5 .1 .1"), r"p4\.txt:3: expected a class from 0 to 2, found '-1'"),
    "not a number": (label("1 .5 nan .1 .1"), r"p4\.txt:3: expected a number for y, found 'nan'"),
    "infinite": (label("1 .5 .5 inf .1"), r"p4\.txt:3: expected a number for w, found 'inf'"),
    "word": (label("1 .5 .5 wide .1"), r"p4\.txt:3: expected a number for w, found 'wide'"),
    "four columns": (label("1 .5 .5 .1"), r"p4\.txt:3: expected 'class x y w h', found 4 fields"),
    "six columns": (label("1 .5 .5 .1 .1 .9"), r"p4\.txt:3: expected 'class x y w h', found 6 fields"),
    "box outside": (label("1 1.4 .5 .1 .1"), r"p4\.txt:3: expected the centre inside the image"),
    "pixels": (label("1 140 50 20 20"), r"p4\.txt:3: .*are these pixels"),
    "no width": (label("1 .5 .5 0 .1"), r"p4\.txt:3: expected a width and height above 0"),
    "class only, no tree": (label("1 0 0 0 0"), r"p4\.txt:3: .*only a head with tree="),
    "no centre, no tree": (label("1 0 0 .1 .1"), r"p4\.txt:3: .*only a head with tree="),
    "bytes": (write("labels/p4.txt", b"\0\1\2"), r"p4\.txt: is not a text file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_sets(folder: Path, name: str) -> None:
    spoil, message = BAD[name]
    spoil(folder)
    with pytest.raises(DataError, match=message) as raised:
        check_detection(images(folder), 3)
    assert f"train.txt: 1 of {COUNT} images can't be used" in str(raised.value)
    assert "\n  and" not in str(raised.value)


def test_many_findings_are_counted_and_the_first_shown(folder: Path) -> None:
    for i in range(1, COUNT):
        (folder / "labels" / f"p{i}.txt").write_text("9 .5 .5 .1 .1\n")
    with pytest.raises(DataError, match=r"7 of 8 images") as raised:
        check_detection(images(folder), 3, workers=3)
    text = str(raised.value)
    assert [f"p{i}.txt:1" in text for i in range(COUNT)] == [False, True, True, True, True, True, False, False]
    assert text.endswith("and 2 more")


def test_missing_labels_may_be_background(folder: Path) -> None:
    for i in (4, 5):
        (folder / "labels" / f"p{i}.txt").unlink()
    with pytest.raises(DataError, match="count as background by option"):
        check_detection(images(folder), 3)
    summary = check_detection(images(folder), 3, missing="background")
    assert (summary.objects, summary.background) == (4, 5)
    assert len(summary.warnings) == 1
    assert "2 of 8 images have no label file" in summary.warnings[0]


def test_lists(folder: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: can't be read"):
        read_image_list("train", folder / "none.txt")
    (folder / "train.txt").write_text("\n \n")
    with pytest.raises(DataError, match=r"train\.txt: is empty"):
        images(folder)


def test_nothing_to_learn(folder: Path) -> None:
    for i in range(COUNT):
        (folder / "labels" / f"p{i}.txt").write_text("")
    with pytest.raises(DataError, match="none of the images has an object"):
        check_detection(images(folder), 3)


def test_more_objects_than_the_head_takes(folder: Path) -> None:
    (folder / "labels" / "p6.txt").write_text("1 .5 .5 .1 .1\n" * 31)
    summary = check_detection(images(folder), 3, maximum=30)
    assert summary.most == 31
    assert len(summary.warnings) == 1
    assert "p6.png has 31 objects" in summary.warnings[0]


def test_class_only_labels_with_a_tree(folder: Path) -> None:
    (folder / "toy.tree").write_text("a -1\nb -1\nc 0\nd 0\ne 2\n")
    (folder / "labels" / "p4.txt").write_text("4 0 0 0 0\n1 .5 .5 .1 .1\n")
    summary = check_detection(images(folder), 3, class_only=len(read_tree(folder / "toy.tree")))
    assert summary.class_only == 1
    assert summary.per_class.tolist() == [0, 3, 4, 0, 1]


def test_names_and_classes(tmp_path: Path) -> None:
    """Too few names are an error, too many a warning; so are other classes in the .data file, which nobody needs."""
    assert check_names(["a", "b"], 2, "x.names") == []
    with pytest.raises(DataError, match=r"x\.names: has 2 names for 3 classes"):
        check_names(["a", "b"], 3, "x.names")
    assert check_names(["a", "b"], 1, "x.names") == ["x.names: has 2 names for 1 class; the first 1 count"]
    (tmp_path / "x.data").write_text("\nclasses=3\n")
    data = read_data(tmp_path / "x.data")
    assert check_classes(data, 3, "y.cfg") == []
    (warning,) = check_classes(data, 20, "y.cfg")
    assert warning.startswith(f"{data.file}:2: classes=3, but the network of y.cfg has 20, which counts")
    with pytest.raises(DataError, match=r"x\.data:2: classes: classes=3, but the network of y\.cfg has 20"):
        check_classes(data, 20, "y.cfg", strict=True)


def test_classification(folder: Path) -> None:
    good = check_classification(images(folder), [f"p{i}.png" for i in range(COUNT)])
    assert good.per_class.tolist() == [1] * COUNT
    assert not good.warnings
    labels = ["p0.png", "p1.png", "1.png"]
    odd = check_classification(images(folder), labels, Substring(labels))
    assert odd.per_class.tolist() == [1, 1, 1]
    assert any("1 of 8 paths hold several labels" in warning and "p1.png" in warning for warning in odd.warnings)
    assert any("6 of 8 paths hold no label" in warning and "p2.png" in warning for warning in odd.warnings)
    [warning] = check_classification(images(folder), ["images", *(f"p{i}.png" for i in range(COUNT))]).warnings
    assert "8 of 8 paths hold a label in the file's name, which counts, and another one as the folder's" in warning
    with pytest.raises(DataError, match=r"no path holds one of the labels \(zebra, mouse"):
        check_classification(images(folder), ["zebra", "mouse"])
    with pytest.raises(DataError, match=r"1 of 8 images(.|\n)*train\.txt:2: .*p1\.png: expected one class"):
        check_classification(images(folder), ["p1", "p2", "p1"])
    (folder / "images" / "p3.png").unlink()
    with pytest.raises(DataError, match=r"1 of 8 images(.|\n)*train\.txt:4: the image .*p3\.png is missing"):
        check_classification(images(folder), ["p1"])
