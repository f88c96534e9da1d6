"""Files are found by the names that users know, in Python as on the command line, whatever the current folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet import CfgError, DarknetError, DataError, Network, WeightsError
from pydarknet.cli.main import main
from pydarknet.formats.data import read_data
from pydarknet.formats.resources import find, shown
from tests.lib import nets
from tests.lib.cli_nets import write_picture


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it, and a cache with weights called yolov2-tiny."""
    cache = tmp_path / "cache" / "pydarknet"
    cache.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pydarknet.catalog.share", lambda: tmp_path)  # a checkout's weights/ may hold fetched ones
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    cfg, weights = nets.write(tmp_path)
    weights.rename(cache / "yolov2-tiny.weights")
    return cfg


@pytest.mark.filterwarnings("ignore:yolov2-tiny without weights")
@pytest.mark.parametrize("cfg", ["cfg/yolov2-tiny.cfg", "yolov2-tiny.cfg", "yolov2-tiny", "cfg\\yolov2-tiny.cfg"])
def test_the_packages_own_cfgs(elsewhere: Path, cfg: str):
    net = Network(cfg)
    assert net.classes == 80
    assert net.names[16] == "dog"


@pytest.mark.parametrize("cfg", ["yolov2-tiny.cfg", "yolov2-tiny"])
def test_ones_own_cfgs_come_before_the_packages(elsewhere: Path, cfg: str):
    Path("cfg").mkdir()
    elsewhere.rename("cfg/yolov2-tiny.cfg")
    assert Network(cfg, "yolov2-tiny").classes == nets.network().classes != 80


@pytest.mark.parametrize(
    "weights",
    ["yolov2-tiny", "yolov2-tiny.weights", "weights/yolov2-tiny.weights", "./yolov2-tiny.weights",
     "./weights/yolov2-tiny.weights", "weights\\yolov2-tiny.weights"],
)  # fmt: skip
def test_weights_that_were_fetched(elsewhere: Path, weights: str, capsys: pytest.CaptureFixture[str]):
    expected = nets.network().forward(nets.batch(nets.network()))
    net = Network(elsewhere, weights)
    assert net.forward(nets.batch(net)).shape == expected.shape
    assert main(["statistics", str(elsewhere), weights]) == 0
    assert main(["export", str(elsewhere), weights, "out.npz"]) == 0
    assert main(["average", str(elsewhere), "mean.weights", weights, weights]) == 0


def test_the_packages_own_files_are_shown_short(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["speed", "yolov3-tiny", "1", "--size", "32"]) == 0
    assert capsys.readouterr().err.startswith("pydarknet: the package's cfg/yolov3-tiny.cfg: ")
    assert shown(str(elsewhere)) == str(elsewhere)


def test_anchors_for_the_packages_own_cfg(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    write_picture(Path("a.png"))
    Path("a.txt").write_text("0 .5 .5 .5 .5\n0 .5 .5 .3 .2\n")
    Path("list.txt").write_text("a.png\n")
    for name in ("yolov2-tiny", "cfg/yolov2-tiny.cfg"):
        assert main(["anchors", "list.txt", name, "--num", "1", "--max", "1"]) == 0, capsys.readouterr().err


def test_what_is_nowhere(elsewhere: Path):
    with pytest.raises(CfgError, match=r"yolov9\.cfg: can't be found; tried yolov9\.cfg, .*cfg"):
        Network("yolov9.cfg")
    with pytest.raises(WeightsError, match=r"to fetch it: pydarknet weights get yolov2\.weights"):
        Network(elsewhere, "weights/yolov2.weights")
    with pytest.raises(WeightsError, match=r"can't find 'other/yolov2\.weights'; tried other/yolov2\.weights$"):
        Network(elsewhere, "other/yolov2.weights")


@pytest.mark.parametrize(
    ("name", "told"),
    [("yolov2-tinny", "did you mean 'yolov2-tiny'"), ("cfg/yolov2tiny.cfg", "did you mean 'yolov2-tiny'"),
     ("cfg/yolov3.cfg", "none of the package's own: take it from where"),
     ("yolov2.weights", "the cfg stands before the weights"), ("yolov8n.pt", r"\.pt files aren't read")],
)  # fmt: skip
def test_what_a_cfg_may_have_been_meant_for(elsewhere: Path, name: str, told: str):
    with pytest.raises(CfgError, match=told):
        Network(name)


def test_places_named_are_places_that_are_there(elsewhere: Path):
    with pytest.raises(DarknetError) as caught:
        find("cfg/yolov9.data")
    assert "cfg/cfg" not in str(caught.value)
    assert "data/cfg" not in str(caught.value)


def test_names_wherever_they_are_asked_for(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    """As docs/trees.md has it, in any folder."""
    words = ["data/9k.tree", "--map", "data/coco9k.map", "--classes", "data/coco.names"]
    assert main(["tree", "check", *words]) == 0


def test_a_tree_without_its_ending(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    Path("mine.tree").write_text("dog -1\ncat -1\n")
    assert main(["tree", "show", "mine"]) == 0
    assert capsys.readouterr().out == "dog\ncat\n"


@pytest.mark.parametrize("key", ["tree", "map"])
def test_what_a_cfg_names_is_missing_at_its_line(elsewhere: Path, key: str):
    text = elsewhere.read_text() + f"{key}=none.{key}\n"
    Path("own.cfg").write_text(text)
    line = text.count("\n")
    with pytest.raises(DataError, match=rf"own\.cfg:{line}: \[region\] {key}: can't find 'none\.{key}'"):
        Network("own.cfg")


def test_no_place_is_named_twice(elsewhere: Path):
    with pytest.raises(DarknetError) as caught:
        read_data("cfg/coco.data").path("train")
    places = str(caught.value).partition("tried ")[2].split(", ")
    assert len(places) == len(set(places))
    assert places[0] == "data/coco/trainvalno5k.txt"  # as it is written, whatever is there


@pytest.mark.parametrize(
    "command", [["doctor"], ["init"], ["data", "check"], ["anchors"], ["detector", "calc_anchors"]]
)
def test_every_command_finds_the_packages_own_data(
    elsewhere: Path, command: list[str], capsys: pytest.CaptureFixture[str]
):
    options = {
        "doctor": ["yolov2-tiny"],
        "init": ["--from", "yolov2-tiny"],
        "calc_anchors": ["-num_of_clusters", "5", "-width", "416", "-height", "416"],
    }
    main([*command, "cfg/coco.data", *options.get(command[-1], [])])
    told = capsys.readouterr()
    assert "trainvalno5k.txt" in told.out + told.err, told


def test_no_names_are_wanted(elsewhere: Path):
    with pytest.warns(UserWarning, match=r"random parameters; Network\('yolov2-tiny', 'yolov2-tiny'\)"):
        assert Network("yolov2-tiny", names=[str(i) for i in range(80)]).names[16] == "16"
