"""Ranks are one process: what the exact order of sums rests on, and what a rank does for the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
