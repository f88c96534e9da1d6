"""Detections as label files: the truth is never overwritten, our own files are known again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pydarknet.errors import DarknetError, DataError
from pydarknet.writers import open_writer
from pydarknet.writers.yolo import BesideWriter
from tests.lib.written import DOG, EDGE, NAMES, SIZE, contents, folder_of, save


def refused(target: Path, image: str, words: str) -> None:
    record, before = ".pydarknet-labels.json", contents(target)
    with pytest.raises(DataError, match=words):
        save("yolo", target, (image, [DOG]))
    assert contents(target) | {record: b""} == before | {record: b""}


@pytest.mark.parametrize(
    ("image", "folder"),
    [
        ("a.jpg", "."),
        ("images/a.jpg", "images"),
        ("images/a.jpg", "labels"),
        ("VOC/JPEGImages/a.png", "VOC/labels"),
        ("raw/x/a.jpeg", "labels/x"),
        ("raw_data/images/a.jpg", "raw_data/labels"),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_labels_beside_the_pictures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: str, folder: str, absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(Path(folder), str(tmp_path / image) if absolute else image, "where the true labels of .* belong")


def test_labels_behind_a_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "out").symlink_to("labels")
    refused(tmp_path / "out", str(tmp_path / "images" / "a.jpg"), "true labels")


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 .5 .5 .1 .1\n")
    refused(tmp_path, "elsewhere/a.jpg", "exists and was not written by pydarknet")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    truth = tmp_path / "truth.txt"
    truth.write_text("0 .5 .5 .1 .1\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").symlink_to(truth)
    with pytest.raises(DataError, match="exists"):
        save("yolo", tmp_path / "out", ("x/a.jpg", [DOG]))
    assert truth.read_text() == "0 .5 .5 .1 .1\n"


def test_our_own_labels_are_replaced_unless_somebody_changed_them(tmp_path: Path) -> None:
    save("yolo", tmp_path, ("x/a.jpg", [DOG]), ("x/b.jpg", [DOG]))
    save("yolo", tmp_path, ("x/a.jpg", [EDGE]))
    assert (tmp_path / "a.txt").read_text().startswith("3 ")
    (tmp_path / "b.txt").write_text("corrected by hand\n")
    refused(tmp_path, "x/b.jpg", "changed since")


def test_labels_of_an_interrupted_run_are_still_ours(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("by hand\n")
    with pytest.raises(DataError, match="exists"):
        save("yolo", tmp_path, ("x/a.jpg", [DOG]), ("x/b.jpg", [DOG]))
    save("yolo", tmp_path, ("x/a.jpg", [EDGE]))
    assert (tmp_path / "a.txt").read_text().startswith("3 ")


def labels_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt"))


@pytest.mark.parametrize("journal", [b"", b'["c.txt", \n[]\n5\n["../../a", "b", 1]\n\xff\n{}'])
def test_labels_of_a_killed_run_are_still_ours(tmp_path: Path, journal: bytes) -> None:
    """Without a word of goodbye; also from a run that was killed between its note and the file."""
    child = os.fork()
    if child == 0:
        writer = open_writer("yolo", tmp_path, NAMES)
        for name in ("a.jpg", "b.jpg"):
            writer.write(name, SIZE, [DOG])
        os._exit(0)
    os.waitpid(child, 0)
    with (tmp_path / ".pydarknet-labels.log").open("ab") as file:
        file.write(journal)
    (tmp_path / "b.txt").write_text("theirs")
    with pytest.raises(DataError, match="not written by pydarknet"):
        save("yolo", tmp_path, ("b.jpg", [DOG]))
    save("yolo", tmp_path, ("a.jpg", [EDGE]))
    assert not (tmp_path / ".pydarknet-labels.log").exists()
    save("yolo", tmp_path, ("a.jpg", [DOG]))


def test_pictures_of_one_name(tmp_path: Path) -> None:
    names = ["x/a.jpg", "y/z/a.png", "y/z/a.jpg", "../y/a.jpg", "/y/z/a.bmp", "x/a.jpg"]
    for _ in range(2):  # the second run finds its own files
        save("yolo", tmp_path, *((name, [DOG]) for name in names))
        assert labels_of(tmp_path) == ["a.txt", "y/a.txt", "y/z/a.txt", "y/z/a_2.txt", "y/z/a_3.txt"]


def test_labels_keep_the_folders_below_a_root(tmp_path: Path) -> None:
    with open_writer("yolo", tmp_path, NAMES, root="/set") as writer:
        for name in ("/set/a/1.jpg", "/set/b/1.jpg", "/set/2.jpg", "/other/3.jpg"):
            writer.write(name, SIZE, [DOG])
    assert labels_of(tmp_path) == ["2.txt", "a/1.txt", "b/1.txt", "other/3.txt"]


def test_what_is_refused_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("by hand\n")
    with open_writer("yolo", tmp_path, NAMES) as writer:
        with pytest.raises(DataError, match="exists"):
            writer.write("x/a.jpg", SIZE, [DOG])
        writer.write("x/b.jpg", SIZE, [DOG])
    assert labels_of(tmp_path) == ["a.txt", "b.txt"]


def test_labels_beside_the_pictures(tmp_path: Path) -> None:
    images, labels = folder_of(tmp_path, "images"), folder_of(tmp_path, "labels")
    (labels / "truth.txt").write_text("0 .5 .5 .1 .1\n")
    for _ in range(2):
        with BesideWriter(NAMES) as writer:
            writer.write(str(images / "a.jpg"), SIZE, [DOG])
            with pytest.raises(DataError, match=r"truth\.txt: exists"):
                writer.write(str(images / "truth.jpg"), SIZE, [DOG])
    assert labels_of(images) == ["a.txt"]
    (images / "a.txt").write_text("corrected\n")
    with BesideWriter(NAMES) as writer, pytest.raises(DataError, match="changed since"):
        writer.check(str(images / "a.jpg"))


def test_a_damaged_record_owns_nothing(tmp_path: Path) -> None:
    save("yolo", tmp_path, ("x/a.jpg", [DOG]))
    for text in ("", "[]", '{"a.txt": 1}', "\xff"):
        (tmp_path / ".pydarknet-labels.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(DarknetError, match="exists"):
            save("yolo", tmp_path, ("x/a.jpg", [DOG]))
