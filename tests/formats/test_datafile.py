""".data, .names, .map and list files, and where files are looked for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pydarknet.errors import DataError
from pydarknet.formats import resources
from pydarknet.formats.data import read_data, read_labels, read_list, read_map, read_names
from pydarknet.formats.resources import find, share

READERS = [read_data, read_names, read_labels, read_map, read_list]


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("reader", [read_data, read_names, read_labels])
def test_another_file_is_named(tmp_path: Path, reader) -> None:
    """The usual slip: files in another order."""
    cfg = file(tmp_path, "net.cfg", "# mine\n[net]\nbatch=1\n[convolutional]\n")
    with pytest.raises(DataError, match=r"is a cfg; expected .*right order"):
        reader(cfg)
    if reader is not read_data:
        with pytest.raises(DataError, match=r"is a \.data file; expected"):
            reader(file(tmp_path, "obj.data", "classes = 2\ntrain = train.txt\n"))
    with pytest.raises(DataError, match=r"is a data\.yaml; expected .*pydarknet data yolo FILE"):
        reader(file(tmp_path, "data.yaml", "# Roboflow's\ntrain: ../train/images\nnc: 3\n"))


def test_a_folder_in_place_of_its_data_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"is a folder; expected .*pydarknet data yolo .*empty"):
        read_data(tmp_path / "empty")
    made = file(tmp_path, "mine.data", "classes = 2\n")
    with pytest.raises(DataError, match=re.escape(f"did you mean {made}?")):
        read_data(tmp_path)


# .data


def test_data_options(tmp_path: Path) -> None:
    path = file(tmp_path, "a.data", "# x\n classes= 80\r\n;y\n\nnames = my names.txt \n  top =5\n")
    data = read_data(path)
    assert data.options == {"classes": "80", "names": "my names.txt", "top": "5"}
    assert (data.int_("classes", 1), data.int_("tag", 7), data.get("eval", "voc")) == (80, 7, "voc")
    assert (data.str_("names"), data.get("map"), data.lines["names"]) == ("my names.txt", None, 5)
    assert data.warnings == []


def test_data_warnings(tmp_path: Path) -> None:
    path = file(tmp_path, "a.data", "clases=3\nnames=a\nnames=b\nvalid=\nwhat\nqqqq=1\n")
    data = read_data(path)
    assert data.str_("names") == "a"
    assert data.warnings == [
        f"{path}:1: unknown key 'clases' is ignored; did you mean 'classes'?",
        f"{path}:3: 'names' is given again: line 2 counts, as in Darknet",
        f"{path}:4: 'valid' has no value: its default is used",
        f"{path}:5: 'what' is ignored: expected key = value",
        f"{path}:6: unknown key 'qqqq' is ignored",
    ]


def test_data_errors_have_a_place(tmp_path: Path) -> None:
    data = read_data(file(tmp_path, "a.data", "classes = many\nnames = absent.names\n"))
    with pytest.raises(DataError, match=r"a\.data:1: classes: expected an integer, found 'many'") as caught:
        data.int_("classes", 1)
    assert (caught.value.file, caught.value.line) == (data.file, 1)
    with pytest.raises(DataError, match=r"a\.data: 'train' is missing; add a line train = "):
        data.str_("train")
    with pytest.raises(DataError, match=r"a\.data:2: names: can't find 'absent\.names'; tried ") as caught:
        data.path("names")
    assert str(tmp_path / "absent.names") in str(caught.value)
    assert str(share() / "data" / "absent.names") in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "no options here\n"])
def test_data_without_options(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.data: has no options"):
        read_data(file(tmp_path, "a.data", text))


# names, labels


@pytest.mark.parametrize(
    "text", ["cat\nhair drier\n\ndog", "cat\r\nhair drier\r\n\r\ndog\r\n", "cat \n hair drier\n\ndog\n\n\n"]
)
def test_names(text: str, tmp_path: Path) -> None:
    assert read_names(file(tmp_path, "a.names", text)) == ["cat", "hair drier", "", "dog"]


def test_names_shorter_than_classes(tmp_path: Path) -> None:
    path = file(tmp_path, "a.names", "cat\ndog\n")
    assert read_names(path, 2) == ["cat", "dog"]
    with pytest.raises(DataError, match=r"a\.names: expected at least 3 names, found 2"):
        read_names(path, 3)


def test_labels_may_not_be_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.labels:2: expected a label, found an empty line"):
        read_labels(file(tmp_path, "a.labels", "n1\n\nn2\n"))


# map


def test_map(tmp_path: Path) -> None:
    numbers = read_map(file(tmp_path, "a.map", "3\n 0 \r\n9417\n\n"), length=3, nodes=9418)
    assert numbers.dtype == np.int32
    assert numbers.tolist() == [3, 0, 9417]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\nx\n", r"a\.map:2: expected an integer, found 'x'"),
        ("1\n\n2\n", r"a\.map:2: expected an integer, found ''"),
        ("1.5\n", r"a\.map:1: expected an integer, found '1\.5'"),
        ("99999999999\n", r"a\.map:1: expected an integer"),
        ("1\n-1\n", r"a\.map:2: expected a number from 0 to 9, found -1"),
        ("1\n10\n", r"a\.map:2: expected a number from 0 to 9, found 10"),
        ("1\n", r"a\.map: expected at least 2 lines, one for each class, found 1"),
        ("", r"a\.map: expected at least 2 lines, one for each class, found 0"),
    ],
)
def test_bad_map(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_map(file(tmp_path, "a.map", text), length=2, nodes=10)


# lists


def test_list(tmp_path: Path) -> None:
    assert read_list(file(tmp_path, "a.list", "a b.jpg\r\n\n /x/c.png\n")) == ["a b.jpg", "/x/c.png"]


# What is wrong with any of them


@pytest.mark.parametrize("read", READERS)
def test_missing_folder_binary_empty(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for path in (tmp_path / "absent", tmp_path, f"{tmp_path}/nul\0byte"):
        with pytest.raises(DataError, match="can't be read"):
            read(path)
    with pytest.raises(DataError, match="is not a text file"):
        read(file(tmp_path, "binary", "1=1\n\0\n"))
    with pytest.raises(DataError, match="empty: "):
        read(file(tmp_path, "empty", ""))


# Resources


def test_where_a_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    data = file(tmp_path, "project/cfg/my.data", "names=data/my.names\n")
    monkeypatch.setattr(resources, "share", lambda: tmp_path / "package")
    monkeypatch.chdir(home.mkdir() or home)
    expected = [
        file(tmp_path, "package/data/data/my.names", "e"),
        file(tmp_path, "package/data/my.names", "d"),
        file(tmp_path, "project/data/my.names", "c"),
        file(tmp_path, "project/cfg/data/my.names", "b"),
        file(tmp_path, "home/data/my.names", "a"),
    ]
    # Remove the best place again and again: the next one must take over.
    for place in reversed(expected):
        assert find("data/my.names", relative_to=data).read_text() == place.read_text()
        place.unlink()
    with pytest.raises(DataError, match=r"can't find 'data/my\.names'; tried ") as caught:
        find("data/my.names", relative_to=data)
    assert all(str(place) in str(caught.value) for place in expected[:-1])


def test_an_absolute_name_is_looked_for_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^can't find '/nowhere/coco.names'; tried /nowhere/coco.names$"):
        find("/nowhere/coco.names", relative_to=tmp_path / "a.data")


def test_our_own_files_by_their_bare_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("coco.names", "data/coco.names", "yolov2.cfg", "cfg/yolov2.cfg"):
        assert find(name).name == Path(name).name


def test_an_installed_package_brings_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "site-packages" / "pydarknet")
    assert share() == tmp_path / "site-packages"
    installed = file(tmp_path, "site-packages/pydarknet/_share/data/own.names", "x")
    assert share() == tmp_path / "site-packages/pydarknet/_share"
    assert find("data/own.names") == find("own.names") == installed


def test_names_that_no_file_can_have() -> None:
    for name in ("", ".", "x" * 5000, "a\0b"):
        with pytest.raises(DataError, match="can't find"):
            find(name)
