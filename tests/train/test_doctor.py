"""`pydarknet doctor`: everything that is wrong with a training at once, and nothing written."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from pydarknet import Network
from pydarknet.cli.main import main
from pydarknet.train.doctor import examine
from tests.lib.nets import DETECTOR
from tests.lib.toy_datasets import contents, picture

NET = "[net]\nbatch=4\nsubdivisions=2\nwidth=32\nheight=32\nchannels=3\nlearning_rate=.001\nmax_batches=9\n"


@pytest.fixture
def run_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training of which nothing is wrong but that it is small."""
    monkeypatch.chdir(tmp_path)
    for i in range(6):
        picture(tmp_path / "images" / f"{i}.png", 64, 48, i)
        (tmp_path / "images" / f"{i}.txt").write_text(f"{i % 3} .5 .5 .{i + 2} .{i + 2}\n" * 30)
    for name, numbers in (("train", range(5)), ("valid", [5])):
        Path(f"{name}.txt").write_text("".join(f"images/{i}.png\n" for i in numbers))
    Path("a.names").write_text("dog\ncat\nbird\n")
    Path("a.data").write_text("classes=3\ntrain=train.txt\nvalid=valid.txt\nnames=a.names\n")
    Path("a.cfg").write_text(NET + DETECTOR)
    return tmp_path


def findings() -> list[str]:
    return [str(each) for each in examine("a.data", "a.cfg")]


def test_it_writes_nothing_and_ends_with_the_next_step(run_of: Path, capsys: pytest.CaptureFixture[str]):
    before = contents(run_of)
    assert main(["doctor", "a.data", "a.cfg"]) == 0
    assert contents(run_of) == before
    assert capsys.readouterr().out.endswith("next: pydarknet train a.data a.cfg\n")
    assert main(["train", "a.data", "a.cfg", "--quiet", "--no-chart"]) == 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda: Path("images/3.txt").write_text("3 .5 .5 .1 .1\n"), r"images/3.txt:1: error: expected a class from"),
        (lambda: Path("images/3.txt").unlink(), "has no label file"),
        (lambda: Path("images/3.png").unlink(), r"train.txt:4: error: images/3.png"),
        (lambda: Path("a.cfg").write_text(NET + DETECTOR.replace("classes=3", "classes=4")), "a.cfg.*error"),
        (lambda: Path("a.cfg").write_text((NET + DETECTOR).replace("learning_rate", "learning_rat")), "did you mean"),
        (
            lambda: Path("a.cfg").write_text((NET + DETECTOR).replace("max_batches", "max_batch")),
            "mean 'max_batches'",
        ),
        (lambda: Path("a.cfg").write_text(NET + DETECTOR.replace("classes=", "clases=")), "mean 'classes'"),
        (lambda: Path("a.data").write_text("trian=train.txt\n"), "warning: unknown key 'trian'.*mean 'train'"),
        (lambda: Path("a.cfg").write_text("[net]\n"), "a.cfg.*error"),
        (lambda: Path("a.data").write_text("train=nowhere.txt\n"), "a.data:1.*error.*nowhere.txt"),
        (lambda: Path("a.data").write_text("classes=3\ntrain=train.txt\n"), "warning: has no valid list"),
        (lambda: Path("train.txt").write_text("images/0.png\n"), "warning: few objects to learn from: dog 30"),
        (
            lambda: Path("a.cfg").write_text(NET + DETECTOR.replace("1,1, 2,2", "9,.1, .1,9")),
            "pydarknet anchors a.data",
        ),
        (lambda: Path("images/0.txt").write_text("0 .5 .5 .03 .03\n" * 60), "under 8 pixels wide or high at 32 x 32"),
        (
            lambda: Path("a_final.weights").write_bytes(struct.pack("<iiiQ", 0, 2, 0, 640) + bytes(40)),
            "a.cfg: error: .*--resume",
        ),
    ],
)
def test_what_would_stop_or_spoil_it(run_of: Path, spoil, message: str):
    Path("backup").mkdir()
    with Path("a.data").open("a") as file:
        file.write("backup=.\n")
    spoil()
    found = findings()
    assert any(re.search(message, line) for line in found), found


def test_a_network_for_other_classes_is_named_beside_what_follows_of_it(run_of: Path):
    """One class in the cfg, three in the data: every label file fails, and the reason is one number."""
    Path("backup").mkdir()
    fewer = DETECTOR.replace("classes=3", "classes=1").replace("filters=16", "filters=12")
    Path("a.cfg").write_text(NET + fewer)
    assert any("a.data:1: warning: classes=3, but the network of a.cfg has 1" in line for line in findings())


def test_classes_that_others_are_below_need_no_objects(run_of: Path):
    Path("a.tree").write_text("animal -1\ndog 0\ncat 0\n")
    for i in range(6):
        Path(f"images/{i}.txt").write_text("1 .5 .5 .3 .3\n" * 60)
    Path("backup").mkdir()
    assert "a.data: warning: no object is of class 0 (dog)" in findings()
    Path("a.cfg").write_text(NET + DETECTOR + "tree=a.tree\n")
    unseen = [line for line in findings() if "no object is of class" in line]
    assert unseen == ["a.data: warning: no object is of class 2 (bird)"]


def test_several_at_once(run_of: Path, capsys: pytest.CaptureFixture[str]):
    Path("images/1.txt").write_text("x\n")
    Path("images/2.txt").unlink()
    assert main(["doctor", "a.data", "a.cfg", "--max", "2"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert ["error" in line for line in out[:-2]] == [False, False, True, True]
    assert out[-2].endswith("more; see --max")
    assert out[-1].startswith("2 errors")


def test_no_number_of_warnings_hides_an_error(run_of: Path, capsys: pytest.CaptureFixture[str]):
    Path("a.cfg").write_text((NET + DETECTOR).replace("=", ":"))
    assert main(["doctor", "a.data", "a.cfg", "--max", "2"]) == 1
    out = capsys.readouterr().out
    assert "a.cfg:1: error: [net] expected width, height and channels" in out
    assert out.count("warning:") == 2
    images = "".join(f"images/{i}.png\n" for i in (0, 0, 0, 0, 9))
    Path("train.txt").write_text(images)
    assert main(["data", "check", "a.data", "--max", "1"]) == 1
    assert "train.txt:5: error: images/9.png" in capsys.readouterr().out


def test_files_that_are_not_there(run_of: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "b.data", "a.cfg"]) == 1
    assert "b.data: error: can't find 'b.data'" in capsys.readouterr().out


def test_a_backbone_is_loaded_as_training_loads_it(run_of: Path, capsys: pytest.CaptureFixture[str]):
    """NAME.conv.N has the first N layers; by another name it is a file that is too short."""
    Network("a.cfg").save_weights("whole.weights")
    for name, code in (("a.conv.1", 0), ("short.weights", 1)):
        assert main(["partial", "a.cfg", "whole.weights", name, "1"]) == 0
        assert main(["doctor", "a.data", "a.cfg", name, "--max", "999"]) == code, capsys.readouterr().out
    assert "short.weights: ends in layer 2" in capsys.readouterr().out
