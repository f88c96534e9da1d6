"""Weights of another number of classes are refused with the ways on; names beyond the classes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet.cli.main import main
from pydarknet.errors import CfgError, WeightsError
from pydarknet.graph.engine import Engine
from pydarknet.network import Network
from pydarknet.train.trainer import Trainer
from tests.lib import nets, toy_training
from tests.lib.cli_nets import write_files

HEAD = "[convolutional]\nfilters={filters}\nactivation=linear\n"
YOLO = "[yolo]\nclasses={classes}\nnum=3\nmask={mask}\nanchors=1,1, 2,2, 3,3\n"
BODY = nets.CONV.format(filters=8, size=3)


def region(classes: int) -> str:
    return BODY + HEAD.format(filters=2 * (classes + 5)) + f"[region]\nclasses={classes}\nnum=2\nanchors=1,1, 2,2\n"


def yolo(classes: int) -> str:
    """Two heads, and layers between them."""
    first = BODY + HEAD.format(filters=2 * (classes + 5)) + YOLO.format(classes=classes, mask="1,2")
    second = HEAD.format(filters=classes + 5) + YOLO.format(classes=classes, mask="0")
    return first + "[route]\nlayers=-3\n" + BODY + second


def detection(classes: int) -> str:
    outputs = 4 * (2 * 5 + classes)
    head = f"[detection]\nclasses={classes}\ncoords=4\nside=2\nnum=2\n"
    return BODY + f"[connected]\noutput={outputs}\nactivation=linear\n" + head


def classifier(classes: int) -> str:
    return BODY + HEAD.format(filters=classes) + "[avgpool]\n[softmax]\n[cost]\n"


KINDS = {"region": region, "yolo": yolo, "detection": detection, "classifier": classifier}


@pytest.mark.parametrize(("given", "wanted"), [(7, 3), (2, 3), (80, 3), (1, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_says_how_many_classes_it_has(tmp_path: Path, kind: str, given: int, wanted: int) -> None:
    weights = tmp_path / "x.weights"
    nets.from_text(nets.net_text(KINDS[kind](given)), 0).save_weights(weights)
    cfg = tmp_path / "mine.cfg"
    cfg.write_text(nets.net_text(KINDS[kind](wanted)))
    with pytest.raises(WeightsError) as error:
        Network(cfg, weights)
    assert f"x.weights: is of this network with {given} classes, {cfg} has {wanted}" in str(error.value)
    assert "cutoff=1 (--cutoff 1), and --clear" in str(error.value)
    Network(cfg, weights, cutoff=1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_file_is_taken(tmp_path: Path, kind: str) -> None:
    weights = tmp_path / "x.weights"
    nets.from_text(nets.net_text(KINDS[kind](3)), 0).save_weights(weights)
    cfg = tmp_path / "mine.cfg"
    cfg.write_text(nets.net_text(KINDS[kind](3)))
    assert Network(cfg, weights).warnings == []
    with open(weights, "ab") as file:
        file.write(bytes(12))  # no class is so short
    assert "12 bytes follow the last layer" in Network(cfg, weights).warnings[0]


def test_training_is_refused_too(tmp_path: Path) -> None:
    data, cfg = toy_training.make(tmp_path)
    text = cfg.read_text()
    cfg.write_text(text.replace("filters=14", "filters=170").replace("classes=2", "classes=80"))
    Engine(cfg).save_weights(tmp_path / "coco.weights")
    cfg.write_text(text)
    with pytest.raises(WeightsError, match="with 80 classes"):
        Trainer(cfg, data, weights=tmp_path / "coco.weights")
    with Trainer(cfg, data, weights=tmp_path / "coco.weights", cutoff=3, max_batches=1) as trainer:
        trainer.run()


# Commands and names of another kind of network


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command", [["classify", "net.cfg", "net.weights", "a.jpg"],
                ["classifier", "predict", "toy.data", "net.cfg", "net.weights", "a.jpg"]]
)  # fmt: skip
def test_a_detector_does_not_classify(files: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert main(command) == 2
    assert "net.cfg:" in (said := capsys.readouterr().err)
    assert "use pydarknet detect" in said
    with pytest.raises(CfgError, match=r"net\.cfg:.* use detect\(\)"):
        Network("net.cfg", "net.weights").classify("a.jpg")


def test_more_names_than_classes(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("many.names").write_text("cat\ndog\nbird\n")
    assert main(["detect", "net.cfg", "net.weights", "a.jpg", "--names", "many.names", "--no-draw"]) == 0
    assert "many.names: has 3 names for 2 classes; the first 2 count" in capsys.readouterr().err
    for names in ("many.names", ["cat", "dog", "bird"]):
        assert "has 3 names for 2 classes" in Network("net.cfg", "net.weights", names=names).warnings[-1]
    assert Network("net.cfg", "net.weights", names="toy.names").warnings == []


@pytest.mark.parametrize(("option", "value"), [("-thresh", "50"), ("-thresh", "-1"), ("-hier", "2"), ("-nms", "45"),
                                               ("-thresh", "nan")])  # fmt: skip
def test_thresholds_out_of_range(files: Path, capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    assert main(["detect", "net.cfg", "net.weights", "a.jpg", option, value]) == 2
    said = capsys.readouterr().err
    assert f"expected a number from 0 to 1, found '{value}'" in said
    assert (f"for {value} percent give {float(value) / 100:g}" in said) == (1 < float(value) <= 100)
