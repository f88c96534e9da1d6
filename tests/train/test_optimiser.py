"""Adam in a training, by the rules of each dialect, against float64; a resumed run goes on with its moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.errors import CfgError, TrainingError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.train.step import Stepper
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

BATCH, RATE, DECAY, MOMENTUM = 8, 0.01, 0.005, 0.9
CFG = f"""[net]
batch={BATCH}
width=4
height=4
channels=3
learning_rate={RATE}
decay={DECAY}
momentum={MOMENTUM}
adam=1
[convolutional]
batch_normalize=1
filters=6
size=3
learning_rate=0.5
activation=leaky
[connected]
output=5
activation=linear
[local]
filters=2
size=1
activation=linear
"""
START, UPDATES = 7, 5  # iterations before, and those looked at


def reference(values: np.ndarray, gradients: np.ndarray, s: object, dialect: str) -> np.ndarray:
    """The steps of Darknet's three GPU builds on one parameter, said plainly."""
    layer, name, rate = s.layer, s.name, RATE * s.rate  # type: ignore[attr-defined]
    w, u, m, v = values.astype(np.float64), np.zeros(values.size), np.zeros(values.size), np.zeros(values.size)
    adam = {
        "paper2017": layer == "convolutional" and name == "weights",
        "darknet2018": layer in ("convolutional", "connected"),
        "alexeyab": layer == "convolutional",
    }[dialect]
    for k, gradient in enumerate(gradients.astype(np.float64), 1):
        u += gradient
        if not adam:
            u -= DECAY * BATCH * w * (name == "weights")
            w += rate / BATCH * u
            u *= MOMENTUM
            continue
        u -= DECAY * BATCH * w
        m, v = 0.9 * m + 0.1 * u, 0.999 * v + 0.001 * u**2
        u[:] = 0
        if dialect == "paper2017":
            t = START + k + 1
            w += rate / BATCH * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-6)
        else:
            t, epsilon = (k, 1e-7) if dialect == "darknet2018" else (START + k, 1e-6)
            w += rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + epsilon)
    return w


@pytest.mark.parametrize("dialect", DIALECTS)
def test_updates_of_each_dialect(dialect: str) -> None:
    engine = Engine(parse_cfg_text(CFG))
    stepper = Stepper(engine, DIALECTS[dialect])
    stepper.state.seen = START * BATCH
    parameters = stepper.parameters
    start = parameters.values.copy()
    # Small ones too, beside which epsilon counts.
    gradients = np.random.default_rng(3).normal(size=(UPDATES, start.size)).astype(np.float32)
    gradients *= np.float32(10.0) ** np.random.default_rng(4).integers(-6, 2, start.size)
    for gradient in gradients:
        parameters.updates += gradient
        stepper.state.seen += BATCH
        stepper.update()
    assert {s.layer for s in parameters.segments} == {"convolutional", "connected", "local"}
    for s in parameters.segments:
        cut = slice(s.start, s.stop)
        expected = reference(start[cut], gradients[:, cut], s, dialect)
        # 1 - 0.999 in float32 is off by 1e-5, relative to the step
        np.testing.assert_allclose(
            parameters.values[cut] - start[cut], expected - start[cut], rtol=1e-4, atol=2e-6,
            err_msg=f"{s.layer} {s.name}",
        )  # fmt: skip


def adam(folder: Path, *more: str) -> tuple[Path, Path]:
    data, cfg = make(folder, random=1)
    cfg.write_text(cfg.read_text().replace("[net]\n", "\n".join(["[net]", "adam=1", *more, ""])))
    return data, cfg


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    data, cfg = adam(tmp_path)
    with Trainer(cfg, data, max_batches=100, dialect="alexeyab") as trainer:
        losses = [m.loss for m in trainer]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.slow
def test_resumed(tmp_path: Path, dialect: str) -> None:
    data, cfg = adam(tmp_path)
    with Trainer(cfg, data, max_batches=20, dialect=dialect) as trainer:
        expected = [m.loss for m in trainer]
        final = trainer.files.final.read_bytes()
    with Trainer(cfg, data, max_batches=20, dialect=dialect, save_every=8, overwrite=True) as trainer:
        while next(trainer).iteration < 10:
            pass
    with Trainer(cfg, data, max_batches=20, dialect=dialect, resume=True) as trainer:
        assert trainer.iteration == 8
        assert [m.loss for m in trainer] == expected[8:]
        assert trainer.files.final.read_bytes() == final


def test_sgd_can_not_resume_adam(tmp_path: Path) -> None:
    data, cfg = adam(tmp_path)
    with Trainer(cfg, data, max_batches=2) as trainer:
        trainer.run()
    cfg.write_text(cfg.read_text().replace("adam=1", "adam=0"))
    with pytest.raises(TrainingError, match="optimiser=adam, not sgd"):
        Trainer(cfg, data, resume=True)


@pytest.mark.parametrize("key", ["B1=1", "B2=-.1", "eps=0"])
def test_numbers_that_can_not_be(tmp_path: Path, key: str) -> None:
    data, cfg = adam(tmp_path, key)
    with pytest.raises(CfgError, match=rf"toy\.cfg:3: \[net\] {key}: expected"):
        Trainer(cfg, data)


def test_an_infinite_moment_is_named(tmp_path: Path) -> None:
    data, cfg = adam(tmp_path)
    with Trainer(cfg, data) as trainer:
        next(trainer)
        trainer.stepper.optimiser.moments()["v"][0] = np.inf
        with pytest.raises(TrainingError, match="iteration 2: a moment of Adam is infinite"):
            next(trainer)
