"""A small network for every loss, layer that learns, and rule of update, with truths that it can learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydarknet.dialects import dialect
from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine
from pydarknet.train.step import Stepper
from tests.lib import nets

CONV = nets.CONV.format(filters=8, size=3)
TREE = "animal -1\nthing -1\ncat 0\ndog 0\n"
REGION = "[region]\nanchors=1,1, 2,2\nclasses={classes}\nnum=2\nbias_match=1\nrescore=1\n"
GROUPED = (
    "[convolutional]\nfilters=12\nsize=3\npad=1\nactivation=leaky\n[route]\nlayers=-1,-2\ngroups=2\ngroup_id=1\n"
    "[convolutional]\nfilters=16\n[region]\nanchors=1,1, 2,2\nclasses=3\nnum=2\n"
)
YOLO = (
    "[convolutional]\nfilters=16\n"
    "[yolo]\nanchors=3,3, 4,4, 5,7, 14,12\nmask={mask}\nclasses=3\nnum=4\nignore_thresh=.4\n"
)
# As YOLOv3: a residual block, a head on a quarter of the width, and one on a half that sees the first one's features.
TWO_HEADS = (
    CONV + "stride=2\n" + "[convolutional]\nfilters=4\nactivation=leaky\n" + CONV
    + "[shortcut]\nfrom=-3\nactivation=linear\n" + CONV + "stride=2\n" + YOLO.format(mask="2,3")
    + "[route]\nlayers=-3\n[convolutional]\nfilters=4\nactivation=leaky\n[upsample]\nstride=2\n"
    + "[route]\nlayers=-1,3\n" + CONV + YOLO.format(mask="0,1")
)  # fmt: skip

TRAINED = {
    "region": nets.net_text(nets.DETECTOR),
    "raw classes": nets.net_text(nets.DETECTOR.replace("softmax=1", "")),
    "tree": nets.net_text(CONV + "[convolutional]\nfilters=18\n" + REGION.format(classes=4) + "tree=toy.tree\n", 8),
    "tree of a classifier": nets.net_text(CONV + "[avgpool]\n[connected]\noutput=4\n[softmax]\ntree=toy.tree\n", 8),
    "yolo": nets.net_text(CONV + nets.LAYERS["yolo"], 8),
    "two heads": nets.net_text(TWO_HEADS),
    "detection": nets.net_text(CONV + nets.LAYERS["detection"].replace("num=2", "num=2\nrandom=1"), 8),
    "shortcut": nets.net_text(CONV + nets.LAYERS["shortcut"] + "\n[upsample]\nstride=2\n[cost]\n", 8),
    "grouped route": nets.net_text(CONV + GROUPED, 8),
    "depthwise": nets.net_text(
        CONV + nets.LAYERS["groups"].replace("swish", "relu") + "\n[reorg]\nstride=2\n[cost]\n", 8
    ),
    "dilation": nets.net_text(CONV + nets.LAYERS["dilation"] + "\n[cost]\n", 8),
    "strides": nets.net_text(CONV + nets.LAYERS["strides"] + "\n[cost]\n", 8),
    "mish": nets.net_text(
        CONV.replace("leaky", "mish")
        + "batch_normalize=1\n"
        + nets.LAYERS["shortcut"].replace("linear", "swish")
        + "\n[cost]\n",
        8,
    ),
    "local": nets.net_text(CONV + nets.LAYERS["local"] + "\n[cost]\n", 8),
    "normalization": nets.net_text(CONV + nets.LAYERS["normalization"] + "\n[l2norm]\n[cost]\n", 8),
    "batchnorm": nets.net_text(CONV + "[batchnorm]\n[cost]\n", 8),
    "crop": nets.net_text("[crop]\ncrop_height=6\ncrop_width=6\nflip=1\n" + CONV + "[avgpool]\n[softmax]\n", 8),
    "dropout": nets.net_text(CONV + "[dropout]\n[connected]\noutput=4\n[softmax]\n[cost]\n", 8),
    **{
        kind: nets.net_text(CONV + nets.LAYERS[kind] + "\n[cost]\n", 8)
        for kind in (
            "antialiasing",
            "deconvolutional",
            "implicit",
            "maxpool_depth",
            "normalize_channels",
            "share_index",
            "weighted shortcut",
            "xnor",
        )
    },
    "dropblock": nets.net_text(
        CONV + "[dropout]\ndropblock=1\ndropblock_size_rel=.5\n[connected]\noutput=4\n[softmax]\n[cost]\n", 8
    ),
    "gaussian_yolo": nets.net_text(CONV + nets.LAYERS["gaussian_yolo"], 8),
    "adam": nets.net_text(nets.DETECTOR).replace("[net]", "[net]\nadam=1"),
}

# Each in two dialects, if they have it.
IN_DIALECTS = [
    (kind, name)
    for kind in TRAINED
    for name in ("paper2017", "alexeyab")
    if (kind, name) != ("gaussian_yolo", "paper2017")
]


def steppers(kind: str, name: str, folder: Path, *devices: str) -> list[Stepper]:
    """The same network on each device, in FP32: mini-batches of 2, an update after two of them."""
    (folder / "toy.tree").write_text(TREE)
    (folder / "small.cfg").write_text(TRAINED[kind].replace("[net]", "[net]\nbatch=4\nsubdivisions=2"))
    engines = [Engine(parse_cfg(folder / "small.cfg"), device=device, precision="fp32") for device in devices]
    return [Stepper(engine, dialect(name)) for engine in engines]


def truth_of(stepper: Stepper, rng: np.random.Generator) -> np.ndarray:
    """A truth in the form that the network's loss wants."""
    head: Any = stepper.engine.layers[-1]
    truth = np.zeros(stepper._plan().truth.shape, np.float32)
    if head.type in ("region", "yolo", "Gaussian_yolo"):
        truth[:, 0] = (0.4, 0.6, 0.3, 0.4, 1)
        truth[0, 1] = (0.8, 0.2, 0.2, 0.2, 2)
        if head.type == "region" and head.tree is not None:
            truth[1, 0] = (999999,) * 4 + (3,)  # a class without a place
    elif head.type == "detection":  # 4 cells: an object in each
        truth.reshape(-1, 4, 6)[:] = (1, 1, 0.5, 0.5, 0.3, 0.2)
    elif head.type == "softmax" and head.tree is not None:
        truth.reshape(len(truth), -1)[:] = (1, 0, 0, 1)
    else:
        truth[...] = rng.random(truth.shape, np.float32)
    return truth
