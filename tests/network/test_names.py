"""The names of classes: the command line, the drop-in modules and Python look them up in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet import Network
from pydarknet.darknet import load_meta
from pydarknet.errors import DataError
from pydarknet.formats.data import read_data
from pydarknet.formats.resources import find
from pydarknet.graph.speed import measure
from tests.lib.cli_nets import write_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("labels.data").write_text("classes=2\nlabels=toy.names\n")
    Path("none.data").write_text("classes=2\n")
    return tmp_path


def test_those_beside_a_tree_if_there_are_as_many(folder: Path) -> None:
    """As `tree build` writes them: the tree itself has ids."""
    tree = Path(Network("tree.cfg").class_tree().file)
    for names, origin in (
        (["beast", "object", "cat, a"], "those of the tree"),
        (list("wxyz"), str(tree.with_suffix(".names"))),
    ):
        tree.with_suffix(".names").write_text("\n".join(names))
        found = Network("tree.cfg").choose_names()
        assert found[1] == origin
    assert found[0] == Network("tree.cfg").names == names


def test_those_beside_a_cfg_if_there_are_as_many(folder: Path) -> None:
    """As `data` and `init` write them: mine/mine.names and mine/mine.cfg."""
    Path("net.names").write_text("cat\ndog\ncow\n")
    assert Network("net.cfg").choose_names() == ([], "")
    Path("net.names").write_text("cat\ndog\n")
    net = Network("net.cfg")
    assert net.choose_names() == (["cat", "dog"], str(Path(net.cfg.file).with_suffix(".names")))
    assert net.names == ["cat", "dog"]


def test_a_file_then_a_data_file_then_the_usual_ones(folder: Path) -> None:
    net, (path, names) = Network("net.cfg"), ("toy.names", ["cat", "dog"])
    Path("other.names").write_text("a\nb\nc\n")
    assert net.choose_names("other.names", read_data("toy.data")) == (["a", "b", "c"], "other.names")
    assert Network("net.cfg", names=path).names == names
    for data in ("toy.data", "labels.data"):
        found, origin = net.choose_names(data=read_data(data))
        assert (found, Path(origin).name) == (names, path)
        assert [load_meta(data).name(i) for i in range(2)] == names
    assert net.choose_names(data=read_data("none.data")) == net.choose_names() == ([], "")
    assert Network("tree.cfg").choose_names() == (["animal", "thing", "cat", "dog"], "those of the tree")
    assert Network(find("yolov2-tiny.cfg")).choose_names()[0][16] == "dog"


def test_too_few_names(folder: Path) -> None:
    Path("one.names").write_text("cat\n")
    with pytest.raises(DataError, match=r"one\.names: expected at least 2 names, found 1"):
        Network("net.cfg").choose_names("one.names")


def test_the_speed_of_a_network(folder: Path) -> None:
    assert len(measure(Network("net.cfg"), batch=2, runs=3)) == 3
