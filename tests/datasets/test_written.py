"""Data sets that are written: linked, copied, never over what is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pydarknet.datasets import check, read_coco, read_dataset, read_voc, write
from pydarknet.datasets.convert import Conversion, Sample
from pydarknet.errors import DataError
from tests.lib.toy_datasets import coco_json, contents, picture, run, voc_folder


def test_a_device_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("/dev/zero")
    picture = Conversion(["a"], {"train": [Sample(str(tmp_path / "a.jpg"), [])]})
    with pytest.raises(DataError, match=r"a\.jpg: is no file"):
        write(picture, tmp_path / "out", images="copy")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/a.jpg\n")
    errors = [str(each) for each in check(read_dataset(tmp_path / "list.txt", classes=1)) if each.error]
    assert len(errors) == 1
    assert "a.jpg: is no file but a device or a pipe" in errors[0]


@pytest.mark.parametrize("pictures", ["link", "copy"])
def test_pictures_elsewhere(tmp_path: Path, pictures: Any) -> None:
    root = voc_folder(tmp_path / "VOC")
    before = contents(root)
    out = tmp_path / "out"
    write(read_voc([root]), out, images=pictures)
    assert contents(root) == before
    assert sorted(contents(out)) == [
        *[f"images/00{i}.jpg" for i in range(3)],
        *[f"labels/00{i}.txt" for i in range(3)],
        "out.data",
        "out.names",
        "train.txt",
    ]
    assert (out / "images" / "000.jpg").is_symlink() == (pictures == "link")
    assert (out / "images" / "001.jpg").read_bytes() == (root / "JPEGImages" / "001.jpg").read_bytes()
    assert [finding for finding in check(read_dataset(out / "out.data")) if finding.error] == []
    write(read_voc([root]), out, images=pictures)  # again, which changes nothing


def test_what_is_there_stays(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC")
    (root / "labels").mkdir()
    (root / "labels" / "001.txt").write_text("0 .5 .5 .1 .1\n")
    before = contents(root)
    with pytest.raises(
        DataError, match=r"labels/001\.txt: exists and says something else; use another --out, or --force"
    ):
        write(read_voc([root]), root)
    assert contents(root) == before
    write(read_voc([root]), root, force=True)
    assert (root / "labels" / "001.txt").read_bytes() != before["labels/001.txt"]
    write(read_voc([root]), root)  # the same again is no change


def test_a_picture_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC")
    other = picture(tmp_path / "out" / "images" / "000.jpg", shade=99)
    before = Path(other).read_bytes()
    with pytest.raises(DataError, match=r"images/000\.jpg: exists and is not"):
        write(read_voc([root]), tmp_path / "out", images="copy", force=True)
    assert Path(other).read_bytes() == before


def test_two_pictures_of_one_name(tmp_path: Path) -> None:
    roots = [voc_folder(tmp_path / name) for name in ("a", "b")]
    with pytest.raises(DataError, match="has the same name"):
        write(read_voc(roots), tmp_path / "out", images="link")
    assert not (tmp_path / "out").exists()


def test_folders_that_darknet_mangles(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "raw_data" / "VOC")
    (note,) = write(read_voc([root]), root, name="x")[-1:]
    assert "Darknet's programs look for its labels in" in note
    assert [finding for finding in check(read_dataset(root / "x.data")) if finding.error] == []


def test_nothing_can_be_written(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/images/.*can't be made"):
        write(read_voc([root]), tmp_path / "file", images="copy")
    (root / "labels").write_text("")
    with pytest.raises(DataError, match=r"labels/000\.txt: can't be written"):
        write(read_voc([root]), root)


def test_voc_and_coco_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = voc_folder(tmp_path / "VOC")
    assert run("voc", root, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert f"{tmp_path}/out/train.txt: 3 images, 2 objects" in printed
    assert (tmp_path / "out" / "images" / "000.jpg").is_symlink()
    assert run("check", tmp_path / "out" / "out.data") == 0
    (tmp_path / "coco" / "images").mkdir(parents=True)
    for name in "ab":
        picture(tmp_path / "coco" / "images" / f"{name}.jpg")
    file = coco_json(tmp_path / "a.json")
    assert run("coco", "--train", file, tmp_path / "coco" / "images", "--out", tmp_path / "coco") == 0
    assert os.path.isfile(tmp_path / "coco" / "labels" / "a.txt")
    with pytest.raises(DataError, match="at least one of --train"):
        run("coco", "--out", tmp_path)


def test_images_that_are_turned_are_said(tmp_path: Path) -> None:
    """Half the size is no fault; another side up is."""
    root = voc_folder(tmp_path / "VOC")
    picture(root / "JPEGImages" / "000.jpg", 50, 25)
    assert not [note for note in write(read_voc([root]), tmp_path / "a", images="copy") if "proportions" in note]
    picture(root / "JPEGImages" / "002.jpg", 50, 100)
    [note] = [note for note in write(read_voc([root]), tmp_path / "b", images="copy") if "proportions" in note]
    assert note.startswith("1 of 2 images have other proportions than their annotations say")
    assert note.endswith("002.jpg has 50 x 100 pixels (upright, if EXIF turns it), not 100 x 50")


def test_images_that_are_turned_are_said_of_coco(tmp_path: Path) -> None:
    file = coco_json(tmp_path / "a.json")
    picture(tmp_path / "images" / "a.jpg", 50, 100)
    notes = write(read_coco({"train": (file, tmp_path / "images")}), tmp_path / "out")
    assert any("1 of 2 images have other proportions" in note for note in notes)


def test_only_images_that_are_there_are_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = coco_json(tmp_path / "a.json")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(DataError, match=r"elsewhere/a\.jpg: no such image, nor any other of 2"):
        run("coco", file, tmp_path / "elsewhere", "--out", tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())
    picture(tmp_path / "elsewhere" / "b.jpg")
    assert run("coco", file, tmp_path / "elsewhere", "--out", tmp_path / "out") == 0
    assert "left out 1 of 2 images that aren't there; the first: " in capsys.readouterr().out
    assert (tmp_path / "out" / "train.txt").read_text() == f"{tmp_path}/elsewhere/b.jpg\n"


def test_every_form_can_have_a_share_to_validate_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = voc_folder(tmp_path / "VOC")
    file = coco_json(tmp_path / "a.json")
    for name in "ab":
        picture(tmp_path / f"{name}.jpg")
    for source in (("voc", root), ("coco", file)):
        out = tmp_path / source[0]
        assert run(*source, "--valid", "0.5", "--out", out, "--images", "copy") == 0
        data = read_dataset(out / f"{out.name}.data")
        assert {each.name for each in data.lists} == {"train", "valid"}
        assert not set(data.list_("train").images) & set(data.list_("valid").images)
        assert run(*source, "--out", tmp_path / f"no {source[0]}", "--images", "copy") == 0
        assert "no images to validate on; --valid 0.2 would set a fifth aside" in capsys.readouterr().out
    root = voc_folder(tmp_path / "sets", {"train": "000\n", "val": "001\n"})
    with pytest.raises(DataError, match="has 1 images to validate on already"):
        run("voc", root, "--valid", "0.5")


def test_a_data_set_may_be_moved(tmp_path: Path) -> None:
    """As a whole; an image that is missing from a folder that is there is not looked for elsewhere."""
    write(read_voc([voc_folder(tmp_path / "VOC")]), tmp_path / "old" / "mine", images="copy")
    (tmp_path / "old").rename(tmp_path / "new")
    data = read_dataset(tmp_path / "new" / "mine" / "mine.data")
    assert [Path(image).parent for image in data.images] == [tmp_path / "new" / "mine" / "images"] * 3
    assert not [finding for finding in check(data) if finding.error]
    assert any("names: " in each and "isn't there, " in each for each in data.warnings)
    assert any("3 of 3 images aren't where it says; those beside it are taken" in each for each in data.warnings)
    (tmp_path / "old" / "mine" / "images").mkdir(parents=True)
    missing = read_dataset(tmp_path / "new" / "mine" / "train.txt", classes=20).images
    assert missing == [str(tmp_path / "old" / "mine" / "images" / f"00{i}.jpg") for i in range(3)]
