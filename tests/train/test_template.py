"""`pydarknet init`: a cfg for one's own data."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet.cli.main import main
from pydarknet.errors import CfgError, DarknetError, DataError
from pydarknet.formats.cfg import parse_cfg, parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.graph.graph import Graph
from pydarknet.train.choice import training_dialect
from pydarknet.train.sizes import sizes_of
from pydarknet.train.template import make_cfg
from tests.lib.toy_datasets import picture

OWN = Path(__file__).parents[2] / "cfg"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four images, three classes."""
    for i in range(4):
        picture(tmp_path / f"{i}.png", 64, 48, i)
        rows = f"{i % 3} .5 .5 .{i + 2} .{i + 3}\n2 .3 .3 .1{i} .12\n1 .6 .6 .33 .0{i + 5}\n"
        (tmp_path / f"{i}.txt").write_text(rows)
    (tmp_path / "train.txt").write_text("".join(f"{tmp_path}/{i}.png\n" for i in range(4)))
    (tmp_path / "a.names").write_text("dog\ncat\nbird\n")
    (tmp_path / "a.data").write_text(
        f"classes=3\ntrain=train.txt\nvalid=train.txt\nnames=a.names\nbackup={tmp_path}\n"
    )
    return tmp_path / "a.data"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["yolov2-tiny", "yolov2-tiny-voc", "yolov2", "yolov2-voc", "yolov3-tiny", "yolov4-tiny", "yolov7-tiny"],
)
def test_every_detector_of_ours_can_be_adapted(data: Path, tmp_path: Path, name: str):
    made = make_cfg(data, OWN / f"{name}.cfg", size=96)
    (tmp_path / "new.cfg").write_bytes(made.content)
    cfg = parse_cfg(tmp_path / "new.cfg")
    graph = Graph(cfg)
    assert (graph.width, graph.height) == (96, 96)
    assert not graph.warnings
    for head in graph.heads():
        assert head.classes == 3
    net = cfg.net
    assert (net.int_("batch", 0), net.int_("max_batches", 0)) == (64, 6000)
    assert net.str_("steps").endswith("4800,5400")
    old = {section.line: section for section in parse_cfg(OWN / f"{name}.cfg").sections}
    assert [section.type for section in cfg.sections] == [section.type for section in old.values()]


@pytest.mark.parametrize("name", ["yolov2-tiny", "yolov3-tiny"])
def test_the_sizes_of_a_training_are_around_the_one_asked_for(data: Path, name: str):
    """random=1 alone is 320 to 608 whatever the width, and memory must hold the largest."""
    made = make_cfg(data, OWN / f"{name}.cfg", size=96)
    engine = Engine(parse_cfg_text(made.content.decode()))
    sizes = sizes_of(engine, training_dialect(engine.cfg, None, None), 0, 6000)
    assert (sizes.low, sizes.high) == (64, 128)
    assert b"min_size" not in make_cfg(data, OWN / f"{name}.cfg").content


def test_a_head_of_deviations_has_more_filters(data: Path, tmp_path: Path):
    template = tmp_path / "gaussian.cfg"
    template.write_text(
        "[net]\nwidth=64\nheight=64\nchannels=3\n[convolutional]\nfilters=28\nsize=3\nstride=16\npad=1\n"
        "activation=linear\n[Gaussian_yolo]\nclasses=5\nnum=2\nanchors=4,4, 9,9\n"
    )
    made = make_cfg(data, template, size=96)
    (tmp_path / "new.cfg").write_bytes(made.content)
    assert Graph(parse_cfg(tmp_path / "new.cfg")).layers[0].out.c == 2 * (8 + 1 + 3)


@pytest.mark.slow
def test_from_the_command_line_to_a_trained_detector(data: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["init", "a.data", "--from", "yolov2-tiny-voc", "--size", "64", "--max-batches", "1"]
    assert main(arguments) == 0
    out, told = capsys.readouterr()
    assert out == "a.cfg: made of yolov2-tiny-voc\nnext: pydarknet train a.data a.cfg --map\n"
    assert "3 classes: dog, cat, bird" in told
    assert "subdivisions=" in told
    text = Path("a.cfg").read_text()
    assert text.startswith(
        "# yolov2-tiny-voc.cfg, made by pydarknet init for the classes and boxes of a.data.\n\n[net]"
    )
    assert "416 x 416" not in text
    assert "125 channels" not in text  # of 20 classes
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert "a.cfg: is there already; --force replaces it" in told
    assert "k-means" not in told
    assert main([*arguments, "--force"]) == 0
    assert main([*arguments, "--out", "-"]) == 0
    assert capsys.readouterr().out.endswith(text)
    small = (
        text.replace("batch=64", "batch=2").replace("filters=1024", "filters=8").replace("filters=512", "filters=8")
    )
    Path("a.cfg").write_text(small)
    capsys.readouterr()
    assert main(["train", "a.data", "a.cfg", "--no-chart"]) == 0
    assert "followed" not in capsys.readouterr().err  # no key of it that training passes over
    assert Path("a_final.weights").exists()


@pytest.mark.parametrize(
    ("template", "options", "error", "message"),
    [
        (
            "darknet19.cfg",
            {},
            DataError,
            r"has images with boxes, but .*darknet19.cfg is a classifier, .* data classes",
        ),
        ("darknet9000.cfg", {}, DataError, "has images with boxes"),
        ("yolo9000.cfg", {}, CfgError, "take a template without it"),
        ("yolov2-tiny.cfg", {"size": 100}, DataError, "expected a multiple of 32, found 100"),
        ("nowhere.cfg", {}, DarknetError, "nowhere.cfg"),
    ],
)
def test_what_can_not_be_adapted(data: Path, template: str, options: dict[str, int], error, message: str):
    with pytest.raises(error, match=message):
        make_cfg(data, OWN / template, **options)


def test_only_what_can_be_validated_is_to_be(data: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data.write_text(data.read_text().replace("valid=train.txt\n", ""))
    assert main(["init", "a.data", "--from", "yolov2-tiny-voc", "--size", "64"]) == 0
    assert capsys.readouterr().out.endswith("next: pydarknet train a.data a.cfg\n")


def test_data_without_classes(data: Path):
    data.write_text("train=train.txt\n")
    with pytest.raises(DataError, match="add classes = N and names = FILE"):
        make_cfg(data, OWN / "yolov2-tiny.cfg")
    with pytest.raises(DataError, match=r"it is a folder; expected a \.data file; did you mean .*a\.data\?"):
        make_cfg(data.parent, OWN / "yolov2-tiny.cfg")


@pytest.mark.slow
def test_a_network_too_large_for_the_memory_is_cut_into_subdivisions(data: Path, monkeypatch: pytest.MonkeyPatch):
    sizes = []
    for free in (1 << 40, 1 << 28):
        monkeypatch.setattr("pydarknet.backends.base.Backend.free_bytes", lambda self, free=free: free)
        made = make_cfg(data, OWN / "yolov2-tiny-voc.cfg", size=96)
        sizes.append(int(made.content.split(b"subdivisions=")[1].split()[0]))
    assert sizes[0] == 1 < sizes[1]
