"""Data sets checked, counted, split and shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.datasets import read_dataset
from pydarknet.datasets.split import split
from pydarknet.detection.results import Box, Detection
from pydarknet.errors import DataError
from pydarknet.images.draw import draw
from pydarknet.images.image import load_image
from tests.lib.cli_nets import spawned
from tests.lib.toy_datasets import contents, findings, picture, run


def test_a_good_data_set(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(data) == []
    assert run("check", data) == 0
    assert capsys.readouterr().out == "8 images: 0 errors, 0 warnings\n"


def test_everything_wrong(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = data.parent
    (root / "images" / "1.png").unlink()
    (root / "images" / "2.png").write_bytes(b"no image")
    (root / "labels" / "3.txt").unlink()
    (root / "labels" / "4.txt").write_text(
        "2 .5 .5 .1 .1\n0 .5 .5 .1\n0 nan .5 .1 .1\n\n0 .5 1.5 .1 .1\n0 .5 .5 .1 .0001\n"
    )
    (root / "labels" / "5.txt").write_bytes(b"\0")
    picture(root / "images" / "7.png", shade=6)
    (root / "val.txt").write_text("images/6.png\nimages/7.png\nimages/0.png\n")
    found = findings(data)
    expected = [
        r"train.txt:2: error: images/1.png: the image can't be read: No such file",
        r"train.txt:3: error: images/2.png: is not an image",
        r"train.txt:4: error: images/3.png has no label file; expected labels/3.txt",
        r"labels/4.txt:1: error: expected a class from 0 to 1, found '2'",
        r"labels/4.txt:2: error: expected 'class x y w h', found 4 fields",
        r"labels/4.txt:3: error: expected a number for x, found 'nan'",
        r"labels/4.txt:5: error: expected the centre inside the image",
        r"labels/4.txt:6: warning: the box is tiny",
        r"labels/5.txt: error: is not a text file",
        r"val.txt: warning: 1 of 3 images also in train.txt, first images/0.png (train.txt:1); what is trained on",
        r"val.txt:2: warning: images/7.png is the same image as images/6.png",
    ]
    assert len(found) == len(expected)
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(beginning)
    assert run("check", data, "--max", "2") == 1
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    assert printed[2:] == ["... and 9 more; see --max", "8 images: 8 errors, 3 warnings"]


def test_lists_that_share_pictures(data: Path) -> None:
    root = data.parent
    (root / "val.txt").write_text("images/6.png\n" + (root / "train.txt").read_text() + "images/6.png\n")
    assert findings(data) == [
        "val.txt:8: warning: images/6.png is listed again, first in val.txt:1",
        "val.txt: warning: 6 of 8 images also in train.txt, first images/0.png (train.txt:1); "
        "what is trained on can't be validated on",
    ]
    data.write_text(data.read_text().replace("val.txt", "./train.txt") + "test=train.txt\n")
    assert findings(data) == [
        f"a.data: warning: train and {name} are the same list, train.txt; what is trained on can't be validated on"
        for name in ("valid", "test")
    ]
    data.write_text("classes=2\nvalid=train.txt\ntest=train.txt\nnames=a.names\n")
    assert findings(data) == ["a.data: warning: valid and test are the same list, train.txt"]


@pytest.mark.parametrize(
    ("ending", "part", "code"),
    [*[(ending, part, 1) for ending in (".png", ".bmp", ".tiff") for part in (0.05, 0.5)], (".jpg", 0.5, 0)],
)
def test_of_a_damaged_picture_we_alone_speak(
    ending: str, part: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENCV_LOG_LEVEL", raising=False)
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    whole = cv2.imencode(ending, noise)[1].tobytes()
    (tmp_path / f"cut{ending}").write_bytes(whole[: int(part * len(whole))])
    (tmp_path / "cut.txt").write_text("")
    (tmp_path / "list.txt").write_text(f"cut{ending}\n")
    result = spawned("data", "check", tmp_path / "list.txt", "--classes", "1")
    assert (result.code, result.err) == (code, "")
    assert ("damaged or cut off" if code else "cut.jpg: a JPEG image whose end is missing") in result.out


def test_quick_check_and_missing_labels(data: Path) -> None:
    root = data.parent
    header = cv2.imencode(".jpg", np.zeros((50, 100, 3), np.uint8))[1].tobytes()[:640]
    (root / "images" / "2.png").write_bytes(header)
    cut = [each for each in findings(data) if "images/2.png" in each]
    assert len(cut) == 1
    (root / "labels" / "3.txt").unlink()
    assert [each for each in findings(data, decode=False, background=True) if ": error:" in each] == []


def test_classes_and_names(data: Path) -> None:
    (data.parent / "a.names").write_text("dog\ncat\ncow\n")
    data.write_text("classes=3\ntrain=train.txt\nnames=a.names\n")
    assert findings(data) == ["a.data: warning: no object is of class 2 (cow)"]
    data.write_text("clases=2\ntrain=train.txt\nnames=a.names\n")
    assert findings(data)[0] == "a.data:1: warning: unknown key 'clases' is ignored; did you mean 'classes'?"
    data.write_text("classes=4\ntrain=train.txt\nnames=a.names\n")
    with pytest.raises(DataError, match=r"a\.data:1: classes: 4 classes, but .*a\.names has 3 names"):
        read_dataset(data)


def test_two_pictures_with_one_label_file(data: Path) -> None:
    picture(data.parent / "images" / "0.jpg", shade=77)
    (data.parent / "train.txt").write_text("images/0.png\nimages/0.jpg\nimages/1.png\n")
    assert findings(data)[0].startswith("train.txt:2: error: images/0.jpg has the same label file as images/0.png")


def test_lists(data: Path) -> None:
    root = data.parent
    one = read_dataset(root / "train.txt", root / "a.names")
    assert (one.classes, one.names, len(one.images)) == (2, ["dog", "cat"], 6)
    assert one.list_("train").images[0] == str(root / "images" / "0.png")
    assert read_dataset(root / "train.txt").classes is None
    assert read_dataset(root / "train.txt", classes=5).classes == 5
    with pytest.raises(DataError, match="has no 'test' list"):
        read_dataset(data).list_("test")
    data.write_text("classes=2\n")
    with pytest.raises(DataError, match="names no list of images"):
        read_dataset(data)
    (root / "train.txt").write_text("\n \n")
    with pytest.raises(DataError, match="is empty"):
        read_dataset(root / "train.txt")


# --- stats


def test_stats(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = data.parent
    (root / "labels" / "3.txt").write_text("")
    (root / "labels" / "4.txt").unlink()
    (root / "labels" / "5.txt").write_text("1 0 0 0 0\n")
    assert run("stats", data, "--json") == 0
    train, valid = json.loads(capsys.readouterr().out)
    counted = {key: train[key] for key in ("name", "images", "unlabelled", "empty", "objects", "class_only")}
    assert counted == {"name": "train", "images": 6, "unlabelled": 1, "empty": 1, "objects": 4, "class_only": 1}
    assert train["classes"] == [
        {"class_id": 0, "name": "dog", "objects": 2, "images": 2},
        {"class_id": 1, "name": "cat", "objects": 3, "images": 3},
    ]
    assert train["quantiles"]["width"]["most"] == pytest.approx(0.3)
    assert train["quantiles"]["objects per image"]["most"] == 2
    # 10 x 10, and widths of 10, 20, 30 with a height of 10
    assert train["quantiles"]["aspect"]["most"] == pytest.approx(3)
    assert train["areas"] == {"small": 4, "medium": 0, "large": 0}
    assert valid["objects"] == 2
    assert run("stats", data) == 0
    printed = capsys.readouterr().out
    assert "train: 6 images, 4 objects with boxes" in printed
    assert re.search(r"  cat +3 +60\.0% +3\n", printed)
    assert run("stats", data, "--no-sizes") == 0
    assert "aspect" not in capsys.readouterr().out


def test_stats_of_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in (data.parent / "labels").iterdir():
        label.write_text("")
    assert run("stats", data) == 0
    assert "nan" not in capsys.readouterr().out


# --- split


def test_every_part_has_its_share_of_every_class() -> None:
    rng = np.random.default_rng(0)
    # From a common class to one that five images have.
    presence = (rng.random((400, 4)) < [0.9, 0.3, 0.05, 0]).astype(int) * rng.integers(1, 4, (400, 4))
    presence[:5, 3] = 1
    parts = split(presence, {"train": 3, "valid": 1, "test": 1}, seed=1)
    assert sorted(i for part in parts.values() for i in part) == list(range(400))
    for name, share in (("train", 0.6), ("valid", 0.2), ("test", 0.2)):
        assert len(parts[name]) == pytest.approx(400 * share, abs=4)
        got = presence[parts[name]].sum(axis=0) / presence.sum(axis=0)
        np.testing.assert_allclose(got, share, atol=0.05)
    assert [int(presence[parts[name], 3].sum()) for name in parts] == [3, 1, 1]
    assert split(presence, {"train": 3, "valid": 1, "test": 1}, seed=1) == parts
    assert split(presence, {"train": 3, "valid": 1, "test": 1}, seed=2) != parts
    empty = split(np.zeros((50, 0), int), {"a": 1, "b": 4})
    assert {name: len(part) for name, part in empty.items()} == {"a": 10, "b": 40}


def test_split_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "parts"
    assert run("split", data, "one=1", "two=3", "--out", out, "--seed", "4") == 0
    assert capsys.readouterr().out == f"{out}/one.txt: 2 images\n{out}/two.txt: 6 images\n"
    files = {name: (out / f"{name}.txt").read_text().splitlines() for name in ("one", "two")}
    assert sorted(files["one"] + files["two"]) == [str(tmp_path / "images" / f"{i}.png") for i in range(8)]
    before = contents(out)
    with pytest.raises(DataError, match="exists and says something else"):
        run("split", data, "one=1", "two=1", "--out", out)
    assert contents(out) == before
    assert run("split", data, "one=1", "two=1", "--out", out, "--force") == 0
    assert run("split", data, "one=25%", "two=75%", "--out", tmp_path / "shares", "--seed", "4") == 0
    assert (tmp_path / "shares" / "two.txt").read_text().splitlines() == files["two"]
    for wrong in ("one=0", "one", "../x=1", "=1", "one=nan", "one=1 two=1 one=1"):
        with pytest.raises(DataError, match="expected"):
            run("split", data, *wrong.split(), "--out", out, "--force")


# --- show


def test_parts_are_ready_for_training(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("split", data, "train=75%", "valid=25%", "--out", tmp_path / "parts") == 0
    made = tmp_path / "parts" / "parts.data"
    assert f"{made}: ready for training" in capsys.readouterr().out
    read = read_dataset(made)
    assert (read.names, [each.name for each in read.lists]) == (["dog", "cat"], ["train", "valid"])
    assert sorted(read.images) == sorted(read_dataset(data).images)
    assert run("split", data.parent / "train.txt", "train=.5", "valid=.5", "--out", tmp_path / "bare") == 0
    assert not list((tmp_path / "bare").glob("*.data"))  # whose names nobody said


def test_show(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "seen"
    assert run("show", data, "--out", out, "--count", "3", "--seed", "1") == 0
    printed = capsys.readouterr().out.split()
    assert printed == sorted(str(path) for path in out.iterdir())
    assert len(printed) == 3
    shown = load_image(printed[0])
    assert shown.shape == (50, 100, 3)
    assert (np.ptp(shown, axis=2) > 50).any()  # a coloured frame on a grey image
    with pytest.raises(DataError, match="exists; choose another folder"):
        run("show", data, "--out", out, "--count", "3", "--seed", "1")
    assert run("show", data, "--out", out, "--count", "3", "--seed", "1", "--force") == 0


def test_a_label_without_confidence() -> None:
    grey = np.full((60, 90, 3), 128, np.uint8)
    sure, unsure = (Detection(0, "dog", value, value, Box(50, 40, 30, 20)) for value in (1.0, 0.3))
    assert (draw(grey, [sure], show_confidence=False) == draw(grey, [unsure], show_confidence=False)).all()
    assert (draw(grey, [sure]) != draw(grey, [unsure])).any()


def test_classes_that_nothing_is_of_take_no_memory(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many classes as there may be are split, counted and reported; more, or none, are an error."""
    (tmp_path / "labels" / "3.txt").write_text("999999 .5 .5 .2 .2\n")
    (tmp_path / "a.data").write_text("classes=1000000\ntrain=train.txt\n")
    assert run("split", data, "one=1", "two=1", "--out", tmp_path / "parts") == 0
    assert len(findings(data)) == 101
    assert findings(data)[-1] == "a.data: warning: nor is any of 999897 more of the 1000000 classes"
    for wrong in ("2147483647", "-1"):
        (tmp_path / "a.data").write_text(f"classes={wrong}\ntrain=train.txt\n")
        with pytest.raises(
            DataError, match=rf"a\.data:1: classes: expected a number from 0 to 1000000, found {wrong}"
        ):
            findings(data)
    with pytest.raises(DataError, match="expected 1 to 1000000 classes, found 2147483647"):
        run("check", tmp_path / "train.txt", "--classes", "2147483647")
