"""Which class a path names, by our rule and by Darknet's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet.errors import DataError
from pydarknet.formats.data import read_data
from pydarknet.formats.path_labels import Best, Substring, path_classes

WEATHER = ["rain", "sun"]

ONE = [
    # the file's name counts before its folders, an inner folder before an outer one
    (WEATHER, "train/0_sun.jpg", "sun"),
    (WEATHER, "rain/3_sun.jpg", "sun"),
    (WEATHER, "/home/rain/sun/0001.jpg", "sun"),
    (WEATHER, "C:\\rain\\sun\\0001.jpg", "sun"),
    # a word counts before a piece of one
    (WEATHER, "sun/train_0001.jpg", "sun"),
    (["cat", "dog"], "classification/dog/1.jpg", "dog"),
    (["brevis", "notbrevis"], "notbrevis/1.jpg", "notbrevis"),
    (["brevis", "notbrevis"], "brevis/1.jpg", "brevis"),
    (["1", "10", "3"], "mnist/3/10012.png", "3"),
    (["cat", "tiger"], "cat/tiger01.jpg", "tiger"),
    (["cat", "cat01"], "cat01.jpg", "cat01"),
    # a whole part, before a word with something else beside it
    (["cat", "dog"], "cat7_dog.jpg", "dog"),
    # the longer label before the shorter
    (["car", "sports car"], "set/sports car/1.jpg", "sports car"),
    (["new", "new_york", "york"], "new_york-3.jpg", "new_york"),
    # separators in a label, which old lists have to be found whole
    (["/cat/", "/dog/"], "cats/dog/cat01.jpg", "/dog/"),
    # a piece, if nothing is better
    (["rain", "sun"], "brainstorm.jpg", "rain"),
    (["Größe", "größer"], "x/größer_1.jpg", "größer"),
]


@pytest.mark.parametrize(("labels", "path", "label"), ONE)
def test_one_class(labels: list[str], path: str, label: str) -> None:
    for order in (labels, labels[::-1]):
        assert Best(order)(path) == [order.index(label)]


def test_files_numbered_in_folders_of_numbers() -> None:
    """The file's name counts, which is most likely not what was meant."""
    find = Best(["0", "1", "2"])
    assert find("train/0/1.jpg") == [1]
    assert [path for path in ("train/0/1.jpg", "0/1/1.jpg", "2.jpg", "x/1.jpg") if find.lies_elsewhere(path)] == [
        "train/0/1.jpg"
    ]
    assert Best(["cat", "dog"]).lies_elsewhere("C:\\cat\\dog.jpg")


@pytest.mark.parametrize(("labels", "path"), [(["cat", "dog"], "cat_dog.jpg"), (["x", "x"], "x/1.jpg")])
def test_an_ambiguous_path_is_an_error(labels: list[str], path: str) -> None:
    with pytest.raises(DataError, match=f"{path}: expected one class, found '{labels[0]}'.*labels_match = substring"):
        Best(labels)(path)


def test_darknets_rule_has_a_name(tmp_path: Path) -> None:
    file = tmp_path / "c.data"
    file.write_text("classes=2\nlabels_match = substring\n")
    find = path_classes(read_data(file), WEATHER)
    assert isinstance(find, Substring)
    assert find("train/0_sun.jpg") == [0, 1]
    assert find("x.jpg") == Best(WEATHER)("x.jpg") == []
    file.write_text("labels_match = substr\n")
    with pytest.raises(
        DataError, match=r"c\.data:1: labels_match: expected best or substring, found 'substr'; did you"
    ):
        path_classes(read_data(file), WEATHER)


def test_tags_are_numbers_in_label_files(tmp_path: Path) -> None:
    (tmp_path / "c.data").write_text("tag=1\n")
    find = path_classes(read_data(tmp_path / "c.data"), ["a", "b", "c"])
    label = tmp_path / "labels" / "a.txt"
    label.parent.mkdir()
    label.write_text("2\n0 2\n")
    assert find(str(tmp_path / "images" / "a.jpg")) == [0, 2]
    assert find(str(tmp_path / "images" / "b.jpg")) == []
    label.write_text("1\n3\n")
    with pytest.raises(DataError, match=r"a\.txt:2: expected the number of a class from 0 to 2, found '3'"):
        find(str(tmp_path / "images" / "a.jpg"))
