"""A training of a second: a few generated images of bright squares, and a network of three layers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.lib.toy_detector import BODY

OPTIONS = """[net]
batch=4
subdivisions=2
width=32
height=32
channels=3
momentum=0.9
decay=0.0005
learning_rate=0.01
saturation=1.5
exposure=1.5
hue=.1
policy=steps
steps=30
scales=.1
max_batches=40
min_size=32
max_size=64
resize_step=16
"""

REGION = """
[region]
anchors=1,1,2,2
classes=2
num=2
softmax=1
jitter=.2
rescore=1
bias_match=1
object_scale=5
thresh=.6
random=RANDOM
"""

CFG = OPTIONS + BODY.format(filters=14) + REGION

CLASSIFIER = """[net]
batch=4
width=16
height=16
channels=3
learning_rate=0.1
max_batches=30
min_crop=16
max_crop=24

[convolutional]
filters=8
size=3
stride=2
activation=leaky

[convolutional]
filters=2
size=1
activation=linear

[avgpool]

[softmax]

[cost]
"""


def make(folder: Path, random: int = 0, count: int = 8) -> tuple[Path, Path]:
    """The .data file and the cfg: bright squares of class 0, dark ones of class 1."""
    for name in ("images", "labels", "backup"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    for i in range(count):
        picture = rng.integers(90, 130, (48, 64, 3), np.uint8)
        x, y, side = int(rng.integers(4, 36)), int(rng.integers(4, 20)), int(rng.integers(14, 26))
        picture[y : y + side, x : x + side] = 250 if i % 2 == 0 else 5
        name = f"{('bright', 'dark')[i % 2]}{i}"
        cv2.imwrite(str(folder / "images" / f"{name}.png"), picture)
        box = (x + side / 2) / 64, (y + side / 2) / 48, side / 64, side / 48
        (folder / "labels" / f"{name}.txt").write_text(f"{i % 2} " + " ".join(f"{v:.5f}" for v in box) + "\n")
    pictures = sorted((folder / "images").iterdir())
    (folder / "train.txt").write_text("".join(f"{path}\n" for path in pictures))
    (folder / "toy.names").write_text("bright\ndark\n")
    data = folder / "toy.data"
    data.write_text(
        f"classes = 2\ntrain = {folder}/train.txt\nnames = {folder}/toy.names\nbackup = {folder}/backup\n"
    )
    (folder / "toy.cfg").write_text(CFG.replace("RANDOM", str(random)))
    (folder / "classifier.cfg").write_text(CLASSIFIER)
    return data, folder / "toy.cfg"
