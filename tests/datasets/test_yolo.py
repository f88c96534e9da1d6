"""Data sets whose labels are YOLO's already."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pydarknet.datasets import check, read_dataset, read_yolo
from pydarknet.errors import DataError
from pydarknet.formats.labels import read_labels
from tests.lib.toy_datasets import contents, picture, run

pytest.importorskip("yaml")


def labelled(folder: Path, stem: str, label: str | None = "0 .5 .5 .2 .4\n", labels: Path | None = None) -> str:
    image = picture(folder / f"{stem}.jpg")
    if label is not None:
        place = labels or folder
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{stem}.txt").write_text(label)
    return image


def labelimg(root: Path) -> Path:
    """Labels beside the images."""
    for i in range(10):
        labelled(root, f"{i}", f"{i % 2} .5 .5 .2 .4\n")
    (root / "classes.txt").write_text("dog\ncat\n")
    return root


def ultralytics(root: Path) -> Path:
    """images/train, labels/train, and a yaml with names by number."""
    for key in ("train", "val"):
        for i in range(3):
            labelled(root / "images" / key, f"{i}", labels=root / "labels" / key)
    (root / "my.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames:\n  0: dog\n  1: cat\n")
    return root / "my.yaml"


def roboflow(root: Path) -> Path:
    """train/images, train/labels; the yaml says ../train/images."""
    for key in ("train", "valid", "test"):
        labelled(root / key / "images", "a", labels=root / key / "labels")
    (root / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: ['dog', 'cat']\n"
    )
    return root


def cvat(root: Path) -> Path:
    """obj.data, whose paths begin with data/."""
    labelled(root / "obj_train_data", "a")
    (root / "obj.names").write_text("dog\ncat\n")
    (root / "train.txt").write_text("data/obj_train_data/a.jpg\n")
    (root / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    return root


@pytest.mark.parametrize(
    ("make", "counts"),
    [
        (labelimg, {"train": 10}),
        (ultralytics, {"train": 3, "valid": 3}),
        (roboflow, {"train": 1, "valid": 1, "test": 1}),
        (cvat, {"train": 1}),
    ],
)
def test_every_kind_is_ready_for_training(tmp_path: Path, make, counts: dict[str, int]):
    source = make(tmp_path / "set")
    before = contents(tmp_path / "set")
    assert run("yolo", source, "--out", tmp_path / "out") == 0
    data = read_dataset(tmp_path / "out" / "out.data")
    assert {each.name: len(each.images) for each in data.lists} == counts
    assert (data.classes, data.names) == (2, ["dog", "cat"])
    assert [str(each) for each in check(data) if each.error] == []
    assert contents(tmp_path / "set") == before  # nothing of the user's is touched
    read = read_yolo(source)
    assert read.sets["train"][0].labels == [pytest.approx((0, 0.5, 0.5, 0.2, 0.4))]


def test_a_share_to_validate_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = labelimg(tmp_path / "set")
    assert run("yolo", root, "--valid", "0.2") == 0
    data = read_dataset(root / "set.data")
    train, valid = (data.list_(key).images for key in ("train", "valid"))
    assert (len(train), len(valid)) == (8, 2)
    assert not set(train) & set(valid)
    assert "2 of 10 images are to validate on" in capsys.readouterr().out
    with pytest.raises(DataError, match="has 3 images to validate on already"):
        read_yolo(ultralytics(tmp_path / "other"), valid=0.2)


def test_polygons_become_boxes_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = labelimg(tmp_path / "set")
    (root / "3.txt").write_text("1 .1 .2 .5 .2 .5 .8 .1 .6\n0 .5 .5 .2 .4\n")
    with pytest.raises(DataError, match="has polygons; choose a folder --out"):
        run("yolo", root)
    assert run("yolo", root, "--out", tmp_path / "out") == 0
    assert "1 polygons became the boxes around them" in capsys.readouterr().out
    rows = read_labels(tmp_path / "out" / "labels" / "3.txt", 2)
    assert rows.tolist() == [pytest.approx([1, 0.3, 0.5, 0.4, 0.6]), pytest.approx([0, 0.5, 0.5, 0.2, 0.4])]
    assert (tmp_path / "out" / "images" / "3.jpg").is_symlink()


def test_a_folder_of_vocs_is_recognised(tmp_path: Path):
    root = labelimg(tmp_path / "set")
    (root / "classes.txt").unlink()
    (root / "Annotations").mkdir()
    with pytest.raises(DataError, match=f"its Annotations are VOC's: pydarknet data voc {root}"):
        read_yolo(root)


def test_images_to_test_on_may_be_missing(tmp_path: Path):
    """Roboflow's data.yaml names them whether they are exported or not."""
    root = roboflow(tmp_path / "set")
    shutil.rmtree(root / "test")
    data = read_yolo(root)
    assert list(data.sets) == ["train", "valid"]
    assert data.notes[0].startswith("left out the images to test on, which training doesn't need: ")
    shutil.rmtree(root / "valid")
    with pytest.raises(DataError, match=r"valid: can.t find the folder or list .\.\./valid/images"):
        read_yolo(root)


def test_images_without_labels_are_counted(tmp_path: Path):
    root = labelimg(tmp_path / "set")
    (root / "4.txt").unlink()
    assert f"1 of 10 images have no label file: no objects; {root}/4.jpg" in read_yolo(root).notes


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / "classes.txt").unlink(), "names of the classes aren't there"),
        (lambda root: (root / "3.txt").write_text("2 .5 .5 .1 .1\n"), r"3\.txt:1: expected a class from 0 to 1"),
        (lambda root: (root / "3.txt").write_text("0 .5 .5 .1\n"), r"3\.txt:1: expected 'class x y w h'"),
        (lambda root: (root / "3.txt").write_text("0 1 2 3 4 x 5\n"), r"3\.txt:1: expected a number, found 'x'"),
        (lambda root: [path.unlink() for path in root.glob("[0-9].txt")], "no label file, nor for any other of 10"),
        (lambda root: [path.unlink() for path in root.glob("*.jpg")], "holds no images"),
        (lambda root: (root / "data.yaml").write_text("train: [a\n"), r"data\.yaml:2: is no YAML"),
        (lambda root: (root / "data.yaml").write_text("- a\n"), "expected keys such as train: and names:"),
        (lambda root: (root / "data.yaml").write_text("names: [a]\n"), "names no images"),
        (lambda root: (root / "data.yaml").write_text("train: nowhere\n"), "can't find the folder or list 'nowhere'"),
        (
            lambda root: (root / "data.yaml").write_text("train: .\nnc: 3\nnames: [a]\n"),
            "nc: 3, but there are 1",
        ),
        (lambda root: (root / "data.yaml").write_text("train: .\nnames: {1: a}\n"), "expected the numbers 0 to 0"),
        (lambda root: (root / "data.yaml").write_bytes(b"\xff\xfe\x00\xd8"), r"data\.yaml"),
        (lambda root: (root / "obj.data").write_text("train = nowhere.txt\n"), r"obj\.data:1: train: can't find"),
        (lambda root: (root / "obj.data").write_text("classes = 2\n"), "names no list of images"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, break_it, message: str):
    root = labelimg(tmp_path / "set")
    break_it(root)
    with pytest.raises(DataError, match=message):
        read_yolo(root)


def test_all_wrong_label_files_are_said_at_once(tmp_path: Path):
    root = labelimg(tmp_path / "set")
    for i in range(3):
        (root / f"{i}.txt").write_text("5 .5 .5 .1 .1\n")
    with pytest.raises(
        DataError, match=r"3 of 10 label files can't be used:(\n  .*/[012]\.txt:1: expected a class.*){3}$"
    ):
        read_yolo(root)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DataError, match="no such file or folder"):
        read_yolo(tmp_path / "nowhere")


def test_a_list_that_says_something_else_stays(tmp_path: Path):
    root = cvat(tmp_path / "set")
    with pytest.raises(DataError, match=r"train\.txt: exists and says something else"):
        run("yolo", root)
    assert (root / "train.txt").read_text() == "data/obj_train_data/a.jpg\n"


def test_folders_where_a_list_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = labelimg(tmp_path / "set")
    assert run("check", root, "--names", root / "classes.txt") == 0
    assert "10 images: 0 errors" in capsys.readouterr().out
    next(root.glob("*.txt")).unlink()
    run("check", root, "--names", root / "classes.txt")
    assert f"{root}: error: " in capsys.readouterr().out  # a folder has no lines
    (tmp_path / "a.data").write_text("train = set\nclasses = 2\n")
    with pytest.raises(DataError, match=r"a\.data:1: train: .*set is a folder; `pydarknet data yolo FOLDER`"):
        read_dataset(tmp_path / "a.data")
