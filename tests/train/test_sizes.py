"""Sizes of the network that change while it is trained."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.errors import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.plan.shapes import Shape
from pydarknet.train.metrics import Metrics
from pydarknet.train.sizes import CLASSIFIER, Sizes, read_sizes
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make


def test_sizes_change_every_ten_iterations_and_end_with_the_largest() -> None:
    sizes = Sizes((416, 416), 320, 608, end=1000, seed=3)
    drawn = [sizes.at(i) for i in range(1000)]
    assert all(len(set(drawn[i : i + 10])) == 1 for i in range(0, 800, 10))
    assert {w for w, _ in drawn} == set(range(320, 609, 32))
    assert set(drawn[801:]) == {(608, 608)}


@pytest.mark.parametrize(
    ("net", "head", "expected"),
    [
        ("", "random=0", {(416, 208)}),
        ("", "random=1", {(s, max(1, round(s / 64)) * 32) for s in range(320, 609, 32)}),
        ("min_size=64\nmax_size=128", "random=1", {(64, 32), (96, 64), (128, 64)}),
        ("", "random=1.4", {(s, round(s / 64) * 32) for s in range(320, 577, 32)}),
    ],
)
def test_ranges_of_sizes(net: str, head: str, expected: set[tuple[int, int]]) -> None:
    cfg = parse_cfg_text(f"[net]\nbatch=1\n{net}\n[region]\n{head}\n")
    sizes = read_sizes(cfg.net, cfg.sections[0], Shape(3, 208, 416), 1, 0)
    assert {sizes.at(i) for i in range(0, 3000, 10)} == expected
    assert sizes.largest == max(expected)


def test_sizes_of_classifiers() -> None:
    cfg = parse_cfg_text("[net]\nrandom=1\n[softmax]\n")
    sizes = read_sizes(cfg.net, cfg.net, Shape(3, 224, 224), 1, 3000, CLASSIFIER)
    drawn = [sizes.at(i) for i in range(3000)]
    assert all(len(set(drawn[i : i + 40])) == 1 for i in range(0, 3000, 40))
    assert set(drawn) == {(s, s) for s in range(128, 449, 32)}
    assert len(set(drawn[-200:])) > 1  # Darknet's classifiers don't end with the largest


@pytest.mark.slow
def test_a_classifier_of_many_sizes(tmp_path: Path) -> None:
    """The net changes its size every 40 iterations; images are cropped in proportion, or as the ratios say."""
    data, _ = make(tmp_path)
    cfg = tmp_path / "classifier.cfg"
    text = cfg.read_text().replace("[net]\n", "[net]\nrandom=1\nmin_size=32\nmax_size=96\n")
    for more, low, high in (("", 1.0, 1.5), ("min_ratio=2\nmax_ratio=3\n", 2.0, 3.0)):
        cfg.write_text(text.replace("[net]\n", f"[net]\n{more}"))
        with Trainer(cfg, data, max_batches=90, seed=2, overwrite=True) as trainer:
            widths = [m.width for m in trainer]
            draw = trainer.source.task.augment.draw  # type: ignore[attr-defined]
        assert len(set(widths)) > 1
        assert all(len(set(widths[i : i + 40])) == 1 for i in range(0, 90, 40))
        assert (trainer.engine.width, trainer.engine.height) == (16, 16)
        rng = np.random.default_rng(0)
        scales = [draw(rng, (64, 48), (96, 96)).scale * 48 / 96 for _ in range(200)]
        assert low <= min(scales) < low + 0.05
        assert high - 0.05 < max(scales) <= high


def test_more_images_of_smaller_sizes() -> None:
    """AlexeyAB's `dynamic_minibatch`: as many as there is room for, less a fifth if that is still more than usual."""
    sizes = Sizes((416, 416), 320, 608, seed=3, dynamic=True)
    found = {sizes.at(i)[0]: sizes.images(i, 4) for i in range(0, 2000, 10)}
    expected = [11, 8, 8, 6, 5, 6, 5, 4, 4, 4]  # room for 14, 11, 10, 8, 7, 6, 5, 4, 4, 4
    assert found == dict(zip(range(320, 609, 32), expected, strict=True))
    assert {replace(sizes, dynamic=False).images(i, 4) for i in range(0, 2000, 10)} == {4}


def test_a_training_with_larger_mini_batches_of_smaller_images(tmp_path: Path) -> None:
    """The schedule counts iterations as ever, the step is divided by what there was, and a resumed run is it."""
    data, cfg = make(tmp_path, random=1)
    cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\ndynamic_minibatch=1\ndialect=alexeyab\n"))
    divided: list[int] = []

    def run(count: int, **options: bool) -> list[Metrics]:
        with Trainer(cfg, data, max_batches=240, save_every=1, **options) as trainer:  # type: ignore[arg-type]
            optimiser: Any = trainer.stepper.optimiser
            step = optimiser.step
            optimiser.step = lambda rate, batch, at: (divided.append(batch), step(rate, batch, at))
            return [next(trainer) for _ in range(count)]

    metrics = run(34)
    assert [m.seen for m in metrics] == [4 * m.iteration for m in metrics]
    assert [{32: 12, 48: 6, 64: 4}[m.width] for m in metrics] == divided
    assert len(set(divided)) > 1
    again = [*run(17, overwrite=True), *run(17, resume=True)]
    assert [m.loss for m in again] == [m.loss for m in metrics]


def test_a_classifier_that_cannot_change_its_size(tmp_path: Path) -> None:
    data, _ = make(tmp_path)
    cfg = tmp_path / "classifier.cfg"
    text = cfg.read_text().replace("[avgpool]", "[connected]\noutput=2\nactivation=linear")
    cfg.write_text(text.replace("[net]\n", "[net]\nrandom=1\n"))
    with pytest.raises(CfgError, match="can't take another input size"):
        Trainer(cfg, data)


def test_an_empty_range_of_sizes() -> None:
    cfg = parse_cfg_text("[net]\nmin_size=40\nmax_size=50\n[region]\nrandom=1\n")
    with pytest.raises(CfgError, match="expected a range"):
        read_sizes(cfg.net, cfg.sections[0], Shape(3, 64, 64), 1, 0)


def test_a_size_that_is_left_leaves_no_arrays_behind(tmp_path: Path) -> None:
    """Without waiting for the garbage collector, which seldom runs: 500 MB a size would pile up meanwhile."""
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=100) as trainer:
        stepper, truth = trainer.stepper, trainer.source.task.truth_shape
        n = stepper.mini_batch
        inputs = []
        gc.disable()
        try:
            for width in (32, 64, 96):
                trainer.engine.resize(width, width)
                stepper.mini(np.zeros((n, 3, width, width), np.float32), np.zeros((n, *truth), np.float32))
                inputs.append(weakref.ref(stepper._plan().plan.input.base))
            assert [array() is None for array in inputs] == [True, True, False]
        finally:
            gc.enable()
