"""From a folder of images for each class to a classifier: `data classes`, `init`, `doctor`, `classifier train`."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.datasets import read_dataset, stats
from pydarknet.errors import CfgError, DataError
from pydarknet.formats.cfg import parse_cfg, parse_cfg_text
from pydarknet.graph.graph import Graph
from pydarknet.train.doctor import examine
from pydarknet.train.template import make_cfg
from pydarknet.train.trainer import Trainer
from tests.lib.nets import DETECTOR
from tests.lib.toy_datasets import picture

OWN = Path(__file__).parents[2] / "cfg"
COLOURS = {"red": (0, 0, 200), "red green": (0, 200, 200), "green": (0, 200, 0)}
TEMPLATE = """[net]
width=64
height=64
channels=3
max_crop=80
learning_rate=.05
burn_in=1000
max_batches=8000
policy=poly
power=4
angle=7
hue=.01
[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=1000
size=1
activation=linear
[avgpool]
[softmax]
"""


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A class for each colour, below a folder that is called like one of them."""
    (tmp_path / "green").mkdir()
    monkeypatch.chdir(tmp_path / "green")
    rng = np.random.default_rng(0)
    for key, count in (("train", 8), ("val", 4)):
        for name, colour in COLOURS.items():
            folder = Path("colours", key, name)
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = np.clip(colour + rng.normal(0, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{i}.png"), pixels)
    Path("small.cfg").write_text(TEMPLATE)
    return Path("colours/colours.data")


def test_three_commands(colours: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "classes", "colours"]) == 0
    assert main(["init", str(colours), "--from", "small.cfg", "--size", "32", "--max-batches", "40"]) == 0
    out, told = capsys.readouterr()
    assert out.endswith("next: pydarknet classifier train colours/colours.data colours/colours.cfg --map\n")
    assert "3 classes: green, red, red green" in told
    assert "40 iterations of 128 images, 213 times 24 images, subdivisions=1" in told
    assert main(["doctor", str(colours), "colours/colours.cfg"]) == 0
    out = capsys.readouterr().out
    assert "few images to learn from: green 8, red 8, red green 8" in out
    assert out.endswith("next: pydarknet classifier train colours/colours.data colours/colours.cfg\n")
    assert main(["classifier", "train", str(colours), "colours/colours.cfg", "--map", "--quiet", "--no-chart"]) == 0
    files = [str(colours), "colours/colours.cfg", "backup/colours_best.weights"]
    capsys.readouterr()
    assert main(["classifier", "valid", *files, "-quiet"]) == 0
    assert re.search(r"top 1: 1\.0+", capsys.readouterr().out)
    assert main(["classifier", "predict", *files, "colours/val/red green/0.png", "-t", "1"]) == 0
    assert "red green" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", ["darknet19", "darknet19_448", "tiny"])
def test_every_classifier_of_ours_can_be_adapted(colours: Path, name: str):
    assert main(["data", "classes", "colours"]) == 0
    made = make_cfg(colours, name, size=64)
    cfg, old = parse_cfg_text(made.content.decode()), parse_cfg(OWN / f"{name}.cfg")
    graph = Graph(cfg)
    assert (graph.width, graph.height, graph.layers[-1].out.size) == (64, 64, 3)
    assert (cfg.net.int_("batch", 0), cfg.net.int_("max_batches", 0)) == (128, 2000)
    assert made.classifies
    scale = 64 / old.net.int_("width", 0)
    assert cfg.net.int_("max_crop", 0) == round(old.net.int_("max_crop", 0) * scale)
    for key in ("learning_rate", "policy", "power", "angle", "hue", "saturation", "aspect"):
        assert cfg.net.str_(key) == old.net.str_(key)
    assert cfg.net.int_("burn_in", 0) <= 200
    assert "1000" not in made.content.decode().partition("[net]")[0]


def test_steps_and_connected_layers(colours: Path):
    assert main(["data", "classes", "colours"]) == 0
    template = TEMPLATE.replace("policy=poly", "policy=steps\nsteps=4000,6000\nscales=.1,.1")
    last = "[convolutional]\nfilters=1000\nsize=1\nactivation=linear\n[avgpool]"
    Path("small.cfg").write_text(template.replace(last, "[connected]\noutput=1000\nactivation=linear\n[dropout]"))
    cfg = parse_cfg_text(make_cfg(colours, "small.cfg", max_batches=80).content.decode())
    assert cfg.net.str_("steps") == "40,60"
    assert Graph(cfg).layers[-1].out.size == 3


def test_the_wrong_kind_of_network_or_data_is_one_error(colours: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "classes", "colours"]) == 0
    with pytest.raises(DataError, match=r"images with a class alone, but .*yolov2-tiny.cfg .* --from darknet19`"):
        make_cfg(colours, "yolov2-tiny")
    Path("net.cfg").write_text("[net]\nwidth=32\nheight=32\nchannels=3\n" + DETECTOR)
    with pytest.raises(DataError, match=r"images with a class alone, but net.cfg is no classifier"):
        Trainer("net.cfg", colours, missing="background")
    assert [each.message[:31] for each in examine(colours, "net.cfg") if each.error] == [
        "has images with a class alone, "
    ]
    picture(Path("boxes/0.png"))
    Path("boxes/0.txt").write_text("0 .5 .5 .2 .2\n")
    Path("boxes/classes.txt").write_text("cat\ndog\n")
    assert main(["data", "yolo", "boxes"]) == 0
    with pytest.raises(
        DataError, match=r"images with boxes, but .*small.cfg is a classifier, .* data classes FOLDER`"
    ):
        make_cfg("boxes/boxes.data", "small.cfg")
    assert [each.message[:24] for each in examine("boxes/boxes.data", "small.cfg") if each.error] == [
        "has images with boxes, b"
    ]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("[softmax]", "[softmax]\ntree=a.tree"), CfgError, "take a template without it"),
        (
            ("[avgpool]", "[route]\nlayers=-1"),
            CfgError,
            r"expected a \[convolutional\] or \[connected\] to come last",
        ),
    ],
)
def test_classifiers_that_can_not_be_adapted(colours: Path, change: tuple[str, str], error, message: str):
    assert main(["data", "classes", "colours"]) == 0
    Path("small.cfg").write_text(TEMPLATE.replace(*change))
    with pytest.raises(error, match=message):
        make_cfg(colours, "small.cfg")
    with pytest.raises(DataError, match="expected a multiple of 32"):
        make_cfg(colours, "darknet19", size=225)


def test_doctor_names_what_is_wrong_with_images_and_labels(colours: Path):
    assert main(["data", "classes", "colours"]) == 0
    Path("small.cfg").write_text(TEMPLATE.replace("filters=1000", "filters=3").replace("[net]", "[net]\nbatch=4"))
    picture(Path("colours/train/blue/0.png"))
    Path("colours/train/red/0.png").write_bytes(b"?")
    with Path("colours/train.txt").open("a") as file:
        file.write("colours/train/blue/0.png\ncolours/train/red/9.png\n")
    found = [str(each) for each in examine(colours, "small.cfg")]
    assert sum("error" in line for line in found) == 2, found
    assert sum("can't be used" in line for line in found) == 0, found
    green = f"{Path.cwd()}/colours/train.txt:25: warning: colours/train/blue/0.png: no label is in the path"
    assert any(line.startswith(green) for line in found), found
    Path("small.cfg").write_text(TEMPLATE)
    assert any(
        "classes=3, but the network of small.cfg has 1000" in str(each) for each in examine(colours, "small.cfg")
    )


def test_data_check_stats_and_show_know_classes_of_paths(colours: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "classes", "colours"]) == 0
    assert main(["data", "check", str(colours)]) == 0
    assert capsys.readouterr().out.endswith("36 images: 0 errors, 0 warnings\n")
    data = read_dataset(colours)
    counted = stats(data, data.list_("train"))
    assert (counted.unlabelled, counted.classes) == (0, dict.fromkeys(range(3), (8, 8)))
    assert main(["data", "split", str(colours), "train=.5", "valid=.5", "--out", "halves"]) == 0
    halves = read_dataset("halves/halves.data")
    assert [stats(halves, each).classes for each in halves.lists] == [dict.fromkeys(range(3), (6, 6))] * 2
    assert main(["data", "show", str(colours), "--out", "seen", "--count", "2"]) == 0


def test_doctor_and_train_agree_on_too_many_classes(colours: Path):
    """classes=4 with 3 names, and a head of 3: training goes on by the head, with a warning."""
    picture(Path("0.png"))
    Path("0.txt").write_text("0 .5 .5 .2 .2\n")
    Path("a.names").write_text("a\nb\nc\n")
    Path("a.data").write_text("classes=4\ntrain=train.txt\nnames=a.names\nbackup=.\n")
    Path("train.txt").write_text("0.png\n")
    Path("net.cfg").write_text("[net]\nbatch=1\nwidth=32\nheight=32\nchannels=3\nmax_batches=1\n" + DETECTOR)
    found = [str(each) for each in examine("a.data", "net.cfg")]
    assert any("warning: classes=4, but the network of net.cfg has 3, which counts" in line for line in found), found
    assert not any("error" in line for line in found), found
