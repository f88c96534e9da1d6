"""Networks whose head has a random WordTree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pydarknet import Network
from pydarknet.formats.tree import read_tree
from tests.lib import nets
from tests.lib.trees import random_tree

# Boxes in a grid of 4 x 4 cells; CLASSES and FILTERS are put in.
DETECTOR = """
[convolutional]
batch_normalize=1
filters=21
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=FILTERS
activation=linear
[region]
anchors=1,1, 2,2, .5,3
num=3
classes=CLASSES
softmax=1
"""


def write_tree(folder: Path, seed: int, groups: int = 30) -> Path:
    """A file of a random tree; .names are beside it."""
    tree, path = random_tree(seed, groups), folder / "random.tree"
    rows = zip(tree.name, tree.parent.tolist(), strict=True)
    path.write_text("".join(f"{name} {parent}\n" for name, parent in rows))
    path.with_suffix(".names").write_text("".join(f"name {i}\n" for i in range(len(tree))))
    return path


def cfg_text(tree: Path, layers: str = DETECTOR) -> str:
    """The cfg of a network with this tree."""
    count = len(read_tree(tree))
    text = layers.replace("FILTERS", str(3 * (5 + count))).replace("CLASSES", str(count))
    return nets.net_text(text.replace("[region]", f"[region]\ntree={tree}"), size=8)


def spread(net: Network, seed: int) -> Network:
    """The network with weights that give boxes of every objectness, and walks of every depth."""
    last, rng = net.layers[-2].parameters, np.random.default_rng(seed)
    last["weights"][...] = rng.normal(0, 1.5, last["weights"].shape)
    last["biases"][...] = rng.normal(0, 1, last["biases"].shape)
    net.parameters_changed()
    return net


def detector(folder: Path, seed: int, layers: str = DETECTOR, **options: object) -> Network:
    """A network with a random tree and such weights."""
    cfg = folder / "tree.cfg"
    cfg.write_text(cfg_text(write_tree(folder, seed), layers))
    return spread(Network(cfg, seed=seed, **options), seed)  # type: ignore[arg-type]
