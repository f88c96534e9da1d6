"""From VOC to label files."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pydarknet.datasets import read_dataset, read_voc, write
from pydarknet.datasets.voc import read_annotation
from pydarknet.errors import DataError
from pydarknet.formats.data import read_data, read_names
from pydarknet.formats.labels import read_labels
from tests.lib.toy_datasets import annotation, picture, voc_folder


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
    pictures = root / "JPEGImages"
    assert data.notes == [
        f"left out 1 object: difficult; the first: {pictures / '000.jpg'}",
        f"left out 1 object: the box is empty or outside the image; the first: {pictures / '001.jpg'}",
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
    assert any(note.startswith("left out 1 object: class 'person' is not among the names;") for note in data.notes)
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
    "<html/>": "expected <annotation>, found <html>",
    "<annotation xmlns='http://a/b'><object/></annotation>": "expected <annotation>, found <{http://a/b}annotation>",
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


def test_xml_files_beside_images_and_in_other_folders(tmp_path: Path) -> None:
    """labelImg's, Roboflow's, and what a user may point at."""
    names = [f"00{i}" for i in range(3)]
    voc_folder(tmp_path / "VOC")
    expected = {
        name: sample.labels for name, sample in zip(names, read_voc([tmp_path / "VOC"]).sets["train"], strict=True)
    }
    layouts = {"beside": (".", "."), "small": ("images", "annotations"), "train": ("split/train", "split/train")}
    for root, (images, xml) in layouts.items():
        for name in names:
            for folder, file in ((images, f"JPEGImages/{name}.jpg"), (xml, f"Annotations/{name}.xml")):
                (tmp_path / root / folder).mkdir(parents=True, exist_ok=True)
                shutil.copy(tmp_path / "VOC" / file, tmp_path / root / folder)
    for place in ("beside", "small", "small/annotations", "train/split", "VOC/Annotations"):
        [samples] = read_voc([tmp_path / place]).sets.values()
        assert {Path(each.image).stem: each.labels for each in samples} == expected, place
        assert all(Path(each.image).is_file() for each in samples)
    (tmp_path / "labels.txt").write_text("")
    with pytest.raises(
        DataError, match=f"or XML files beside images; for label files of YOLO: .* data yolo {tmp_path}"
    ):
        read_voc([tmp_path])
