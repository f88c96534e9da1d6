"""From COCO to label files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.datasets import coco_files, read_coco, write
from pydarknet.datasets.convert import Conversion
from pydarknet.errors import DataError
from pydarknet.formats.labels import read_labels
from tests.lib.toy_datasets import coco_json, picture


def test_coco(tmp_path: Path) -> None:
    file = coco_json(tmp_path / "train.json")
    images = tmp_path / "images" / "train2017"
    data = read_coco({"train": (file, images)})
    assert data.names == ["bicycle", "train"]
    assert data.notes == [
        f"left out 1 object: a crowd; the first: {images / 'a.jpg'}",
        f"left out 1 object: the box is empty or outside the image; the first: {images / 'a.jpg'}",
    ]
    write(data, tmp_path, name="coco")
    labels = tmp_path / "labels" / "train2017"
    expected = [[1, 0.2, 0.3, 0.2, 0.4], [0, 0.975, 0.5, 0.05, 1]]
    np.testing.assert_allclose(read_labels(labels / "a.txt", 2), expected, atol=1e-6)
    assert (labels / "b.txt").read_bytes() == b""
    assert (tmp_path / "train.txt").read_text() == f"{images}/a.jpg\n{images}/b.jpg\n"
    assert [len(s.labels) for s in read_coco({"train": (file, images)}, crowd=True).sets["train"]] == [3, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": None}, "expected 'categories'"),
        ({"images": {}}, "expected a list 'images'"),
        ({"images": [{"id": 1}]}, "image 0: expected id, file_name, width and height"),
        (
            {"images": [{"id": 5, "file_name": "a.jpg", "width": 0, "height": 5}]},
            "image 0: expected a positive width",
        ),
        (
            {"images": [{"id": 5, "file_name": "a.jpg", "width": 9, "height": 5}] * 2},
            "image 1: expected an id of",
        ),
        ({"categories": [{"id": 7, "name": "a"}] * 2}, "found one twice"),
        ({"annotations": [{"image_id": 6, "category_id": 7, "bbox": [1, 1, 1, 1]}]}, "annotation 0: expected"),
        ({"annotations": [{"image_id": 5, "category_id": 8, "bbox": [1, 1, 1, 1]}]}, "annotation 0: expected"),
        ({"annotations": [{"image_id": 5, "category_id": 7, "bbox": [1, 1, 1]}]}, "annotation 0: expected"),
    ],
)
def test_other_json(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_coco({"train": (coco_json(tmp_path / "a.json", **changes), tmp_path)})


NAMES_OUTSIDE = [
    "../x.jpg",
    "/x.jpg",
    "a/../../x.jpg",
    "..\\x.jpg",
    "C:\\x.jpg",
    "c:x.jpg",
    "\\\\host\\x.jpg",
    "..",
    "",
]
NAMES_ODD = ["a.txt", "id_rsa", "a.jpg/", "a\0.jpg", "a\n.jpg", "\ud800.jpg", "a\x1b[2J.jpg", None, 5]


@pytest.mark.parametrize("name", [*NAMES_OUTSIDE, *NAMES_ODD])
def test_pictures_of_coco_stay_in_their_folder(name: Any, tmp_path: Path) -> None:
    image = {"id": 5, "file_name": name, "width": 9, "height": 9}
    file = coco_json(tmp_path / "a.json", images=[image], annotations=[])
    with pytest.raises(DataError, match=r"a\.json: image 0: expected a file_name inside the folder"):
        read_coco({"train": (file, tmp_path)})


ODD_NUMBERS = ["1e999", "-1e999", "NaN", "1" + "0" * 400, "5.5", '"x"', "null", "[]", "{}"]


@pytest.mark.parametrize("number", ODD_NUMBERS)
@pytest.mark.parametrize("place", ["id", "width", "image_id", "category_id"])
def test_numbers_of_coco_are_whole_and_known(place: str, number: str, tmp_path: Path) -> None:
    file = coco_json(tmp_path / "a.json")
    file.write_text(re.sub(rf'"{place}": \d+', f'"{place}": {number}', file.read_text(), count=1))
    with pytest.raises(DataError, match=r"a\.json: (image|annotation) 0: |a\.json: expected 'categories'|is no JSON"):
        read_coco({"train": (file, tmp_path)})


@pytest.mark.parametrize("name", ["", "a\nb", "\ud800", "a\0"])
def test_a_class_has_a_name_of_one_line(name: str, tmp_path: Path) -> None:
    file = coco_json(tmp_path / "a.json", categories=[{"id": 7, "name": name}, {"id": 2, "name": "b"}])
    with pytest.raises(DataError, match="category 7: expected a name in one line"):
        read_coco({"train": (file, tmp_path)})
    with pytest.raises(DataError, match="a name must be a line of text"):
        write(Conversion([name], {}), tmp_path / "out")


def test_a_nan_in_json_is_no_box(tmp_path: Path) -> None:
    nan = {"image_id": 5, "category_id": 7, "bbox": [float("nan"), 1, 5, 5]}
    data = read_coco({"train": (coco_json(tmp_path / "a.json", annotations=[nan]), tmp_path)})
    assert data.sets["train"][0].labels == []


def test_sets_of_coco_have_the_same_categories(tmp_path: Path) -> None:
    one = coco_json(tmp_path / "a.json")
    two = coco_json(tmp_path / "b.json", categories=[{"id": 2, "name": "x"}, {"id": 7, "name": "y"}])
    with pytest.raises(DataError, match=r"b\.json: has other categories"):
        read_coco({"train": (one, tmp_path), "val": (two, tmp_path)})


@pytest.mark.parametrize(
    ("file", "images", "key"),
    [
        ("annotations/instances_train2017.json", "train2017", "train"),
        ("annotations/instances_val2017.json", "images/val2017", "val"),
        ("annotations/instances_default.json", "images", "train"),  # CVAT's
        ("valid/_annotations.coco.json", "valid", "val"),  # Roboflow's
        ("result.json", "images", "train"),  # Label Studio's
    ],
)
def test_files_and_images_are_found_in_a_folder(file: str, images: str, key: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    coco_json(tmp_path / file)
    with pytest.raises(DataError, match=r"can't find its images, such as 'a\.jpg'; name their folder"):
        read_coco(coco_files(tmp_path))
    image = picture(tmp_path / images / "a.jpg")
    (tmp_path / file).with_name("captions_train2017.json").write_text("{}")
    data = read_coco(coco_files(tmp_path))
    assert [(each, samples[0].image) for each, samples in data.sets.items()] == [(key, image)]


def test_folders_without_instances(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no instances file"):
        coco_files(tmp_path)
    with pytest.raises(DataError, match="no such file or folder; expected an instances file"):
        coco_files(tmp_path / "nowhere")
    for name in ("one.json", "two.json"):
        coco_json(tmp_path / name)
    with pytest.raises(DataError, match=r"one\.json and .*two\.json: which is it\? Say so: --train JSON IMAGES"):
        coco_files(tmp_path)
