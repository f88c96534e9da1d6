"""A detector and a classifier whose outputs differ from image to image, in a folder with names and images; the layers
in front of the heads are those of toy_training.py too."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network

# A quarter, then an eighth of the input's size.
BODY = """
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
filters={filters}
activation=linear
"""
SMALL_NET = "[net]\nbatch=64\nsubdivisions=8\nwidth=96\nheight=64\nchannels=3\n"
SMALL = SMALL_NET + BODY.format(filters=16)
REGION = "[region]\nanchors=1,1.5, 3,2\nclasses=3\ncoords=4\nnum=2\nsoftmax=1\n"
YOLO = "[yolo]\nmask=0,1\nanchors=10,14, 40,30\nclasses=3\nnum=2\n"
CLASSIFIER = SMALL_NET + BODY.format(filters=3) + "[avgpool]\n[softmax]\n"
NAMES = ["cat", "dog", "bird"]


def random_parameters(cfg: str, seed: int) -> Network:
    """A network whose outputs differ from image to image."""
    net = Network(parse_cfg_text(cfg), seed=seed)
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        for record in layer.records:
            if record.name == "rolling_variance":
                layer.parameters[record.name] = rng.uniform(0.1, 0.3, record.shape).astype(np.float32)
            elif record.name in ("biases", "rolling_mean"):
                layer.parameters[record.name] = (0.3 * rng.standard_normal(record.shape)).astype(np.float32)
    last = max((layer for layer in net.layers if layer.records), key=lambda layer: layer.index)
    last.parameters["weights"] = last.parameters["weights"] * np.float32(0.3)  # boxes of the image's size
    net.parameters_changed()
    return net


def picture(width: int, height: int, seed: int) -> np.ndarray:
    """Coloured spots, so that neither orientation nor the order of channels can be confused."""
    rng = np.random.default_rng(seed)
    spots = rng.integers(0, 256, (5, 6, 3), np.uint8)
    return cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC)


def write_folder(folder: Path, head: str) -> None:
    """cfg, weights, names and images."""
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
