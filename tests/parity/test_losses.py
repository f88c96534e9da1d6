"""Losses of heads against Debian's libdarknet: one mini-batch through a network that is nothing but the head."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.dialects import DIALECTS
from pydarknet.plan.statistics import HeadStatistics
from tests.lib.guarded import Arrays

from .oracle import Oracle

IMAGES = 3
ANCHORS = np.array([0.8, 1.1, 1.9, 1.4, 2.6, 3.2], np.float32)
# Relative to the norm: its exp, log and logistic are -Ofast ones.
TOLERANCE = 3e-6


def theirs(
    folder: Path, shape: tuple[int, int, int], sections: str, x: np.ndarray, truth: np.ndarray, seen: int = 0
) -> tuple[np.ndarray, float]:
    """Delta and cost of the last layer. It gives nothing back: there is no layer before it."""
    c, h, w = shape
    cfg = folder / "head.cfg"
    cfg.write_text(f"[net]\nchannels={c}\nheight={h}\nwidth={w}\n{sections}\nstopbackward=1\n")
    with Oracle(cfg, batch=len(x)) as oracle:
        oracle.seen = seen
        oracle.train(x, truth)
        last = len(oracle.layers) - 1
        return oracle.array(last, "delta", x.size).reshape(x.shape), float(oracle.array(last, "cost", 1)[0])


def assert_same(delta: np.ndarray, loss: float, expected: np.ndarray, cost: float) -> None:
    assert np.linalg.norm(delta - expected) < TOLERANCE * np.linalg.norm(expected)
    np.testing.assert_allclose(loss, cost, rtol=1e-5)


def options_text(options: dict[str, Any]) -> str:
    """As lines of a cfg; floats with all their digits."""
    return "\n".join(f"{name}={int(v) if isinstance(v, bool) else v!r}" for name, v in options.items())


def box_lists(rng: np.random.Generator, most: int, classes: int) -> np.ndarray:
    rows = np.zeros((IMAGES, most, 5), np.float32)
    for image in rows:
        count = int(rng.integers(0, 7))
        image[:count, :2] = rng.choice(rng.uniform(0.01, 0.99, (4, 2)), count)
        image[:count, 2:4] = rng.uniform(0.02, 0.8, (count, 2))
        image[:count, 4] = rng.integers(0, classes, count)
    return rows


@pytest.mark.parametrize("seed", range(24))
def test_region(ops: Ops, arrays: Arrays, seed: int, tmp_path: Path) -> None:
    """The losses and deltas of 2018. The library leaves out the slopes, for it doesn't go back from here."""
    rng = np.random.default_rng(seed)
    h, w, classes = int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(1, 5))
    kind = ("softmax", "logistic", "background")[seed % 3]
    softmax, background = kind != "logistic", kind == "background"
    names = ("object_scale", "noobject_scale", "class_scale", "coord_scale", "thresh")
    options = dict(zip(names, rng.uniform(0.2, 2, 5).round(3).tolist(), strict=True))
    options["thresh"] = round(options["thresh"] / 3, 3)
    options |= {name: bool(rng.random() < 0.5) for name in ("bias_match", "rescore")}
    map_, text = None, ""
    if rng.random() < 0.5:
        map_ = rng.integers(0, classes, 6).astype(np.int32)
        (tmp_path / "toy.map").write_text("\n".join(map(str, map_)) + "\n")
        text = f"map={tmp_path / 'toy.map'}\n"
    x = rng.normal(0, 1, (IMAGES, 3 * (5 + classes), h, w)).astype(np.float32)
    truth = box_lists(rng, 30, classes if map_ is None else 6)
    seen = int(rng.choice([0, 12796, 12797, 50000]))
    sections = (
        f"[region]\nnum=3\nclasses={classes}\nanchors={','.join(map(str, ANCHORS))}\nsoftmax={softmax:d}\n"
        f"background={background:d}\n{text}{options_text(options)}"
    )
    expected, cost = theirs(tmp_path, x.shape[1:], sections, x, truth, seen)
    output, delta = arrays.empty(*x.shape), arrays.empty(*x.shape)
    ops.region_forward(x, output, 3, classes, 4, softmax, background, None)
    statistics = ops.region_loss(
        output, truth, delta, ANCHORS, classes, map=map_, seen=seen + IMAGES, background=background,
        **asdict(replace(DIALECTS["darknet2018"].region, multi_label=not softmax)), **options,
    )  # fmt: skip
    boxes = expected.reshape(IMAGES, 3, 5 + classes, h, w)
    y = output.reshape(boxes.shape).astype(np.float64)
    sloped = [0, 1] if background else [0, 1, 4]
    boxes[:, :, sloped] *= (y * (1 - y))[:, :, sloped]
    assert_same(delta, HeadStatistics(*statistics).loss, expected, cost)


@pytest.mark.parametrize("seed", range(24))
def test_yolo(ops: Ops, arrays: Arrays, seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    h, w, classes = int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(1, 5))
    mask = rng.permutation(3)[: int(rng.integers(1, 4))].astype(np.int32)
    ignore, certain = (0.15, 0.25) if seed % 2 else (0.5, 1.0)
    x = rng.normal(0, 0.7, (IMAGES, len(mask) * (5 + classes), h, w)).astype(np.float32)
    truth = box_lists(rng, 90, classes)
    sections = (
        f"[yolo]\nnum=3\nmask={','.join(map(str, mask))}\nclasses={classes}\nignore_thresh={ignore}\n"
        f"truth_thresh={certain}\nanchors={','.join(map(str, ANCHORS))}"
    )
    expected, cost = theirs(tmp_path, x.shape[1:], sections, x, truth)
    output, delta = arrays.empty(*x.shape), arrays.empty(*x.shape)
    ops.yolo_forward(x, output, len(mask), classes)
    statistics = ops.yolo_loss(output, truth, delta, ANCHORS, mask, classes, w, h, ignore, certain)
    assert_same(delta, HeadStatistics(*statistics).loss, expected, cost)


@pytest.mark.parametrize("seed", range(16))
def test_detection(ops: Ops, arrays: Arrays, seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    side, classes, num = int(rng.integers(1, 5)), int(rng.integers(1, 4)), 2
    inputs, most = side * side * (classes + 5 * num), 1.2 if seed % 3 else 4
    x = rng.uniform(-0.2, most, (IMAGES, inputs, 1, 1)).astype(np.float32)
    truth = np.zeros((IMAGES, side * side, 5 + classes), np.float32)
    taken = rng.random(truth.shape[:2]) < 0.5
    truth[taken, 0] = 1
    truth[taken, 1 + rng.integers(0, classes, taken.sum())] = 1
    truth[taken, 1 + classes :] = rng.uniform(0.02, 0.98, (taken.sum(), 4))
    names = ("object_scale", "noobject_scale", "class_scale", "coord_scale")
    options: dict[str, Any] = dict(zip(names, rng.uniform(0.2, 3, 4).round(3).tolist(), strict=True))
    options |= {name: bool(rng.random() < 0.5) for name in ("rescore", "sqrt", "forced")}
    softmax = bool(seed % 2)
    sections = (
        f"[detection]\nclasses={classes}\ncoords=4\nside={side}\nnum={num}\nsoftmax={softmax:d}\n"
        f"{options_text(options)}"
    )
    expected, cost = theirs(tmp_path, x.shape[1:], sections, x, truth)
    output, delta = arrays.empty(*x.shape), arrays.empty(*x.shape)
    ops.detection_forward(x, output, side, classes, num, 4, softmax)
    statistics = ops.detection_loss(output, truth, delta, side, classes, num, **options)
    assert_same(delta, HeadStatistics(*statistics).loss, expected, cost)


@pytest.mark.parametrize("groups", [1, 3])
def test_softmax(ops: Ops, arrays: Arrays, groups: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x, truth = rng.normal(0, 3, (IMAGES, 12, 1, 1)).astype(np.float32), np.zeros((IMAGES, 12), np.float32)
    truth[:, [1, 6, 8]] = 1
    expected, cost = theirs(tmp_path, (12, 1, 1), f"[softmax]\ngroups={groups}\ntemperature=.7", x, truth)
    output, delta = arrays.empty(*x.shape), arrays.empty(*x.shape)
    ops.softmax_forward(x, output, groups, 0.7, False)
    assert_same(delta, ops.softmax_loss(output, truth, delta), expected, cost)


@pytest.mark.parametrize("kind", ["sse", "masked", "L1"])
def test_cost(ops: Ops, arrays: Arrays, kind: str, tmp_path: Path) -> None:
    """The types that its CPU can do, behind a layer that says how many truths there are; its delta has no scale."""
    rng = np.random.default_rng(3)
    x, truth = rng.normal(0, 2, (IMAGES, 5, 2, 3)), rng.normal(size=(IMAGES, 30)).astype(np.float32)
    x = x.astype(np.float32)
    if kind == "masked":
        truth[:, 4:9] = -1234
    sections = f"[activation]\nactivation=linear\n[cost]\ntype={kind}\nscale=3"
    expected, cost = theirs(tmp_path, (5, 2, 3), sections, x, truth)
    delta = arrays.empty(*x.shape)
    loss = ops.cost_loss(x, truth, delta, kind, 3)
    assert_same(delta, loss, 3 * expected, cost)
