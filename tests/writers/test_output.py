"""The writers of detections: formats, odd names, interrupted runs, and files that must not be touched."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.detection.results import Box, Detection
from pydarknet.errors import DarknetError, DataError, ExportError
from pydarknet.writers import KINDS, BesideWriter, Result, darknet_lines, open_writer
from pydarknet.writers.base import FileWriter
from pydarknet.writers.coco import CATEGORIES, image_id

NAMES = ["person", "dog", 'sofa "red", <b>', "стол"]
DOG = Detection(1, "dog", 0.875, 0.9375, Box(50.0, 40.0, 20.0, 10.0))
EDGE = Detection(3, "стол", 0.25, 0.5, Box(95.0, 2.0, 30.0, 20.0), ("мебель", "стол"))
SIZE = (100, 80)
FILES = [kind for kind in KINDS if kind not in {"voc", "yolo"}]
ODD = os.fsdecode(b'images/caf\xe9 "1",\\2\n.jpg')  # Latin-1 bytes, a quote, a backslash, a line end


def save(kind: str, target: Path, *pictures: tuple[str, list[Detection]], names: list[str] = NAMES) -> None:
    with open_writer(kind, target, names) as writer:
        for name, detections in pictures:
            writer.write(name, SIZE, detections)


def folder_of(*parts: str | Path) -> Path:
    """A folder, made: there a file gets its usual name."""
    folder = Path(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- formats


def test_json(tmp_path: Path) -> None:
    out = tmp_path / "new" / "x.json"
    save("json", out, ("a/dog.jpg", [DOG, EDGE]), ("b.jpg", []))
    first, second = json.loads(out.read_bytes())
    assert first == {
        "frame_id": 1,
        "filename": "a/dog.jpg",
        "width": 100,
        "height": 80,
        "objects": [
            {
                "class_id": 1,
                "name": "dog",
                "relative_coordinates": {"center_x": 0.5, "center_y": 0.5, "width": 0.2, "height": 0.125},
                "confidence": 0.875,
                "objectness": 0.9375,
                "box": {"left": 40, "top": 35, "width": 20, "height": 10},
            },
            {
                "class_id": 3,
                "name": "стол",
                "relative_coordinates": {"center_x": 0.95, "center_y": 0.025, "width": 0.3, "height": 0.25},
                "confidence": 0.25,
                "objectness": 0.5,
                "box": {"left": 80, "top": -8, "width": 30, "height": 20},
                "path": ["мебель", "стол"],
            },
        ],
    }
    assert second == {"frame_id": 2, "filename": "b.jpg", "width": 100, "height": 80, "objects": []}
    assert "стол" in out.read_text("utf-8")


def test_jsonl_has_the_same_pictures(tmp_path: Path) -> None:
    pictures: Any = (("dog.jpg", [DOG, EDGE]), ("b.jpg", []))
    save("json", tmp_path / "x.json", *pictures)
    save("jsonl", tmp_path / "x.jsonl", *pictures)
    lines = (tmp_path / "x.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == json.loads((tmp_path / "x.json").read_bytes())


def test_coco(tmp_path: Path) -> None:
    names = [str(i) for i in range(80)]
    last = Detection(79, "79", 0.5, 0.5, EDGE.box)
    save("coco", tmp_path, ("COCO_val2014_000000000042.jpg", [DOG, last]), ("b.jpg", []), names=names)
    assert json.loads((tmp_path / "coco_results.json").read_bytes()) == [
        {"image_id": 42, "category_id": 2, "bbox": [40, 35, 20, 10], "score": 0.875},
        {"image_id": 42, "category_id": 90, "bbox": [80, 0, 20, 12], "score": 0.5},
    ]
    save("coco", tmp_path, ("7.jpg", [EDGE]))
    assert json.loads((tmp_path / "coco_results.json").read_bytes())[0]["category_id"] == 4


def test_coco_categories() -> None:
    assert len(CATEGORIES) == 80
    # cup, tv, toothbrush by their numbers in COCO's annotations
    assert (CATEGORIES[0], CATEGORIES[41], CATEGORIES[62], CATEGORIES[79]) == (1, 47, 72, 90)


@pytest.mark.parametrize(
    ("name", "frame", "number"),
    [
        ("x/COCO_val2014_000000000042.jpg", None, 42),
        ("000000397133.jpg", None, 397133),
        ("a_1/12.jpg", None, 12),
        ("12_dog.jpg", None, 12),
        ("dog_7b.jpg", None, 7),
        ("dog.jpg", None, 5),
        ("", None, 5),
        ("film_3.mp4", 0, 0),
    ],
)
def test_coco_image_id(name: str, frame: int | None, number: int) -> None:
    assert image_id(Result(name, 1, 1, [], 5, frame)) == number


def test_voc(tmp_path: Path) -> None:
    corner = Detection(1, "dog", 0.5, 0.5, Box(-10.0, 5.0, 10.0, 20.0))
    save("voc", tmp_path / "r", ("a/2007.x.jpg", [DOG, EDGE]), ("b.jpg", [corner]), names=["a/b", "dog", "e", "стол"])
    assert contents(tmp_path / "r") == {
        "comp4_det_test_a_b.txt": b"",
        "comp4_det_test_dog.txt": b"2007.x 0.875000 41.000000 36.000000 61.000000 46.000000\n"
        b"b 0.500000 1.000000 1.000000 -4.000000 16.000000\n",
        "comp4_det_test_e.txt": b"",
        "comp4_det_test_стол.txt": b"2007.x 0.250000 81.000000 1.000000 100.000000 13.000000\n",
    }


def test_voc_with_more_lines_than_are_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydarknet.writers.voc.FLUSH", 100)
    save("voc", tmp_path, *((f"{i}.jpg", [DOG]) for i in range(10)))
    lines = (tmp_path / "comp4_det_test_dog.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [str(i) for i in range(10)]
    assert not list(tmp_path.glob(".comp4*"))


def test_yolo(tmp_path: Path) -> None:
    outside = Detection(0, "person", 0.5, 0.5, Box(-50.0, -50.0, 10.0, 10.0))
    save("yolo", tmp_path / "l", ("a/dog.jpg", [DOG, EDGE, outside]), ("b.jpg", []))
    assert (tmp_path / "l" / "dog.txt").read_text() == (
        "1 0.500000 0.500000 0.200000 0.125000\n3 0.900000 0.075000 0.200000 0.150000\n"
    )
    assert (tmp_path / "l" / "b.txt").read_text() == ""


def test_csv(tmp_path: Path) -> None:
    save("csv", tmp_path, ("a,b.jpg", [DOG, EDGE]), ("b.jpg", []))
    with (tmp_path / "detections.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "filename": "a,b.jpg",
        "frame": "",
        "image_width": "100",
        "image_height": "80",
        "class_id": "1",
        "name": "dog",
        "confidence": "0.875000",
        "objectness": "0.937500",
        "left": "40.000",
        "top": "35.000",
        "right": "60.000",
        "bottom": "45.000",
        "path": "",
    }
    assert rows[1]["path"] == "мебель > стол"
    assert len(rows) == 2


def test_frames_of_a_film(tmp_path: Path) -> None:
    for kind in KINDS:
        with open_writer(kind, folder_of(tmp_path, kind), NAMES) as writer:
            for frame in (0, 7):
                writer.write("film.mp4", SIZE, [DOG], frame=frame)
    pictures = json.loads((tmp_path / "json" / "detections.json").read_bytes())
    assert [picture["frame_id"] for picture in pictures] == [0, 7]
    results = json.loads((tmp_path / "coco" / "coco_results.json").read_bytes())
    assert [result["image_id"] for result in results] == [0, 7]
    assert (tmp_path / "yolo" / "film_00000007.txt").exists()
    voc = (tmp_path / "voc" / "comp4_det_test_dog.txt").read_text()
    assert [line.split()[0] for line in voc.splitlines()] == ["film_00000000", "film_00000007"]
    with (tmp_path / "csv" / "detections.csv").open(newline="") as file:
        assert [row["frame"] for row in csv.DictReader(file)] == ["0", "7"]


def test_nothing_at_all(tmp_path: Path) -> None:
    for kind in KINDS:
        save(kind, folder_of(tmp_path, kind))
    assert json.loads((tmp_path / "json" / "detections.json").read_bytes()) == []
    assert json.loads((tmp_path / "coco" / "coco_results.json").read_bytes()) == []
    assert (tmp_path / "jsonl" / "detections.jsonl").read_bytes() == b""
    assert (tmp_path / "csv" / "detections.csv").read_text().startswith("filename,frame,")
    assert contents(tmp_path / "yolo") == {}
    assert len(contents(tmp_path / "voc")) == len(NAMES)


def test_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown kind of output 'jsn'; did you mean 'json'"):
        open_writer("jsn", tmp_path, NAMES)


# --- odd names and numbers


def test_file_names_that_are_no_text_survive(tmp_path: Path) -> None:
    for kind in KINDS:
        save(kind, folder_of(tmp_path, kind), (ODD.replace("\n", "") if kind == "voc" else ODD, [DOG]))
    pictures = json.loads((tmp_path / "json" / "detections.json").read_bytes())
    (line,) = (tmp_path / "jsonl" / "detections.jsonl").read_bytes().splitlines()
    assert os.fsencode(pictures[0]["filename"]) == os.fsencode(json.loads(line)["filename"]) == os.fsencode(ODD)
    with (tmp_path / "csv" / "detections.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert next(csv.DictReader(file))["filename"] == ODD
    assert os.fsencode(os.path.basename(ODD))[:-5] in (tmp_path / "voc" / "comp4_det_test_dog.txt").read_bytes()
    assert b'caf\xe9 "1",\\2\n.txt' in [os.fsencode(path.name) for path in (tmp_path / "yolo").iterdir()]


def test_bytes_and_paths_are_names_too(tmp_path: Path) -> None:
    with open_writer("json", tmp_path, NAMES) as writer:
        writer.write(b"a\xff.jpg", SIZE, [])
        writer.write(Path("b.jpg"), SIZE, [])
    one, two = json.loads((tmp_path / "detections.json").read_bytes())
    assert (os.fsencode(one["filename"]), two["filename"]) == (b"a\xff.jpg", "b.jpg")


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff"), max_size=20)
NUMBER = st.floats(width=32)


@given(path=TEXT, name=TEXT, box=st.tuples(NUMBER, NUMBER, NUMBER, NUMBER))
@pytest.mark.slow
def test_json_and_csv_hold_anything(
    tmp_path_factory: pytest.TempPathFactory, path: str, name: str, box: tuple[float, float, float, float]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    detection = Detection(0, name, 0.5, 0.5, Box(*box))
    for kind in FILES:
        with open_writer(kind, folder, [name]) as writer:
            writer.write(path, SIZE, [detection])

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    (picture,) = json.loads((folder / "detections.json").read_bytes(), parse_constant=refuse)
    assert (picture["filename"], picture["objects"][0]["name"]) == (path, name)
    assert len((folder / "detections.jsonl").read_bytes().split(b"\n")) == 2
    json.loads((folder / "coco_results.json").read_bytes(), parse_constant=refuse)
    with (folder / "detections.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        (row,) = csv.DictReader(file)
    for cell, text in ((row["filename"], path), (row["name"], name)):
        assert cell == (f"'{text}" if text.startswith(tuple("=+-@\t\r")) else text)


def test_boxes_without_numbers(tmp_path: Path) -> None:
    nan, endless = float("nan"), Detection(1, "dog", 0.5, 0.5, Box(50.0, 40.0, float("inf"), 10.0))
    bad = Detection(1, "dog", 0.5, 0.5, Box(nan, 1.0, 1.0, 1.0))
    for kind in KINDS:
        save(kind, folder_of(tmp_path, kind), ("a.jpg", [bad, endless]))
    (result,) = json.loads((tmp_path / "coco" / "coco_results.json").read_bytes())
    assert result["bbox"] == [0, 35, 100, 10]
    assert (tmp_path / "yolo" / "a.txt").read_text() == "1 0.500000 0.500000 1.000000 0.125000\n"


def test_imagenet(tmp_path: Path) -> None:
    save("imagenet", tmp_path, ("a.jpg", [DOG]), ("b.jpg", [EDGE, DOG]))
    assert (tmp_path / "imagenet-detection.txt").read_text().splitlines() == [
        "1 2 0.875000 40.000000 35.000000 60.000000 45.000000",
        "2 4 0.250000 80.000000 0.000000 100.000000 12.000000",
        "2 2 0.875000 40.000000 35.000000 60.000000 45.000000",
    ]


# --- whole or not at all


@pytest.mark.parametrize("kind", FILES)
def test_the_old_file_stays_until_the_end(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    writer = open_writer(kind, target, NAMES)
    writer.write("a.jpg", SIZE, [DOG])
    assert target.read_bytes() == b"old"
    writer.close()
    writer.close()
    assert b"dog" in target.read_bytes() or kind in {"coco", "imagenet"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(ExportError, match="closed"):
        writer.write("b.jpg", SIZE, [])


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_keeps_what_is_done(tmp_path: Path, kind: str) -> None:
    done, broken = tmp_path / "done", tmp_path / "broken"
    save(kind, folder_of(done), ("a.jpg", [DOG]))

    def interrupted() -> None:
        with open_writer(kind, f"{broken}/", NAMES) as writer:
            writer.write("a.jpg", SIZE, [DOG])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert contents(broken) == contents(done)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_before_the_first_result_leaves_nothing(tmp_path: Path, kind: str) -> None:
    def failing() -> None:
        with open_writer(kind, f"{tmp_path}/", NAMES):
            raise DataError("bad cfg")

    with pytest.raises(DataError):
        failing()
    assert contents(tmp_path) == {}


def test_ctrl_c_in_the_middle_of_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = FileWriter._put

    def half(writer: FileWriter, text: str) -> None:
        put(writer, text[: len(text) // 2])
        raise KeyboardInterrupt

    def interrupted() -> None:
        with open_writer("json", tmp_path, NAMES) as writer:
            writer.write("a.jpg", SIZE, [DOG])
            with monkeypatch.context() as patch:
                patch.setattr(FileWriter, "_put", half)
                writer.write("b.jpg", SIZE, [DOG])

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (picture,) = json.loads((tmp_path / "detections.json").read_bytes())
    assert picture["filename"] == "a.jpg"


def fails_with(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("moment", ["write", "close"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, moment: str) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    writer = open_writer(kind, target, NAMES)
    if moment == "write":
        monkeypatch.setattr(FileWriter, "_put", fails_with(errno.ENOSPC))
    else:
        monkeypatch.setattr(os, "fsync", fails_with(errno.ENOSPC))
    with pytest.raises(ExportError, match=f"{target}: can't be written: No space left on device"), writer:
        writer.write("a.jpg", SIZE, [DOG])
    assert contents(tmp_path) == {"out": b"old"}


@pytest.mark.parametrize("kind", ["voc", "yolo"])
def test_a_full_disk_for_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("pydarknet.writers.voc.FLUSH", 1)
    writer = open_writer(kind, tmp_path, NAMES)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", fails_with(errno.ENOSPC))
        with pytest.raises(ExportError, match="No space left"):
            writer.write("a.jpg", SIZE, [DOG])
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_targets_that_can_not_be(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file"):
        open_writer(kind, tmp_path / "file" / "out", NAMES)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    for kind in ("voc", "yolo"):
        with pytest.raises(ExportError, match=f"{tmp_path}: can't be written: Permission denied"):
            open_writer(kind, tmp_path, NAMES)
    monkeypatch.setattr("builtins.open", fails_with(errno.EACCES))
    for kind in FILES:
        with pytest.raises(ExportError, match="Permission denied"):
            open_writer(kind, tmp_path / "x", NAMES)


@pytest.mark.parametrize("kind", FILES)
def test_a_picture_is_not_replaced_by_its_results(tmp_path: Path, kind: str) -> None:
    picture, link = tmp_path / "a.jpg", tmp_path / "b.jpg"
    picture.write_bytes(b"pixels")
    link.symlink_to(picture)
    with open_writer(kind, link, NAMES) as writer, pytest.raises(ExportError, match="is an image that is being read"):
        writer.write(str(picture), SIZE, [DOG])
    with pytest.raises(ExportError, match="is an image that is being read"):
        save(kind, picture, (str(link), [DOG]))
    assert picture.read_bytes() == b"pixels"


@pytest.mark.parametrize("kind", FILES)
def test_a_pipe_gets_results_as_they_come(tmp_path: Path, kind: str) -> None:
    reader, number = os.pipe()
    with open_writer(kind, f"/dev/fd/{number}", NAMES) as writer:
        writer.write("a.jpg", SIZE, [DOG])
        first = os.read(reader, 1 << 16)
        writer.write("b.jpg", SIZE, [EDGE])
    os.close(number)
    with open(reader, "rb") as rest:
        streamed = first + rest.read()
    save(kind, tmp_path / "file", ("a.jpg", [DOG]), ("b.jpg", [EDGE]))
    assert streamed == (tmp_path / "file").read_bytes()


def test_voc_lines_are_not_forged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line end"):
        save("voc", tmp_path, ("a\nimg2 0.99 1 1 50 50\nb.png", [DOG]))


# --- the truth is never overwritten


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


# --- Darknet's lines


@pytest.mark.parametrize(
    ("confidence", "percent"),
    [(0.5649, "56"), (0.125, "12"), (0.625, "62"), (0.645, "64"), (0.995, "100"), (1.0, "100"), (0.004, "0")],
)
def test_whole_percents_as_printf_rounds_them(confidence: float, percent: str) -> None:
    # .125 and .625 are halves, which go to even; .645 in float32 is a little less, .995 a little more.
    assert darknet_lines([Detection(1, "dog", confidence, 1.0, DOG.box)]) == [f"dog: {percent}%"]


def test_ext_output() -> None:
    half = Detection(0, "person", 0.5, 0.5, Box(50.25, 40.0, 1000.5, 0.5))
    assert darknet_lines([DOG, half], ext_output=True) == [
        "dog: 88%\t(left_x:   40   top_y:   35   width:   20   height:   10)",
        "person: 50%\t(left_x: -450   top_y:   40   width: 1001   height:    1)",
    ]


def test_lines_keep_the_order() -> None:
    assert darknet_lines(iter([EDGE, DOG])) == ["стол: 25%", "dog: 88%"]
