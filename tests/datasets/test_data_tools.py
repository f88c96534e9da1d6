"""Data sets: from VOC and COCO to label files, checked, counted, split and shown."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pydarknet.cli.commands import data as command
from pydarknet.cli.parser import Parser
from pydarknet.datasets import check, read_coco, read_dataset, read_voc, write
from pydarknet.datasets.convert import Conversion, Sample
from pydarknet.datasets.split import split
from pydarknet.datasets.voc import read_annotation
from pydarknet.detection.results import Box, Detection
from pydarknet.errors import DataError
from pydarknet.formats.data import read_data, read_names
from pydarknet.formats.labels import read_labels
from pydarknet.images.draw import draw
from pydarknet.images.image import load_image
from tests.lib.cli_nets import spawned

Object = tuple[str, tuple[float, float, float, float], bool]


def picture(path: Path, width: int = 100, height: int = 50, shade: int = 0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.full((height, width, 3), shade, np.uint8))[1].tobytes())
    return str(path)


def annotation(path: Path, objects: Sequence[Object], size: bool = True) -> None:
    rows = "".join(
        f"<object><name>{name}</name><difficult>{int(hard)}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>\n"
        for name, (x1, y1, x2, y2), hard in objects
    )
    shape = "<size><width>100</width><height>50</height><depth>3</depth></size>" if size else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{shape}\n{rows}</annotation>")


def voc_folder(root: Path, sets: dict[str, str] | None = None) -> Path:
    """Three pictures: a dog and a difficult cat; a person who reaches over the edge; nothing."""
    objects: list[list[Object]] = [
        [("dog", (11, 6, 31, 26), False), ("cat", (1, 1, 5, 5), True)],
        [("person", (91, 41, 120, 60), False), ("dog", (40, 20, 40, 30), False)],
        [],
    ]
    for i, each in enumerate(objects):
        picture(root / "JPEGImages" / f"00{i}.jpg", shade=i)
        annotation(root / "Annotations" / f"00{i}.xml", each, size=i != 1)
    for name, text in (sets or {}).items():
        (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(*arguments: str | Path) -> int:
    parser = Parser(prog="pydarknet data")
    command.add_arguments(parser)
    return command.run(parser.parse([str(each) for each in arguments]))


# --- VOC


def test_what_macos_leaves_beside_annotations_is_none(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC")
    expected = [sample.image for sample in read_voc([root]).sets["train"]]
    (root / "Annotations" / "._000.xml").write_bytes(b"\0\x05\x16\x07\0\2\0\0Mac OS X")
    assert [sample.image for sample in read_voc([root]).sets["train"]] == expected


def test_voc(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC", {"train": "000\n002 -1\n", "val": "001  1\n", "dog_train": "000 1\n"})
    data = read_voc([root])
    # All classes are VOC's, so they have VOC's numbers.
    assert data.names == read_names(Path(__file__).parents[2] / "data" / "voc.names")
    assert data.notes == [
        "left out 1 objects: difficult",
        "left out 1 objects: the box is empty or outside the image",
    ]
    assert write(data, root) == data.notes
    # As voc_label.py has it: x = ((xmin + xmax) / 2 - 1) / width, w = (xmax - xmin) / width.
    np.testing.assert_allclose(read_labels(root / "labels" / "000.txt", 20), [[11, 0.2, 0.3, 0.2, 0.4]], atol=1e-6)
    # 90..119 of 100 and 40..59 of 50, cut at the edge.
    np.testing.assert_allclose(read_labels(root / "labels" / "001.txt", 20), [[14, 0.95, 0.9, 0.1, 0.2]], atol=1e-6)
    assert (root / "labels" / "002.txt").read_bytes() == b""
    images = [str(root / "JPEGImages" / f"00{i}.jpg") for i in range(3)]
    assert (root / "train.txt").read_text() == f"{images[0]}\n{images[2]}\n"
    options = read_data(root / "VOC.data").options
    assert options == {
        "classes": "20",
        "train": str(root / "train.txt"),
        "valid": str(root / "val.txt"),
        "names": str(root / "VOC.names"),
        "backup": "backup",
    }
    assert read_dataset(root / "VOC.data").images == [images[0], images[2], images[1]]


def test_voc_options(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC")
    (tmp_path / "names").write_text("dog\ncat\n")
    data = read_voc([root], names=tmp_path / "names", difficult=True, origin=0)
    assert data.names == ["dog", "cat"]
    assert [[row[0] for row in sample.labels] for sample in data.sets["train"]] == [[0, 1], [], []]
    assert data.sets["train"][0].labels[0] == pytest.approx((0, 0.21, 0.32, 0.2, 0.4))
    assert "left out 1 objects: class 'person' is not among the names" in data.notes
    annotation(root / "Annotations" / "000.xml", [("zebra", (1, 1, 9, 9), False)])
    assert read_voc([root]).names == ["dog", "person", "zebra"]


def test_voc_sets(tmp_path: Path) -> None:
    first = voc_folder(tmp_path / "VOC2007", {"trainval": "000\n", "test": "001\n"})
    second = voc_folder(tmp_path / "VOC2012", {"train": "000\n", "val": "001\n", "trainval": "000\n001\n"})
    sets = read_voc([first, second]).sets
    assert {key: len(samples) for key, samples in sets.items()} == {"trainval": 1, "test": 1, "train": 1, "val": 1}
    assert list(read_voc([second]).sets) == ["train", "val"]
    assert len(read_voc([first, second], sets=["trainval"]).sets["trainval"]) == 3
    with pytest.raises(DataError, match=r"val\.txt: can't be read"):
        read_voc([first], sets=["val"])
    write(read_voc([first]), first)
    assert (first / "VOC2007.data").read_text().splitlines()[1:3] == [
        f"train = {first}/trainval.txt",
        f"valid = {first}/test.txt",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_entities_are_not_read(encoding: str, tmp_path: Path) -> None:
    """Nor made: a billion of them would be made of these lines."""
    more = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghij"))
    text = f'<!DOCTYPE x [<!ENTITY a "a">{more}]><annotation><object><name>&j;</name></object></annotation>'
    (tmp_path / "x.xml").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match="declares entities"):
        read_annotation(tmp_path / "x.xml")


@pytest.mark.parametrize("number", ["9" * 1_000_000 + "x", "9" * 1_000_000, "." * 1_000_000, "1e999", "１"])
def test_numbers_are_short(number: str, tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(f"<annotation><size><width>{number}</width></size></annotation>")
    with pytest.raises(DataError, match="size/width: expected a number, found"):
        read_annotation(tmp_path / "x.xml")


@pytest.mark.parametrize("stem", ["../../x", "/x", "a/../../x"])
def test_a_list_of_voc_stays_in_its_folder(stem: str, tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC", {"train": f"000\n{stem} 1\n"})
    with pytest.raises(DataError, match="leads out of the folder"):
        read_voc([root])


BROKEN = {
    "<annotation>": r"000\.xml:1: is no XML",
    '<!DOCTYPE a [<!ENTITY b "c">]><annotation/>': "declares entities",
    "<annotation><object></object></annotation>": "object 1: expected a name",
    "<annotation><object><name>dog</name></object></annotation>": "object 1: xmin: expected a number, found ''",
    "<annotation><size><width>x</width></size></annotation>": "size/width: expected a number, found 'x'",
    "<annotation><object><name>dog</name><bndbox><xmin>nan</xmin></bndbox></object></annotation>": "found 'nan'",
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_annotations(tmp_path: Path, text: str) -> None:
    root = voc_folder(tmp_path / "VOC")
    (root / "Annotations" / "000.xml").write_text(text)
    with pytest.raises(DataError, match=BROKEN[text]):
        read_voc([root])


def test_voc_files_that_are_missing(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC", {"train": "000\n007\n"})
    with pytest.raises(DataError, match=r"JPEGImages/007\.\*: no such image"):
        read_voc([root])
    picture(root / "JPEGImages" / "007.PNG")
    with pytest.raises(DataError, match=r"Annotations/007\.xml: can't be read: No such file"):
        read_voc([root])
    with pytest.raises(DataError, match="expected a folder Annotations"):
        read_voc([tmp_path])
    with pytest.raises(DataError, match="Is a directory"):
        read_annotation(root / "Annotations")


# --- COCO


def coco_json(path: Path, **changes: Any) -> Path:
    content = {
        "categories": [{"id": 7, "name": "train"}, {"id": 2, "name": "bicycle"}],
        "images": [
            {"id": 5, "file_name": "a.jpg", "width": 100, "height": 50},
            {"id": 9, "file_name": "b.jpg", "width": 10, "height": 10},
        ],
        "annotations": [
            {"image_id": 5, "category_id": 7, "bbox": [10, 5, 20, 20], "iscrowd": 0},
            {"image_id": 5, "category_id": 2, "bbox": [0, 0, 100, 50], "iscrowd": 1},
            {"image_id": 5, "category_id": 2, "bbox": [95, 0, 50, 50]},
            {"image_id": 5, "category_id": 2, "bbox": [1, 1, 0, 5]},
        ],
    }
    path.write_text(json.dumps(content | changes))
    return path


def test_coco(tmp_path: Path) -> None:
    file = coco_json(tmp_path / "train.json")
    images = tmp_path / "images" / "train2017"
    data = read_coco({"train": (file, images)})
    assert data.names == ["bicycle", "train"]
    assert data.notes == [
        "left out 1 objects: a crowd",
        "left out 1 objects: the box is empty or outside the image",
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


def test_a_device_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("/dev/zero")
    picture = Conversion(["a"], {"train": [Sample(str(tmp_path / "a.jpg"), [])]})
    with pytest.raises(DataError, match=r"a\.jpg: is no file"):
        write(picture, tmp_path / "out", pictures="copy")


def test_a_nan_in_json_is_no_box(tmp_path: Path) -> None:
    nan = {"image_id": 5, "category_id": 7, "bbox": [float("nan"), 1, 5, 5]}
    data = read_coco({"train": (coco_json(tmp_path / "a.json", annotations=[nan]), tmp_path)})
    assert data.sets["train"][0].labels == []


def test_sets_of_coco_have_the_same_categories(tmp_path: Path) -> None:
    one = coco_json(tmp_path / "a.json")
    two = coco_json(tmp_path / "b.json", categories=[{"id": 2, "name": "x"}, {"id": 7, "name": "y"}])
    with pytest.raises(DataError, match=r"b\.json: has other categories"):
        read_coco({"train": (one, tmp_path), "val": (two, tmp_path)})


# --- writing


@pytest.mark.parametrize("pictures", ["link", "copy"])
def test_pictures_elsewhere(tmp_path: Path, pictures: Any) -> None:
    root = voc_folder(tmp_path / "VOC")
    before = contents(root)
    out = tmp_path / "out"
    write(read_voc([root]), out, pictures=pictures)
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
    write(read_voc([root]), out, pictures=pictures)  # again, which changes nothing


def test_what_is_there_stays(tmp_path: Path) -> None:
    root = voc_folder(tmp_path / "VOC")
    (root / "labels").mkdir()
    (root / "labels" / "001.txt").write_text("0 .5 .5 .1 .1\n")
    before = contents(root)
    with pytest.raises(DataError, match=r"labels/001\.txt: exists and says something else; use --force"):
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
        write(read_voc([root]), tmp_path / "out", pictures="copy", force=True)
    assert Path(other).read_bytes() == before


def test_two_pictures_of_one_name(tmp_path: Path) -> None:
    roots = [voc_folder(tmp_path / name) for name in ("a", "b")]
    with pytest.raises(DataError, match="has the same name"):
        write(read_voc(roots), tmp_path / "out", pictures="link")
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
        write(read_voc([root]), tmp_path / "file", pictures="copy")
    (root / "labels").write_text("")
    with pytest.raises(DataError, match=r"labels/000\.txt: can't be written"):
        write(read_voc([root]), root)


# --- check


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes; six pictures to train on, two to validate on."""
    for i in range(8):
        image = picture(tmp_path / "images" / f"{i}.png", shade=i)
        label = Path(image.replace("images", "labels")).with_suffix(".txt")
        label.parent.mkdir(exist_ok=True)
        label.write_text(f"{i % 2} .5 .5 .{i + 1} .2\n" + "1 .25 .5 .1 .1\n" * (i == 0))
    (tmp_path / "train.txt").write_text("".join(f"images/{i}.png\n" for i in range(6)))
    (tmp_path / "val.txt").write_text("\n".join(f"{tmp_path}/images/{i}.png\r" for i in (6, 7)))
    (tmp_path / "a.names").write_text("dog\ncat\n")
    (tmp_path / "a.data").write_text("classes=2\ntrain=train.txt\nvalid=val.txt\nnames=a.names\n")
    return tmp_path / "a.data"


def findings(data: Path, **options: bool) -> list[str]:
    root = str(data.parent)
    return [str(each).replace(root + "/", "") for each in check(read_dataset(data), **options)]


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
    assert train["quantiles"]["objects a picture"]["most"] == 2
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
    # From a common class to one that five pictures have.
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
    for wrong in ("one=0", "one", "../x=1", "=1", "one=nan"):
        with pytest.raises(DataError, match="expected"):
            run("split", data, wrong, "--out", out)


# --- show


def test_show(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "seen"
    assert run("show", data, "--out", out, "--count", "3", "--seed", "1") == 0
    printed = capsys.readouterr().out.split()
    assert printed == sorted(str(path) for path in out.iterdir())
    assert len(printed) == 3
    shown = load_image(printed[0])
    assert shown.shape == (50, 100, 3)
    assert (np.ptp(shown, axis=2) > 50).any()  # a coloured frame on a grey picture
    with pytest.raises(DataError, match="exists; choose another folder"):
        run("show", data, "--out", out, "--count", "3", "--seed", "1")
    assert run("show", data, "--out", out, "--count", "3", "--seed", "1", "--force") == 0


def test_a_label_without_confidence() -> None:
    grey = np.full((60, 90, 3), 128, np.uint8)
    sure, unsure = (Detection(0, "dog", value, value, Box(50, 40, 30, 20)) for value in (1.0, 0.3))
    assert (draw(grey, [sure], show_confidence=False) == draw(grey, [unsure], show_confidence=False)).all()
    assert (draw(grey, [sure]) != draw(grey, [unsure])).any()


# --- commands


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
    with pytest.raises(DataError, match="expected at least one of --train"):
        run("coco", "--out", tmp_path)


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
