"""A training with all that a process must share with others: batch norm, several sizes, a tree, images with a class
only, momentum, burn-in, [dropout]."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

TREE = "animal -1\nvehicle -1\ncat 0\ndog 0\ncar 1\nboat 1\n"
CFG = """[net]
batch=12
subdivisions={subdivisions}
width=64
height=64
channels=3
momentum=0.9
decay=0.0005
learning_rate=0.001
burn_in=20
policy=steps
steps=30
scales=.1
saturation=1.5
exposure=1.5
hue=.1
max_batches={iterations}
min_size=64
max_size=96
dialect={dialect}

[convolutional]
batch_normalize=1
filters=16
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=32
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=64
size=3
stride=2
pad=1
activation=leaky

[dropout]
probability=.2

[route]
layers=-1,-2

[convolutional]
batch_normalize=1
filters=32
size=1
activation=leaky

[convolutional]
filters=22
size=1
activation=linear

[region]
anchors=1,1,3,3
classes=6
num=2
max=4
tree=toy.tree
softmax=1
jitter=.2
rescore=1
object_scale=5
thresh=.6
random=1
"""


def make(folder: Path, iterations: int, subdivisions: int = 4, dialect: str = "darknet2018") -> None:
    """`toy.data` and `toy.cfg`, which are used from within the folder: images with a bright or a dark square."""
    rng = np.random.default_rng(11)
    for i in range(16):
        image = rng.integers(60, 160, (72, 80, 3), np.uint8)
        x, y, side = (int(rng.integers(low, high)) for low, high in ((4, 40), (4, 36), (16, 32)))
        image[y : y + side, x : x + side] = rng.integers(200, 256, 3) if i % 2 else rng.integers(0, 40, 3)
        place = folder / ("images" if i < 10 else f"only/{('cat', 'dog', 'car', 'boat')[i % 4]}") / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), image)
        if i < 10:
            (folder / "labels").mkdir(exist_ok=True)
            box = (x + side / 2) / 80, (y + side / 2) / 72, side / 80, side / 72
            (folder / "labels" / f"{i}.txt").write_text(f"{2 + i % 4} " + " ".join(f"{v:.5f}" for v in box) + "\n")
    (folder / "boxes.txt").write_text("".join(f"images/{i}.png\n" for i in range(10)))
    (folder / "toy.tree").write_text(TREE)
    (folder / "toy.names").write_text("".join(f"{line.split()[0]}\n" for line in TREE.splitlines()))
    (folder / "toy.data").write_text(
        "classes=6\nnames=toy.names\nbackup=backup\ntrain_boxes=boxes.txt\ntrain_classes=only\nmix=2:1\n"
    )
    text = CFG.format(subdivisions=subdivisions, iterations=iterations, dialect=dialect)
    (folder / "toy.cfg").write_text(text)
