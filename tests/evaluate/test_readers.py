"""The truth from label files, and detections back from the files that our writers make."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.detection.results import Box, Detection
from pydarknet.errors import DataError
from pydarknet.evaluate import Detections
from pydarknet.evaluate.readers import read_coco_results, read_imagenet_results, read_truth, read_voc_results
from pydarknet.writers import open_writer
from pydarknet.writers.coco import CATEGORIES

NAMES = ["dog", "cat/kitten"]
SIZE = (100, 80)
FOUND = [
    [
        Detection(0, "dog", 0.875, 0.9, Box(50.0, 40.0, 20.0, 10.0)),
        Detection(1, "cat", 0.5, 0.9, Box(5.0, 5.0, 8, 6)),
    ],
    [],
    [Detection(1, "cat", 0.25, 0.9, Box(70.0, 60.0, 20.0, 30.0))],
]
IMAGES = ["x/000007.jpg", "x/a 8.jpg", "y/000009.jpg"]


def write(kind: str, target: Path) -> None:
    with open_writer(kind, target, NAMES) as writer:
        for path, found in zip(IMAGES, FOUND, strict=True):
            writer.write(path, SIZE, found)


def assert_same(found: Detections, *, sorted_by_class: bool = False) -> None:
    expected = Detections.from_images(FOUND)
    order = np.lexsort((expected.image, expected.class_id)) if sorted_by_class else slice(None)
    for name in ("image", "class_id", "box", "score"):
        # Six digits are written.
        np.testing.assert_allclose(getattr(found, name), getattr(expected[order], name), atol=2e-6, err_msg=name)


def test_voc(tmp_path: Path) -> None:
    write("voc", tmp_path)
    assert_same(read_voc_results(tmp_path, NAMES, IMAGES), sorted_by_class=True)
    whole = read_voc_results(tmp_path, NAMES, IMAGES, inclusive=True)
    assert whole.box[0].tolist() == [40, 35, 21, 11]


def test_imagenet(tmp_path: Path) -> None:
    write("imagenet", tmp_path / "a.txt")
    assert_same(read_imagenet_results(tmp_path / "a.txt"))


def test_coco(tmp_path: Path) -> None:
    write("coco", tmp_path / "a.json")
    assert_same(read_coco_results(tmp_path / "a.json", 2, {7: 0, 8: 1, 9: 2}))
    assert read_coco_results(tmp_path / "a.json", 2).image.tolist() == [7, 7, 9]
    entry = {"image_id": 1, "category_id": CATEGORIES[79], "bbox": [0, 0, 1, 1], "score": 1}
    (tmp_path / "b.json").write_text(json.dumps([entry]))
    assert read_coco_results(tmp_path / "b.json", 80).class_id.tolist() == [79]
    (tmp_path / "c.json").write_text("[]")
    assert len(read_coco_results(tmp_path / "c.json", 80)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("000007 0.5 1 1 5", r"dog\.txt:1: expected 5 numbers, found '0\.5 1 1 5'"),
        ("000007 0.5 1 1 5 x", r"dog\.txt:1: expected 5 numbers, found '0\.5 1 1 5 x'"),
        ("000007 nan 1 1 5 5", "expected 5 numbers"),
        ("000001 0.5 1 1 5 5", r"'000001' is none of the 3 images"),
    ],
)
def test_wrong_voc_results(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "comp4_det_test_dog.txt").write_text(text + "\n")
    with pytest.raises(DataError, match=message):
        read_voc_results(tmp_path, ["dog"], IMAGES)
    with pytest.raises(DataError, match=r"comp4_det_test_sofa\.txt: can't be read"):
        read_voc_results(tmp_path, ["sofa"], IMAGES)


@pytest.mark.parametrize("line", ["0 1 .5 1 1 2 2", "1 0 .5 1 1 2 2", "1.5 1 .5 1 1 2 2", "1 1 .5 1 1 2"])
def test_wrong_imagenet_results(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"1 1 .5 1 1 2 2\n{line}\n")
    with pytest.raises(DataError, match=r"a\.txt:2: expected"):
        read_imagenet_results(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        7,
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1], "score": 1},
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1], "score": 1},
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, "x"], "score": 1},
    ],
)
def test_wrong_coco_results(tmp_path: Path, entry: object) -> None:
    (tmp_path / "a.json").write_text(json.dumps([entry]))
    with pytest.raises(DataError, match=r"a\.json: detection 0: expected image_id"):
        read_coco_results(tmp_path / "a.json", 2)
    (tmp_path / "a.json").write_text('[\n{"image_id": 1,]')
    with pytest.raises(DataError, match=r"a\.json:2: is no JSON"):
        read_coco_results(tmp_path / "a.json", 2)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DataError, match="expected a list"):
        read_coco_results(tmp_path / "a.json", 2)


def data_set(folder: Path) -> list[str]:
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    for name in "abc":
        (folder / "images" / f"{name}.png").write_bytes(cv2.imencode(".png", np.zeros((80, 100, 3)))[1].tobytes())
    (folder / "labels" / "a.txt").write_text("1 0.5 0.25 0.2 0.1\n0 0 0 0 0\n")
    (folder / "labels" / "b.txt").write_text("")
    (folder / "labels" / "c.txt").write_text("0 0.5 0.5 1 1\n")
    return [str(folder / "images" / f"{name}.png") for name in "abc"]


def test_truth(tmp_path: Path) -> None:
    images = data_set(tmp_path)
    truth = read_truth(images, 2)
    assert truth.image.tolist() == [0, 2]
    assert truth.class_id.tolist() == [1, 0]
    # The labels are float32.
    np.testing.assert_allclose(truth.box, [[40, 16, 20, 8], [0, 0, 100, 80]], atol=1e-5)
    np.testing.assert_allclose(truth.area, [160, 8000], rtol=1e-6)
    np.testing.assert_allclose(read_truth(images, 2, sizes=[(1, 1)] * 3).box[1], [0, 0, 1, 1])
    assert len(read_truth([], 2)) == 0


def test_difficult_objects_have_files_of_their_own(tmp_path: Path) -> None:
    images = data_set(tmp_path)
    hard = [path.replace("/images/", "/hard/") for path in images]
    (tmp_path / "hard").mkdir()
    for path in hard:
        Path(path).with_suffix(".txt").write_text("0 .5 .5 .5 .5\n" if path == hard[1] else "")
    truth = read_truth(images, 2, difficult=hard)
    assert truth.difficult.tolist() == [False, False, True]
    np.testing.assert_allclose(truth.box[2], [25, 20, 50, 40])
    with pytest.raises(DataError, match="expected a path for each of 3 images, found 1"):
        read_truth(images, 2, difficult=hard[:1])


def test_a_missing_label_file(tmp_path: Path) -> None:
    images = data_set(tmp_path)
    (tmp_path / "labels" / "b.txt").unlink()
    with pytest.raises(DataError, match=r"images/b\.png: has no label file; expected .*labels/b\.txt"):
        read_truth(images, 2)
    with pytest.raises(DataError, match=r"labels/a\.txt:1: expected a class from 0 to 0, found '1'"):
        read_truth(images[:1], 1)


@pytest.mark.parametrize("number", ["1e999", "NaN", "1" + "0" * 400, str(1 << 64), "5.5", "null"])
@pytest.mark.parametrize("place", ["image_id", "bbox", "score", "category_id"])
def test_numbers_beyond_all_arrays(place: str, number: str, tmp_path: Path) -> None:
    if (place, number) in {("bbox", "5.5"), ("score", "5.5"), ("bbox", str(1 << 64)), ("score", str(1 << 64))}:
        return  # as good as any
    values = {"image_id": "1", "category_id": "1", "bbox": "1", "score": "1"} | {place: number}
    values["bbox"] = f"[{values['bbox']}, 1, 1, 1]"
    (tmp_path / "a.json").write_text("[{" + ", ".join(f'"{key}": {value}' for key, value in values.items()) + "}]")
    with pytest.raises(DataError, match="detection 0: expected image_id, category_id, bbox and score"):
        read_coco_results(tmp_path / "a.json", 2)
    (tmp_path / "a.txt").write_text(f"{number} 1 .5 1 1 2 2\n")
    with pytest.raises(DataError, match=r"a\.txt:1: expected"):
        read_imagenet_results(tmp_path / "a.txt")
