"""Learning rates by Darknet's policies, and layers that are frozen."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.errors import CfgError, TrainingError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.train.schedule import Schedule, read_schedule
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make


def schedule(text: str, dialect: str = "alexeyab") -> Schedule:
    cfg = parse_cfg_text(f"[net]\nlearning_rate=.5\n{text}\n[softmax]\n")
    return read_schedule(cfg.net, DIALECTS[dialect])


# Rates as fractions of learning_rate by iteration.
RATES: dict[str, dict[int, float]] = {
    "policy=constant": {1: 1, 10**6: 1},
    "policy=step\nstep=10\nscale=.5": {9: 1, 10: 0.5, 19: 0.5, 20: 0.25},
    "policy=steps\nsteps=5,8\nscales=.1,.5": {4: 1, 5: 0.1, 7: 0.1, 8: 0.05},
    "policy=steps\nsteps=5,3\nscales=.1,.5": {3: 1, 4: 1, 5: 0.05},  # the first that isn't reached ends it
    "policy=exp\ngamma=.9": {1: 0.9, 3: 0.9**3},
    "policy=poly\nmax_batches=100\npower=2": {0: 1, 50: 0.25, 100: 0, 101: 0},
    "policy=poly\nmax_batches=100": {50: 0.5**4},
    "policy=sig\ngamma=.1\nstep=20": {20: 0.5, 10: 1 / (1 + math.exp(-1)), 30: 1 / (1 + math.exp(1))},
    "policy=sigmoid\ngamma=1\nstep=1": {2000: 0},
    "policy=sgdr\nsgdr_cycle=10\nsgdr_mult=2\nlearning_rate_min=0": {
        0: 1, 5: 0.5, 10: 0, 11: 0.5 * (1 + math.cos(math.pi / 20)), 20: 0.5, 30: 0, 50: 0.5,
    },
    "policy=sgdr\nsgdr_cycle=10\nlearning_rate_min=.25": {5: 0.75, 10: 0.5},
    "policy=constant\nburn_in=10": {1: 1e-4, 5: 0.5**4, 9: 0.9**4, 10: 1},
    "policy=poly\nmax_batches=100\nburn_in=10\npower=1": {5: 0.5, 10: 0.9},
}  # fmt: skip


@pytest.mark.parametrize("text", RATES)
def test_rates(text: str) -> None:
    s = schedule(text)
    assert {i: s.rate(i) for i in RATES[text]} == pytest.approx(
        {i: 0.5 * r for i, r in RATES[text].items()}, abs=1e-12
    )


def test_random_rates() -> None:
    s = schedule("policy=random\npower=2")
    rates = [s.rate(1, rng) for rng in [np.random.default_rng(1)] for _ in range(4000)]
    roots = np.sqrt(np.array(rates) / 0.5)
    assert roots.mean() == pytest.approx(0.5, abs=0.02)
    assert roots.std() == pytest.approx(1 / math.sqrt(12), abs=0.02)


def test_what_the_paper_knew_of_power_and_burn_in() -> None:
    for text, expected in {
        "policy=constant\nburn_in=10": 0.5,
        "policy=poly\nmax_batches=100\nburn_in=10": 0.25,
    }.items():
        assert schedule(text, "paper2017").rate(5) == pytest.approx(expected)
    assert schedule("policy=poly\nmax_batches=100", "paper2017").rate(50) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policy=cosine", r"unknown policy 'cosine'; known: constant"),
        ("policy=steps\nsteps=1,2\nscales=.1", "steps has 2 numbers, scales 1"),
        ("policy=poly", "policy=poly needs max_batches"),
        ("policy=step\nstep=0", "step=0: expected"),
        ("burn_in=-1", "burn_in=-1: expected"),
        ("policy=exp\ngamma=10\nmax_batches=500", "iteration 500 is no number .* policy=exp"),
        ("policy=step\nscale=2\nmax_batches=5000", "iteration 5000 is no number"),
        ("policy=poly\npower=-1\nmax_batches=9", "iteration 9 is no number"),
    ],
)
def test_bad_schedules(text: str, message: str) -> None:
    with pytest.raises(CfgError, match=message):
        schedule(text)


def test_a_rate_that_no_float_holds_ends_the_training() -> None:
    rising = schedule("policy=exp\ngamma=10")
    assert rising.rate(200) == pytest.approx(0.5e200)
    with pytest.raises(TrainingError, match="iteration 400 is no number that can be used"):
        rising.rate(400)


def test_cycles_of_one_length_need_no_counting() -> None:
    same = schedule("policy=sgdr\nsgdr_cycle=10\nsgdr_mult=1\nlearning_rate_min=0")
    assert [same.rate(i) for i in (0, 10, 11, 20, 2**31 - 1)] == pytest.approx(
        [0.5, 0, same.rate(1), 0, same.rate(7)]
    )


def toy(folder: Path, text: str) -> tuple[Path, Path]:
    """A detector; `text` stands in the second of its three layers with weights."""
    data, cfg = make(folder)
    first, second = cfg.read_text().split("[maxpool]")
    cfg.write_text(first + "[maxpool]" + second.replace("filters=16\n", f"filters=16\n{text}\n"))
    return data, cfg


def changed(folder: Path, text: str, dialect: str) -> list[bool]:
    """Which of the layers with weights are others after some iterations; `text` stands in the second."""
    data, cfg = toy(folder, text)
    with Trainer(cfg, data, dialect=dialect, max_batches=3, overwrite=True) as trainer:
        layers = [layer for layer in trainer.engine.layers if layer.records]
        before = [layer.parameters["weights"].copy() for layer in layers]
        trainer.run()
        return [not np.array_equal(w, layer.parameters["weights"]) for w, layer in zip(before, layers, strict=True)]


@pytest.mark.slow
def test_layers_that_learn_otherwise(tmp_path: Path) -> None:
    assert changed(tmp_path, "", "alexeyab") == [True, True, True]
    assert changed(tmp_path, "learning_rate=0", "alexeyab") == [True, False, True]
    # At stopbackward no delta arrives: pjreddie's layers decay even so, AlexeyAB's before it are left alone.
    assert changed(tmp_path, "stopbackward=1", "alexeyab") == [False, True, True]
    assert changed(tmp_path, "stopbackward=1", "darknet2018") == [True, True, True]


def learning(folder: Path, text: str, dialect: str, iterations: int = 4) -> list[list[bool]]:
    """In each iteration, which of the layers with weights got deltas: their biases, which don't decay, move."""
    data, cfg = toy(folder, text)
    found = []
    with Trainer(cfg, data, dialect=dialect, max_batches=iterations) as trainer:
        layers = [layer for layer in trainer.engine.layers if layer.records]
        for _ in trainer:
            moved = [bool(np.any(trainer.stepper.parameters.update_of(layer, "biases"))) for layer in layers]
            found.append(moved)
    return found


def test_stopbackward_ends(tmp_path: Path) -> None:
    """AlexeyAB's stopbackward=2: no way back in the first two iterations, and for pjreddie never."""
    held, free = [False, False, True], [True, True, True]
    assert learning(tmp_path / "a", "stopbackward=2", "alexeyab") == [held, held, free, free]
    assert learning(tmp_path / "b", "stopbackward=2", "darknet2018") == [held] * 4
    # What may learn later decays from the start, as in Darknet.
    assert changed(tmp_path / "c", "stopbackward=9", "alexeyab") == [True, True, True]


def test_a_run_resumed_while_the_way_back_is_closed(tmp_path: Path) -> None:
    data, cfg = toy(tmp_path, "stopbackward=3")
    final = []
    for ends in ((5,), (2, 5)):
        for end in ends:
            with Trainer(
                cfg, data, dialect="alexeyab", max_batches=end, resume=end > ends[0], overwrite=end == ends[0]
            ) as trainer:
                trainer.run()
        final.append(trainer.files.final.read_bytes())
    assert final[0] == final[1]


def test_onlyforward(tmp_path: Path) -> None:
    assert learning(tmp_path / "a", "onlyforward=1", "alexeyab", 2) == [[False, False, True]] * 2
    assert learning(tmp_path / "b", "onlyforward=1", "paper2017", 2) == [[True, True, True]] * 2


@pytest.mark.parametrize("text", ["onlyforward=1", "stopbackward=1", "stopbackward=9"])
def test_nothing_left_to_learn(tmp_path: Path, text: str) -> None:
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("[region]\n", f"[region]\n{text}\n"))
    with pytest.raises(CfgError, match="no loss is left"):
        Trainer(cfg, data, dialect="alexeyab", max_batches=20)


def test_a_layers_rate_is_a_factor(tmp_path: Path) -> None:
    moves = {}
    for factor in ("1", ".5"):
        data, cfg = make(tmp_path)
        cfg.write_text(cfg.read_text().replace("filters=16\n", f"filters=16\nlearning_rate={factor}\n"))
        with Trainer(cfg, data, max_batches=1, overwrite=True) as trainer:
            weights = trainer.engine.layers[2].parameters["weights"]
            before = weights.copy()
            trainer.run()
            moves[factor] = weights - before
    np.testing.assert_allclose(moves[".5"], 0.5 * moves["1"], rtol=1e-3, atol=1e-7)  # differences of floats near 1


YOLO = "[yolo]\nanchors=4,4,8,8\nclasses=2\nnum=2\n"


@pytest.mark.parametrize(
    ("net", "head", "expected"),
    [
        ("", "", "darknet2018"),
        ("", "iou_normalizer=.07\n", "alexeyab"),
        ("", "scale_x_y=1.0\n", "alexeyab"),
        ("mosaic=1\n", "", "alexeyab"),
        ("dialect=paper2017\n", "nms_kind=greedynms\n", "paper2017"),
    ],
)
def test_the_dialect_by_the_head(tmp_path: Path, net: str, head: str, expected: str) -> None:
    """[yolo] was unknown in 2017; it is AlexeyAB's with keys of his. Who names one gets it, who resumes keeps it."""
    data, cfg = make(tmp_path)
    region = cfg.read_text()
    text = region.replace("[net]\n", "[net]\nburn_in=10\n" + net).replace("resize_step=16\n", "")
    cfg.write_text(text[: text.index("[region]")] + YOLO + head)
    said: list[str] = []
    with Trainer(cfg, data, max_batches=1, warn=said.append) as trainer:
        assert trainer.dialect.name == expected
        next(trainer)
        assert (trainer.stepper.schedule.rate(1) < 0.01) == (expected != "paper2017")
    assert any("burn_in=10 isn't followed: dialect paper2017" in text for text in said) == (expected == "paper2017")
    with Trainer(cfg, data, max_batches=1, dialect="paper2017") as trainer:
        assert trainer.dialect.name == "paper2017"
        trainer.run()
    if "dialect" not in net:
        with Trainer(cfg, data, max_batches=2, resume=True) as trainer:
            assert trainer.dialect.name == "paper2017"
    cfg.write_text(region)
    with Trainer(cfg, data, overwrite=True) as trainer:
        assert trainer.dialect.name == "paper2017"


def test_a_batch_of_one_is_warned_about(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("batch=4\nsubdivisions=2", "batch=1\nsubdivisions=1"))
    said: list[str] = []
    Trainer(cfg, data, warn=said.append).close()
    assert [text.partition("[net] ")[2] for text in said] == [
        "batch=1 is for testing: rates are for more; training usually wants batch=64, subdivisions=16"
    ]
