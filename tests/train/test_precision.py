"""Training in BF16 on the CPU: products are rounded; weights, statistics and sums stay float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import Trainer
from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.train.step import Stepper
from tests.lib import toy_training

CONV = "[conv]\nbatch_normalize=1\nfilters={}\nsize={}\nstride={}\npad=1\nactivation=elu\n"
NET = (
    "[net]\nbatch=4\nwidth=40\nheight=40\nchannels=3\nlearning_rate=0.002\nmomentum=0.9\n"
    + CONV.format(16, 3, 1) + "[maxpool]\nsize=2\nstride=2\n" + CONV.format(64, 3, 1) + CONV.format(32, 1, 1)
    + CONV.format(64, 3, 2) + "[conv]\nfilters=8\nsize=1\nactivation=linear\n[cost]\n"
)  # fmt: skip
# A factor of BF16 is wrong by 0.2 % in the root of the mean square, a product of two by 0.3 %, of which F(3x3) makes
# 2.7 times as much; forward and back these add up over five layers, as roots: some 1 %. The slope of elu is
# continuous: at leaky's kink 0.2 % of the slopes would change tenfold, which is 4 % in the norm. Biases before batch
# norm learn sums that nearly cancel.
WRONG, WRONG_SUM = 0.02, 0.08


def stepper(precision: str, seed: int = 3) -> Stepper:
    return Stepper(Engine(parse_cfg_text(NET), seed=seed, precision=precision), DIALECTS["paper2017"])


def pairs(s: Stepper) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    x = random.random((s.mini_batch, 3, 40, 40), dtype=np.float32)
    return x, random.standard_normal((s.mini_batch, s.engine.outputs.size), dtype=np.float32)


def test_gradients_are_those_of_fp32_up_to_the_roundings_of_products() -> None:
    found = {}
    for precision in ("fp32", "bf16"):
        s = stepper(precision)
        s.mini(*pairs(s))
        found[precision] = {(g.layer, g.index, g.name): s.parameters.updates[g.start : g.stop] for g in s.segments}
        assert s.parameters.values.dtype == s.parameters.updates.dtype == np.float32
    for key, exact in found["fp32"].items():
        error = np.linalg.norm(found["bf16"][key] - exact) / np.linalg.norm(exact)
        assert error < (WRONG_SUM if key[2] == "biases" else WRONG), key
    assert any((found["bf16"][key] != exact).any() for key, exact in found["fp32"].items())


def test_what_is_smaller_than_a_step_of_bf16_is_learnt() -> None:
    """Master weights have 24 bits: updates of a 2000th of a weight, which BF16 would round away, add up."""
    s = stepper("bf16")
    before = s.parameters.values.copy()
    for _ in range(8):
        s.parameters.updates[...] = before / 2000
        s.optimiser.momentum, s.optimiser.decay = 0.0, 0.0
        s.optimiser.step(float(s.batch), s.batch, 1)
    moved = s.parameters.values / np.where(before == 0, 1, before)
    np.testing.assert_allclose(moved[before != 0], 1 + 8 / 2000, rtol=1e-5)


def last_loss(folder: Path, precision: str, seed: int) -> float:
    """The mean over the last quarter of a training of a second."""
    data, cfg = toy_training.make(folder)
    arguments = {"seed": seed, "precision": precision, "overwrite": True, "workers": 1, "max_batches": 120}
    with Trainer(cfg, data, **arguments) as trainer:  # type: ignore[arg-type]
        return float(np.mean([m.loss for m in trainer][-30:]))


@pytest.mark.slow
def test_a_training_learns_as_well(tmp_path: Path) -> None:
    """The seeds' mean is within two standard errors of FP32's, which other images in another order make."""
    losses = {p: np.array([last_loss(tmp_path, p, seed) for seed in range(6)]) for p in ("fp32", "bf16")}
    noise = losses["fp32"].std(ddof=1) / np.sqrt(6)
    assert not np.array_equal(losses["fp32"], losses["bf16"])
    assert losses["bf16"].mean() < losses["fp32"].mean() + 2 * noise, losses
