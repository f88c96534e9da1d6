"""Layer by layer against Debian's libdarknet, random well-conditioned weights: which layer departs first?

Small inputs by default, so that a run ends in minutes; PYDARKNET_FULL_PARITY=1 takes all 42 cfgs at their own size.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine

from .ops_table import load_golden
from .oracle import Oracle
from .oracle_library import SHARE, adapted_cfg
from .random_weights import random_oracle

# Relative error (norm) of one layer. Float32 sums in another order and Winograd's transforms stay well below.
TOLERANCE = 1e-4
OWN_SIZE = {"go", "cifar", "writing", "jnet-conv", "t1.test", "yolov1-tiny"}
SMALL = {"yolov1": 128, "alexnet": 131, "vgg-16": 256, "strided": 256}
NETWORKS = (
    "yolov2", "yolov2-voc", "yolov2-tiny", "darknet19", "resnet50", "resnext50", "densenet201", "yolov1",
    "yolov3", "yolov3-tiny", "yolov3-spp", "vgg-16", "alexnet", "strided",
    # and the cheap ones of the other 28
    "cifar", "darknet", "extraction.conv", "go", "jnet-conv", "resnet18", "t1.test", "tiny", "vgg-conv", "writing",
    "yolo9000", "yolov1-tiny", "yolov2-tiny-voc",
)  # fmt: skip
FULL = bool(os.environ.get("PYDARKNET_FULL_PARITY"))


def engine_like(path: Path, oracle: Oracle, weights: Path) -> Engine:
    """Our network with the oracle's input size."""
    _, height, width = oracle.input_shape
    text = adapted_cfg(path.read_text(encoding="latin-1"), path.parent, width=width, height=height)
    return Engine(parse_cfg_text(text, str(path)), weights)


def errors(engine: Engine, oracle: Oracle) -> list[tuple[float, str]]:
    """Relative error (norm) and name of each layer whose output the oracle computes."""
    found = []
    for layer in engine.layers:
        if layer.type == "cost" or getattr(layer, "tree", None) is not None:
            continue  # the oracle's tree softmax is NaN on a CPU; test_trees.py has another oracle
        ours, theirs = layer.output[0].reshape(-1), oracle.layer_output(layer.index).reshape(-1)
        norm = max(float(np.linalg.norm(theirs)), 1e-30)
        found.append((float(np.linalg.norm(ours - theirs)) / norm, f"layer {layer.index} ({layer.type})"))
    return found


@pytest.mark.parametrize("name", sorted(load_golden()) if FULL else NETWORKS)
def test_every_layer(name: str, tmp_path: Path) -> None:
    side = None if FULL or name in OWN_SIZE else SMALL.get(name, 96)
    cfg, weights = SHARE / "cfg" / f"{name}.cfg", tmp_path / "random.weights"
    with random_oracle(cfg, weights, seed=1, width=side, height=side) as oracle:
        engine = engine_like(cfg, oracle, weights)
        x = np.random.default_rng(2).random((1, *oracle.input_shape), dtype=np.float32)
        theirs, ours = oracle.predict(x), engine.forward(x)
        found = errors(engine, oracle)
        worst = max(found)
        print(f"\n{name} {oracle.input_shape}: worst {worst[0]:.1e} at {worst[1]}")
        departed = [f"{where}: {error:.1e}" for error, where in found if not error < TOLERANCE]
        assert not departed, f"first departs at {departed[0]} ({len(departed)} of {len(found)} layers)"
        if not np.isnan(theirs).any():
            assert np.linalg.norm(ours.reshape(-1) - theirs) < TOLERANCE * np.linalg.norm(theirs)
        assert np.isfinite(ours).all()
