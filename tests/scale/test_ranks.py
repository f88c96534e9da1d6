"""Ranks are one process: what the exact order of sums rests on, and what a rank does for the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.scale.ranks import WayBack
from pydarknet.train.step import Stepper
from tests.lib.networks_trained import TRAINED, steppers, truth_of

# Connected and local layers add each image by itself on the CPU, and a layer whose weights others use adds for each.
NOT_ONCE = {"dropout", "dropblock", "tree of a classifier", "detection", "local", "share_index"}


def gradient(stepper: Stepper, start: np.ndarray | float, seed: int) -> np.ndarray:
    """The updates after a mini-batch that begins with these."""
    rng = np.random.default_rng(seed)
    stepper.state.random.bit_generator.state = np.random.PCG64(seed).state
    stepper.state.seen = 0
    stepper.parameters.updates[...] = start
    inputs = stepper.engine.inputs
    x = rng.random((stepper.mini_batch, inputs.c, inputs.h, inputs.w), np.float32)
    stepper.mini(x, truth_of(stepper, rng))
    return np.array(stepper.parameters.updates)


@pytest.mark.parametrize("kind", sorted(TRAINED.keys() - NOT_ONCE))
@pytest.mark.parametrize("device", ["cpu", "emu"])
def test_gradients_grow_once_in_a_mini_batch(kind: str, device: str, tmp_path: Path) -> None:
    name = "alexeyab" if kind == "gaussian_yolo" else "darknet2018"
    (stepper,) = steppers(kind, name, tmp_path, device)
    alone = gradient(stepper, 0, 1)
    before = np.random.default_rng(2).standard_normal(alone.shape).astype(np.float32)
    np.testing.assert_array_equal(gradient(stepper, before, 1), before + alone)


@pytest.mark.parametrize("kind", sorted(TRAINED))
def test_what_the_way_back_has_passed_is_whole(kind: str, tmp_path: Path) -> None:
    """Gradients go to other ranks from there on, so that nothing may be added any more."""
    (stepper,) = steppers(kind, "alexeyab", tmp_path, "cpu")
    updates, told = stepper.parameters.updates, []

    def watch(layer: int) -> None:
        start = min((each.start for each in stepper.segments if each.index >= layer), default=updates.size)
        told.append((layer, start, updates[start:].copy()))

    stepper.state.watch = watch
    rng = np.random.default_rng(1)
    inputs = stepper.engine.inputs
    x = rng.random((stepper.mini_batch, inputs.c, inputs.h, inputs.w), np.float32)
    stepper.mini(x, truth_of(stepper, rng))
    layers = [layer for layer, _, _ in told]
    assert layers == sorted(layers, reverse=True)
    assert layers[-1] == 0
    for _, start, then in told:
        np.testing.assert_array_equal(updates[start:], then)


def test_waiting_for_the_way_back(tmp_path: Path) -> None:
    (stepper,) = steppers("adam", "alexeyab", tmp_path, "cpu")
    segments = stepper.segments
    way = WayBack(segments)
    for segment in reversed(segments):
        assert way._passed > segment.index or segment is not segments[-1]
        way.passed(segment.index)
        way.wait(segment.start)  # returns
        way.wait(segment.stop - 1)
    way.passed(-1)
    way.wait(0)
