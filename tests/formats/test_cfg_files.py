"""The project's own cfg/ and data/ against the originals in Debian's package `darknet`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from pydarknet.dialects import DEFAULT, DIALECTS
from pydarknet.errors import CfgError
from pydarknet.formats.cfg import Cfg, Section, dump, parse_cfg, parse_cfg_text
from pydarknet.formats.cfg_keys import canonical
from pydarknet.formats.data import read_data, read_labels, read_map, read_names
from pydarknet.formats.numbers import read_float
from pydarknet.formats.tree import read_tree
from pydarknet.graph.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
DEBIAN = Path("/usr/share/darknet")
NETWORKS = [
    *("yolov2", "yolov2-voc", "yolov2-tiny", "yolov2-tiny-voc", "yolo9000"),
    *("darknet19", "darknet19_448", "darknet9000", "tiny", "yolov3-tiny"),
]
DATA = [
    *("coco.names", "voc.names", "9k.names", "9k.tree", "9k.labels", "coco9k.map", "inet9k.map"),
    *("imagenet.labels.list", "imagenet.shortnames.list"),
]
# The package moves these to /usr/share/darknet; the original cfg says data/9k.tree.
PATHS = {"tree", "map", "names", "labels"}
OPTIONS = ["coco", "voc", "imagenet1k", "combine9k"]


def effective(section: Section) -> dict[str, object]:
    """The options as a network sees them: numbers and lists of numbers by value, paths by their end."""
    result: dict[str, object] = {}
    for key, text in section.options.items():
        numbers = [read_float(item) for item in text.split(",")]
        if key in PATHS:
            result[key] = Path(text).name
        else:
            result[key] = text if any(warning for _, warning in numbers) else [value for value, _ in numbers]
    return result


def network(cfg: Cfg) -> list[tuple[str, dict[str, object]]]:
    return [(canonical(s.type), effective(s)) for s in [cfg.net, *cfg.sections]]


@pytest.mark.oracle
class TestOriginals:
    """Missing originals are a failure, unless PYDARKNET_NO_ORACLE=1 leaves these tests out."""

    __test__ = os.environ.get("PYDARKNET_NO_ORACLE") != "1"

    @pytest.mark.parametrize("name", NETWORKS)
    def test_same_network(self, name: str) -> None:
        ours = network(parse_cfg(ROOT / "cfg" / f"{name}.cfg"))
        theirs = network(parse_cfg(DEBIAN / "cfg" / f"{name}.cfg"))
        assert len(ours) == len(theirs)
        for index, (mine, original) in enumerate(zip(ours, theirs, strict=True), -1):
            assert mine == original, f"section {index}"

    @pytest.mark.parametrize("name", DATA)
    def test_same_bytes(self, name: str) -> None:
        assert (ROOT / "data" / name).read_bytes() == (DEBIAN / "data" / name).read_bytes()

    @pytest.mark.parametrize("name", OPTIONS)
    def test_same_data_options(self, name: str) -> None:
        ours = read_data(ROOT / "cfg" / f"{name}.data").options
        theirs = read_data(DEBIAN / "cfg" / f"{name}.data").options
        assert ours.keys() == theirs.keys()
        for key in ours.keys() - {"train", "valid", "backup"}:  # folders on the author's machine
            assert Path(ours[key]).name == Path(theirs[key]).name
        assert ours["backup"] == "backup"

    def test_every_original_parses_without_unknown_keys(self) -> None:
        paths = sorted((DEBIAN / "cfg").glob("*.cfg"))
        assert len(paths) == 45
        for path in paths:
            with suppress(CfgError):  # sections that are missing
                assert all("is given again" in warning for warning in Graph(path).warnings), path

    def test_every_original_survives_dump(self) -> None:
        for path in (DEBIAN / "cfg").glob("*.cfg"):
            again = parse_cfg_text(dump(parse_cfg(path)), path.name)
            assert network(again) == network(parse_cfg(path)), path
            assert again.warnings == []


@pytest.mark.parametrize("name", NETWORKS)
def test_no_doubts_about_our_own(name: str) -> None:
    assert Graph(ROOT / "cfg" / f"{name}.cfg").warnings == []


@pytest.mark.parametrize("name", OPTIONS)
def test_files_of_our_data_are_found_from_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = read_data(ROOT / "cfg" / f"{name}.data")
    assert data.warnings == []
    classes = data.int_("classes", 0)
    names = read_names(data.path("names"), classes)
    if name != "imagenet1k":  # its lists go on to all 21842 classes
        assert len(names) == classes
    if data.get("labels"):
        assert len(read_labels(data.path("labels"), classes)) == len(names)
    if data.get("map"):
        assert len(read_map(data.path("map"), nodes=classes)) == 200


def test_voc_names_in_the_official_order() -> None:
    classes = """aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person
        pottedplant sheep sofa train tvmonitor"""
    assert read_names(ROOT / "data" / "voc.names") == classes.split()


def test_yolo9000_has_three_anchors_as_in_the_paper() -> None:
    """Section 4: "only 3 priors instead of 5 to limit the output size". The box that a class-only image teaches is
    pulled up to an objectness of .3: it is assumed to overlap the truth by so much at least."""
    region = parse_cfg(ROOT / "cfg" / "yolo9000.cfg").sections[-1]
    assert region.int_("num") == 3
    assert len(region.floats("anchors")) == 2 * 3
    assert parse_cfg(ROOT / "cfg" / "yolo9000.cfg").sections[-2].int_("filters") == 3 * (5 + 9418)
    assert DIALECTS[DEFAULT].region.class_only == "pull"


def test_the_tree_of_yolo9000() -> None:
    tree = read_tree(ROOT / "data" / "9k.tree")
    assert len(tree) == 9418
    assert len(tree.group_size) == 1846
    assert (tree.group_size[0], tree.group_size.max()) == (4, 149)
    assert (tree.child < 0).sum() == 7573
    assert tree.name == read_labels(ROOT / "data" / "9k.labels")
    names = read_names(ROOT / "data" / "9k.names", len(tree))
    coco = read_map(ROOT / "data" / "coco9k.map", length=80, nodes=len(tree))
    assert len(coco) == 80
    assert sum(not tree.is_leaf(node) for node in coco) == 44
    assert [names[node] for node in tree.path(coco[16])] == [
        *("object", "whole", "living thing", "organism", "animal", "chordate", "vertebrate", "mammal"),
        *("placental", "carnivore", "canine", "dog"),
    ]
