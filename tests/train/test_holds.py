"""Layers that aren't updated for a time, weights that stay small, and the average of weights: by their formulas."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.formats.weights import load_weights
from pydarknet.graph.engine import Engine
from pydarknet.train import ema
from pydarknet.train.step import Stepper
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

F = np.float32
CFG = """[net]
width=6
height=6
channels=3
batch=2
subdivisions=1
learning_rate=.1
momentum=.9
decay=.01
dialect=alexeyab
{net}
[convolutional]
batch_normalize=1
filters=4
size=3
{first}
activation=leaky
[convolutional]
filters=2
size=1
{second}
activation=linear
[cost]
"""


def train(steps: int, net: str = "", first: str = "", second: str = "") -> list[dict[str, np.ndarray]]:
    """The parameters after each update, from the same start, on the same images."""
    engine = Engine(parse_cfg_text(CFG.format(net=net, first=first, second=second), "a.cfg"), seed=4)
    stepper = Stepper(engine, engine.dialect)
    rng, seen = np.random.default_rng(1), []
    seen.append({f"{layer.index}.{k}": v.copy() for layer in engine.layers for k, v in layer.parameters.items()})
    for _ in range(steps):
        stepper.mini(rng.random((2, 3, 6, 6), F), rng.random((2, engine.outputs.size), F))
        stepper.update()
        stepper.publish()
        seen.append({f"{layer.index}.{k}": v.copy() for layer in engine.layers for k, v in layer.parameters.items()})
    return seen


def changes(run: list[dict[str, np.ndarray]], name: str) -> list[bool]:
    return [not np.array_equal(one[name], two[name]) for one, two in pairwise(run)]


@pytest.mark.parametrize(
    ("net", "first", "expected"),
    [
        ("", "", [True] * 6),
        ("", "dont_update=2", [False, False, True, True, True, True]),
        ("burn_in=2\npower=1", "burnin_update=2", [False, False, False, True, True, True]),
        ("burn_in=2\npower=1", "dont_update=4\nburnin_update=1", [False, False, False, False, True, True]),
        ("", "train_only_bn=1", [False] * 6),
    ],
)
def test_a_layer_is_held(net: str, first: str, expected: list[bool]) -> None:
    run = train(6, net, first)
    assert changes(run, "0.weights") == changes(run, "0.scales") == expected
    assert changes(run, "0.rolling_mean") == [True] * 6
    assert changes(run, "1.weights") == [True] * 6


def test_train_only_bn_holds_the_layers_before_it() -> None:
    run = train(3, second="train_only_bn=1")
    for name in ("0.weights", "0.biases", "1.weights", "1.biases"):
        assert not any(changes(run, name))


def test_what_a_held_layer_would_have_learnt_is_dropped() -> None:
    """Its first update is by one mini-batch, so no larger than one of a layer that is held for a shorter time."""
    sizes = [np.abs(run[n]["0.weights"] - run[0]["0.weights"]).max()
             for n in (2, 12) for run in [train(n, first=f"dont_update={n - 1}")]]  # fmt: skip
    assert sizes[1] < 4 * sizes[0]


def test_weights_are_clipped_and_biases_are_not() -> None:
    free, clipped = train(4), train(4, second="clip=.05")
    assert np.abs(free[-1]["1.weights"]).max() > 0.05
    assert np.abs(clipped[-1]["1.weights"]).max() == F(0.05)
    np.testing.assert_array_equal(clipped[1]["1.biases"], free[1]["1.biases"])


def test_the_average_is_taken_some_iterations_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ema, "REST", 4)  # for 1000
    plain, averaged = (train(11, f"max_batches=14{key}") for key in ("", "\nema_alpha=.9"))
    start, last = 7, 10
    for name in ("0.weights", "0.scales", "1.biases"):
        mean = plain[start][name]
        for iteration in range(start + 1, last):
            mean = F(0.9) * mean + (1 - 0.9) * plain[iteration][name]
        np.testing.assert_array_equal(averaged[last - 1][name], plain[last - 1][name])
        np.testing.assert_allclose(averaged[last][name], mean, rtol=1e-5, atol=1e-7)
        assert not np.array_equal(averaged[last][name], plain[last][name])
    np.testing.assert_array_equal(averaged[last]["0.rolling_mean"], plain[last]["0.rolling_mean"])


def test_averaged_weights_are_saved_and_resumed(tmp_path: Path) -> None:
    """A run that is stopped and goes on ends with the same weights, and its average is a file of its own."""
    ends = []
    for name, stops in (("whole", [6]), ("parts", [3, 6])):
        data, cfg = make(tmp_path / name)
        text = cfg.read_text().replace("[net]\n", "[net]\ndialect=alexeyab\nema_alpha=.5\n", 1)
        cfg.write_text(text)
        for nth, stop in enumerate(stops):
            with Trainer(cfg, data, seed=2, resume=nth > 0, max_batches=2 * ema.REST + 4) as trainer:
                average = trainer.stepper.average
                assert average is not None
                average.start = 1
                for metrics in trainer:
                    if metrics.iteration == stop:
                        trainer.stop()
                files = trainer.files
        engine = Engine(cfg, files.average)
        ends.append(np.concatenate([v.reshape(-1) for layer in engine.layers for v in layer.parameters.values()]))
        load_weights(files.backup, engine.layers)
        newest = np.concatenate([v.reshape(-1) for layer in engine.layers for v in layer.parameters.values()])
        assert not np.array_equal(ends[-1], newest)
    np.testing.assert_array_equal(ends[0], ends[1])


def test_a_run_too_short_for_an_average_says_so(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\ndialect=alexeyab\nema_alpha=.5\n", 1))
    warnings: list[str] = []
    Trainer(cfg, data, max_batches=50, warn=warnings.append).close()
    assert any("ema_alpha=0.5 does nothing in max_batches=50: it takes 2000 iterations" in text for text in warnings)
