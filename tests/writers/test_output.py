"""The writers of detections: formats, odd names and numbers, Darknet's lines."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.detection.results import Box, Detection
from pydarknet.writers import KINDS, Result, darknet_lines, open_writer
from pydarknet.writers.coco import CATEGORIES, image_id
from tests.lib.written import DOG, EDGE, FILES, NAMES, SIZE, contents, folder_of, save

ODD = os.fsdecode(b'images/caf\xe9 "1",\\2\n.jpg')  # Latin-1 bytes, a quote, a backslash, a line end


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
        "path_probabilities": "",
        "track_id": "",
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
