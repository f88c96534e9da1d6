"""Images in a folder for each class become a classifier's data set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pydarknet.datasets import read_classes
from pydarknet.errors import DataError
from pydarknet.formats.data import read_data, read_labels, read_list, read_names
from pydarknet.formats.path_labels import path_classes
from tests.lib.toy_datasets import contents, picture, run


def folders(root: Path, *places: str, count: int = 5) -> Path:
    for place in places:
        for i in range(count):
            picture(root / place / f"{i}.jpg", shade=40 * i)
    return root


def classes_of(data: Path, key: str = "train") -> list[str]:
    """For each image of a list the name of the class that a training finds, and the image."""
    options = read_data(data)
    names = read_names(options.path("names"))
    find = path_classes(options, read_labels(options.path("labels")))
    rows = []
    for image in read_list(options.path(key)):
        (class_id,) = find(image)
        rows.append(f"{names[class_id]} {Path(image).parent.name}/{Path(image).name}")
    return rows


@pytest.mark.parametrize(
    ("places", "counts"),
    [
        (("cat", "dog"), {"train": 10}),
        (("train/cat", "train/dog", "val/cat", "val/dog"), {"train": 10, "valid": 10}),
        (("Train/cat", "Train/dog", "validation/dog", "test/cat"), {"train": 10, "valid": 5, "test": 5}),
        (("cat", "dog", "valid/cat"), {"train": 10, "valid": 5}),
        (("cat", "dog", "test"), {"train": 10}),  # nothing says what is to be seen in those
        (("train", "bus"), {"train": 10}),  # classes of vehicles
    ],
)
def test_every_layout(tmp_path: Path, places: tuple[str, ...], counts: dict[str, int]):
    root = folders(tmp_path / "pets", *places)
    before = contents(root)
    assert run("classes", root, "--out", tmp_path / "out", "--name", "a") == 0
    for key, count in counts.items():
        found = classes_of(tmp_path / "out" / "a.data", key)
        assert len(found) == count
        assert all(row.split()[0] == row.split()[1].split("/")[0] for row in found)
    assert {path.stem for path in (tmp_path / "out").glob("*.txt")} == {*counts}
    assert contents(root) == before


def test_labels_that_are_in_one_another_and_in_the_folders_above(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    names = ("cat", "catfish", "fish", "a", "1", "10", "jpg", "home cat", "größe", "#x", "the.dog", "data_1", "_")
    root = folders(tmp_path / "cat" / "fish", *names, count=2)
    assert run("classes", root) == 0
    assert [row.rsplit("/", 1)[0] for row in classes_of(root / "fish.data")] == [
        f"{name} {name}" for name in sorted(names) for _ in range(2)
    ]
    assert "hold the folders of two classes, of which the inner one counts" in capsys.readouterr().out


def test_it_is_moved_and_copied(tmp_path: Path):
    root = folders(tmp_path / "pets", "train/cat", "train/dog/old")
    for placing in ("link", "copy"):
        out = tmp_path / "out" / placing
        assert run("classes", root, "--out", out, "--images", placing) == 0
        assert (out / "images/train/dog/old/1.jpg").is_symlink() == (placing == "link")
        assert all(row.startswith(("cat cat/", "dog old/")) for row in classes_of(out / f"{placing}.data"))
    before = contents(out)
    assert run("classes", root, "--out", out, "--images", "copy") == 0
    assert contents(out) == before
    with pytest.raises(DataError, match=r"expected --out FOLDER outside of .*pets"):
        run("classes", root, "--out", root / "mine", "--images", "copy")


def test_a_second_run_and_a_share_to_validate_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = folders(tmp_path / "pets", "cat", "dog")
    for _ in range(2):
        assert run("classes", root, "--valid", "0.2") == 0
    assert [row[:3] for row in classes_of(root / "pets.data", "valid")] == ["cat", "dog"]
    assert capsys.readouterr().out.endswith(
        f"{root}/train.txt: 8 images, 2 classes\n{root}/valid.txt: 2 images, 2 classes\n"
        f"{root}/pets.data: ready for training\n"
    )
    folders(root, "fox")
    with pytest.raises(DataError, match="exists and says something else"):
        run("classes", root, "--valid", "0.2")
    folders(root, "val/cat")
    with pytest.raises(DataError, match="has 5 images to validate on already"):
        run("classes", root, "--valid", "0.2")


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = folders(
        tmp_path / "pets", "train/cat", "train/dog", "train/dog/deep", "val/cat", "val/fox", "more", ".git"
    )
    (root / "train" / "cow").mkdir()
    (root / "train" / "cat" / "bad.jpg").write_bytes(b"no image")
    (root / "train" / "cat" / "gone.jpg").symlink_to("nowhere.jpg")
    (root / "train" / "cat" / "notes.txt").write_text("x")
    picture(root / "train" / "loose.jpg")
    picture(root / "over.jpg")
    picture(root / "backup" / "chart_pets.png")
    (root / "backup" / "pets_final.weights").write_bytes(b"")
    assert run("classes", root) == 0
    told = capsys.readouterr().out
    for expected in (
        "train: no image is of 'fox'", "valid: no image is of 'dog'", "left out 5 images in 'more', no folder of",
        "no class, as no image is in them: 'cow'", "left out 2 images that can't be read; the first: ",
        f"left out 1 image in no folder of a class; the first: {root}/train/loose.jpg",
        f"left out 1 image in no folder of a class; the first: {root}/over.jpg",
        "backup: it has weights, of a training",
        "5 images in folders further in are of the class of the outer folder",
        "train.txt: 15 images, 2 classes",
    ):  # fmt: skip
        assert expected.replace("'", "") in told.replace("'", "")


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ((), r"holds no image in a folder; expected .*/CLASS/image\.jpg"),
        ((".",), r"images lie in no folder of a class; expected .*/CLASS/0\.jpg"),
        (("train", "test"), "found one folder of images: train"),
        (("pets/cat", "pets/dog"), r"found one folder of images: pets; if its folders are the classes, give .*/pets"),
        (("val/cat", "val/dog"), "has no images to train on"),
        (("train/cat", "train/dog", "val/cat", "valid/cat"), "expected one folder of images for valid, found"),
        (("cat/dog", "dog"), r"cat/dog/0\.jpg: is it of the class 'cat' or, by the folder further in, 'dog'"),
        (("a\nb", "dog"), "a name must be a line of text"),
    ],
)
def test_what_is_no_folder_of_classes(tmp_path: Path, places: tuple[str, ...], message: str):
    root = folders(tmp_path / "set", *places)
    root.mkdir(exist_ok=True)
    before = contents(root)
    with pytest.raises(DataError, match=message):
        run("classes", root)
    assert contents(root) == before
    with pytest.raises(DataError, match="no such folder"):
        read_classes(tmp_path / "nowhere")


def test_images_that_are_for_another_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = folders(tmp_path / "set", "images", "more")
    with pytest.raises(DataError, match=r"no label files either; for a folder .* each class: pydarknet data classes"):
        run("yolo", root)
    (root / "labels").mkdir()
    for i in range(5):
        (root / "labels" / f"{i}.txt").write_text("0 .5 .5 .1 .1\n")
    assert run("classes", root) == 0
    told = f"a detector's data from label files: pydarknet data yolo {root}"
    assert f"note: images have label files, which a classifier has no use for; {told}" in capsys.readouterr().out
    shutil.rmtree(root / "more")
    with pytest.raises(DataError, match=rf"found one folder of images: images; {told}"):
        run("classes", root)


def test_images_none_of_which_can_be_read(tmp_path: Path):
    root = folders(tmp_path / "set", "cat", "dog")
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"?")
    with pytest.raises(DataError, match=r"none of 10 images can be read; the first: .*cat/0\.jpg"):
        run("classes", root)


def test_a_set_that_was_moved_is_used(tmp_path: Path):
    root = folders(tmp_path / "pets", "cat", "dog")
    assert run("classes", root) == 0
    shutil.move(root, tmp_path / "dog")
    options = read_data(tmp_path / "dog" / "pets.data")
    assert options.path("labels").read_text() == "/cat/\n/dog/\n"
    assert len(classes_of(tmp_path / "dog" / "pets.data")) == 10
