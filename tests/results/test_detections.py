"""What people do with the detections of an image."""

from __future__ import annotations

import copy
import json
import pickle
import tempfile
import typing
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet import Box, Detection, Detections, Network
from pydarknet.cli.main import main
from pydarknet.detection.options import DetectOptions, MoreOptions
from pydarknet.errors import DataError, DeviceError, ExportError, ImageError
from pydarknet.formats.tree import read_tree
from pydarknet.images.image import load_image, save_image
from tests.lib import nets

with tempfile.TemporaryDirectory() as _folder:
    (Path(_folder) / "t.tree").write_text("animal -1\nthing -1\ndog 0\ncat 0\n")
    TREE = read_tree(f"{_folder}/t.tree")
NAMES = ["animal", "thing", "dog", "cat"]
DOG = Detection(2, "dog", 0.75, 0.8, Box(30, 20, 20, 10), ("animal", "dog"))
EDGE = Detection(1, "th/ing", 0.5, 0.5, Box(0, 0, 10, 8), ("th/ing",))
OUTSIDE = Detection(3, "cat", 0.4, 0.5, Box(-50, -50, 10, 10), ("animal", "cat"))


def found(*detections: Detection, image: np.ndarray | None = None, path: str | None = None) -> Detections:
    """Detections in an image of 60 x 40 pixels."""
    return Detections(detections or (DOG, EDGE), shape=(40, 60), image=image, path=path, class_names=NAMES, tree=TREE)


@pytest.fixture
def picture() -> np.ndarray:
    return nets.picture(60, 40)


def test_they_are_the_list_they_always_were():
    result = found()
    assert result == [DOG, EDGE]
    assert isinstance(result, list)
    assert len(result) == 2
    assert result[0].name == "dog"


def test_a_part_of_them_is_detections_too():
    result = found()
    assert isinstance(result[1:], Detections)
    assert result[1:] == [EDGE]
    assert result[:0].orig_shape == (40, 60)
    assert result[-1] == EDGE


def test_a_class_that_there_is_not():
    """A slip of the pen isn't an image without such things."""
    assert found().under("cat") == []
    with pytest.raises(DataError, match="no class is called 'anmal'; did you mean 'animal'"):
        found().under("anmal")
    flat = Detections([DOG], shape=(40, 60), class_names=NAMES)
    with pytest.raises(DataError, match="'dogg'"):
        flat.under("dogg")


def test_arrays_of_the_boxes():
    boxes = found().boxes
    np.testing.assert_array_equal(boxes.xyxy, [[20, 15, 40, 25], [-5, -4, 5, 4]])
    np.testing.assert_array_equal(boxes.xywh, [[30, 20, 20, 10], [0, 0, 10, 8]])
    np.testing.assert_allclose(boxes.xyxyn[0], [20 / 60, 15 / 40, 40 / 60, 25 / 40], rtol=1e-6)
    np.testing.assert_allclose(boxes.xywhn[0], [30 / 60, 20 / 40, 20 / 60, 10 / 40], rtol=1e-6)
    np.testing.assert_array_equal(boxes.conf, [0.75, 0.5])
    np.testing.assert_array_equal(boxes.cls, [2, 1])
    np.testing.assert_array_equal(boxes.data[0], [20, 15, 40, 25, 0.75, 2])
    assert len(boxes) == 2
    assert boxes.shape == (2, 6)
    assert boxes.id is None


def test_tensors_ways_to_numpy():
    cls = found().boxes.cls.cpu().numpy()
    assert type(cls) is np.ndarray


def test_arrays_of_no_boxes():
    boxes = Detections(shape=(40, 60)).boxes
    assert [each.shape for each in (boxes.xyxy, boxes.xywhn, boxes.conf, boxes.data)] == [
        (0, 4),
        (0, 4),
        (0,),
        (0, 6),
    ]


def test_every_class_has_a_name():
    assert found().names == {0: "animal", 1: "thing", 2: "dog", 3: "cat"}
    assert Detections(shape=(4, 4), classes=2).names == {0: "0", 1: "1"}


def test_along_the_tree():
    result = found(DOG, EDGE, OUTSIDE)
    assert [each.name for each in result.under("animal")] == ["dog", "cat"]
    assert [each.name for each in result.under("dog")] == ["dog"]
    assert [(each.class_id, each.name) for each in result.at_depth(1)] == [
        (0, "animal"),
        (1, "th/ing"),
        (0, "animal"),
    ]
    assert result.under("animal").orig_shape == (40, 60)


def test_drawn(picture: np.ndarray, tmp_path: Path):
    result = found(image=picture)
    drawn = result.plot()
    assert drawn.shape == picture.shape
    assert (drawn != picture).any()
    np.testing.assert_array_equal(result.orig_img, picture)
    assert result.save(tmp_path / "drawn.png") == str(tmp_path / "drawn.png")
    np.testing.assert_array_equal(load_image(tmp_path / "drawn.png"), drawn)
    assert result._repr_png_().startswith(b"\x89PNG")


def test_in_a_notebook_names_are_no_markup(picture: np.ndarray):
    evil = Detection(0, "<script>", 0.9, 0.9, Box(10, 10, 5, 5))
    page = found(evil, image=picture)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_image_from_a_file_is_read_again(picture: np.ndarray, tmp_path: Path):
    path = str(tmp_path / "image.png")
    save_image(path, picture)
    result = found(path=path)
    np.testing.assert_array_equal(result.orig_img, picture)
    with pytest.raises(ImageError, match="is the image itself"):
        result.save(path)
    Path(path).unlink()
    with pytest.raises(ImageError, match=r"image\.png"):
        result.plot()


def test_without_an_image():
    with pytest.raises(ImageError, match="have no image"):
        found().plot()


def test_crops(picture: np.ndarray, tmp_path: Path):
    written = found(DOG, EDGE, OUTSIDE, image=picture).save_crops(tmp_path / "crops")
    assert [str(Path(each).relative_to(tmp_path)) for each in written] == [
        "crops/dog/image_1.jpg",
        "crops/th_ing/image_2.jpg",
    ]
    assert [cv2.imread(each).shape for each in written] == [(10, 20, 3), (4, 5, 3)]


@pytest.mark.parametrize("name", ["..", "../..", "/etc/passwd", "", "."])
def test_crops_stay_in_their_folder(picture: np.ndarray, tmp_path: Path, name: str):
    bad = Detection(0, name, 0.9, 0.9, Box(30, 20, 10, 10))
    (written,) = found(bad, image=picture).save_crops(tmp_path / "crops")
    assert Path(written).resolve().is_relative_to(tmp_path / "crops")
    assert Path(written).resolve().parent != tmp_path / "crops"


def test_a_folder_for_crops_that_can_not_be_made(picture: np.ndarray, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="can't be made"):
        found(image=picture).save_crops(tmp_path / "file")


def test_records_are_those_of_save_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    save_image("image.png", nets.picture(60, 40))
    nets.write(tmp_path, size=32)
    main(
        [
            "detect",
            "small.cfg",
            "small.weights",
            "image.png",
            "--thresh",
            "0.2",
            "--save",
            "jsonl",
            "--save-to",
            "a.jsonl",
        ]
    )
    net = Network("small.cfg", "small.weights")
    written = json.loads(Path("a.jsonl").read_text())
    result = net.detect("image.png", thresh=0.2)
    assert result
    record = result.to_dict()
    assert json.loads(result.to_json()) == record
    by_confidence = sorted(written["objects"], key=lambda each: -each["confidence"])
    assert sorted(map(str, record["objects"])) == sorted(map(str, by_confidence))
    assert (record["filename"], record["width"], record["height"]) == ("image.png", 60, 40)


def test_what_a_network_says_of_them(tmp_path: Path):
    nets.write(tmp_path, size=32)
    net = Network(tmp_path / "small.cfg", tmp_path / "small.weights", names=["a", "b", "c"])
    image = nets.picture(60, 40)
    save_image(tmp_path / "image.png", image)
    one, two = net.detect([image, str(tmp_path / "image.png")], thresh=0.2)
    assert list(one) == list(two)
    assert (one.path, two.path) == (None, str(tmp_path / "image.png"))
    assert one.orig_shape == (40, 60)
    assert one.names == {0: "a", 1: "b", 2: "c"}
    assert set(one.speed) == {"preprocess", "inference", "postprocess"}
    assert min(one.speed.values()) >= 0


def test_pickled_and_copied(picture: np.ndarray):
    result = found(image=picture)
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert again == result
        assert again.names == result.names
        np.testing.assert_array_equal(again.plot(), result.plot())


def test_show_without_a_display(picture: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DeviceError, match="save\\(\\)"):
        found(image=picture).show()


def test_a_repr_that_fits_a_line():
    assert repr(found()) == "<Detections of an image: dog 75%, th/ing 50%>"
    assert repr(found(*[DOG] * 20)).endswith("dog 75%, 12 more>")
    assert repr(Detections(shape=(4, 4), path="a.jpg")) == "<Detections of a.jpg: none>"


def test_a_table_needs_pandas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ExportError, match="pip install pandas"):
        found().to_df()


def test_editors_know_every_option():
    positional = {"thresh", "hier_thresh", "nms"}
    assert set(typing.get_type_hints(MoreOptions)) == {each.name for each in fields(DetectOptions)} - positional


def test_boxes_one_by_one_as_ultralytics_has_them():
    """Each is boxes of one row, and what has one number is a number."""
    boxes = found().boxes
    assert [(int(each.cls), float(each.conf), each.xyxy[0].tolist()) for each in boxes] == [
        (2, 0.75, [20, 15, 40, 25]),
        (1, 0.5, [-5, -4, 5, 4]),
    ]
    assert boxes[-1].xyxy.tolist() == boxes[1:].xyxy.tolist() == boxes[boxes.conf < 0.6].xyxy.tolist()
    assert boxes[0].orig_shape == boxes.orig_shape
    with pytest.raises(IndexError):
        boxes[2]


def test_detections_are_shown_with_few_digits():
    third = Detection(2, "dog", 1 / 3, 1 / 3, Box(1 / 3, 20, 20, 10))
    assert repr(third) == (
        "Detection(class_id=2, name='dog', confidence=0.333333, objectness=0.333333, "
        "box=Box(x=0.333333, y=20, w=20, h=10))"
    )
    assert "path=('animal', 'dog')" in repr(DOG)
