"""A folder with a detector, a classifier, names and pictures, in which the scripts run."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network

SCRIPTS = Path(__file__).parent / "scripts"

SMALL = """[net]
batch=64
subdivisions=8
width=96
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
size=1
filters=16
activation=linear
"""
REGION = "[region]\nanchors=1,1.5, 3,2\nclasses=3\ncoords=4\nnum=2\nsoftmax=1\n"
YOLO = "[yolo]\nmask=0,1\nanchors=10,14, 40,30\nclasses=3\nnum=2\n"
CLASSIFIER = SMALL.replace("filters=16\nactivation=linear", "filters=3\nactivation=linear") + "[avgpool]\n[softmax]\n"
NAMES = ["cat", "dog", "bird"]


def random_parameters(cfg: str, seed: int) -> Network:
    """A network whose outputs differ from picture to picture."""
    net = Network(parse_cfg_text(cfg), seed=seed)
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        for record in layer.records:
            if record.name == "rolling_variance":
                layer.parameters[record.name] = rng.uniform(0.1, 0.3, record.shape).astype(np.float32)
            elif record.name in ("biases", "rolling_mean"):
                layer.parameters[record.name] = (0.3 * rng.standard_normal(record.shape)).astype(np.float32)
    last = max((layer for layer in net.layers if layer.records), key=lambda layer: layer.index)
    last.parameters["weights"] = last.parameters["weights"] * np.float32(0.3)  # boxes of the picture's size
    net.parameters_changed()
    return net


def picture(width: int, height: int, seed: int) -> np.ndarray:
    """Coloured spots, so that neither orientation nor the order of channels can be confused."""
    rng = np.random.default_rng(seed)
    spots = rng.integers(0, 256, (5, 6, 3), np.uint8)
    return cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC)


def write_folder(folder: Path, head: str) -> None:
    """cfg, weights, names and pictures."""
    for name in ("cfg", "data"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "cfg/small.cfg").write_text(SMALL + head)
    (folder / "cfg/classifier.cfg").write_text(CLASSIFIER)
    (folder / "cfg/small.data").write_text("classes= 3\nnames = data/small.names\n")
    (folder / "data/small.names").write_text("\n".join(NAMES) + "\n")
    random_parameters(SMALL + head, 1).save_weights(folder / "small.weights")
    random_parameters(CLASSIFIER, 2).save_weights(folder / "classifier.weights")
    cv2.imwrite(str(folder / "data/wide.png"), picture(120, 50, 1))
    cv2.imwrite(str(folder / "data/tall.png"), picture(40, 90, 2))


@pytest.fixture(params=[REGION, YOLO], ids=["region", "yolo"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, once with a [region] and once with a [yolo] detector."""
    write_folder(tmp_path, request.param)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[[str], dict[str, Any]]:
    """Run a script in the folder; its variables."""
    return lambda name: runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")


@pytest.fixture
def net(folder: Path) -> Network:
    """The detector by our own interface."""
    return Network("cfg/small.cfg", "small.weights", names=NAMES)
