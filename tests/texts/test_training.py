"""A network learns a text: what falls, what is saved and gone on from, and what stops it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import CfgError, DataError, Network, TrainingError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.formats.weights import read_header
from pydarknet.texts.crandom import CRandom
from pydarknet.texts.reading import Reader, draw, generate, judge, set_temperature
from pydarknet.texts.symbols import Numbers
from pydarknet.texts.training import TextTrainer
from tests.texts.nets import cfg

TEXT = np.frombuffer(b"the quick brown fox jumps over the lazy dog. " * 8, np.uint8).astype(np.int64)


def trainer(folder: Path, text: str, numbers: Numbers = TEXT, **options: object) -> TextTrainer:
    net = parse_cfg_text(text, "a.cfg")
    options.setdefault("overwrite", True)
    return TextTrainer(net, lambda inputs: numbers, backup=folder, threads=1, **options)  # type: ignore[arg-type]


LAYERS = {"[gru]\noutput=24\ntanh=1": ".4", "[lstm]\noutput=24": ".4", "[rnn]\noutput=24\nactivation=tanh": ".1"}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_sentence_is_learnt(layer: str, tmp_path: Path) -> None:
    text = cfg(layer, batches=150).replace("learning_rate=.1", f"learning_rate={LAYERS[layer]}")
    t = trainer(tmp_path, text, srand=2)
    told = list(t)
    assert abs(told[0].loss - np.log(128)) < 2
    assert told[-1].average < 0.5 * told[0].loss
    assert [each.iteration for each in told] == list(range(1, 151))
    assert told[-1].epochs == pytest.approx(150 * 32 / len(TEXT))
    assert str(told[0]).startswith(f"1: {told[0].loss:f}, {told[0].loss:f} avg, {float(LAYERS[layer]):f} rate, ")
    net = Network(parse_cfg_text(cfg(layer)), tmp_path / "a_final.weights", dialect="darknet2018")
    untrained = Network(parse_cfg_text(cfg(layer)), dialect="darknet2018")
    bits = [list(judge(Reader(each), [], TEXT[:90].tolist()))[-1].bits for each in (net, untrained)]
    assert bits[0] < 0.6 * bits[1]


def test_gone_on_from_weights(tmp_path: Path) -> None:
    t = trainer(tmp_path, cfg(batches=6, subdivisions=2), srand=1)
    assert [progress.iteration for progress in t] == list(range(1, 13))  # of mini-batches, two an update
    assert read_header(tmp_path / "a_final.weights").seen == 6 * 4 * 8
    later = trainer(tmp_path, cfg(batches=8, subdivisions=2), weights=tmp_path / "a_final.weights")
    assert [progress.iteration for progress in later] == [13, 14, 15, 16]
    again = trainer(tmp_path, cfg(batches=1, subdivisions=2), weights=tmp_path / "a_final.weights", clear=True)
    assert [progress.iteration for progress in again] == [1, 2]


def test_an_earlier_run_is_not_written_over(tmp_path: Path) -> None:
    """It is refused, or moved aside; its newest weights go on; and two at once can't have one name."""
    list(trainer(tmp_path, cfg(batches=2)))
    final = tmp_path / "a_final.weights"
    first = final.read_bytes()
    with pytest.raises(TrainingError, match=r"holds a_final\.weights, of a run that has seen 64 images"):
        trainer(tmp_path, cfg(batches=2), overwrite=False)
    said: list[str] = []
    list(trainer(tmp_path, cfg(batches=2), overwrite=False, keep=True, srand=5, warn=said.append))
    assert (tmp_path / "a.1" / "a_final.weights").read_bytes() == first != final.read_bytes()
    assert said == [f"an earlier run has seen 64 images; its weights, state and chart are moved to {tmp_path}/a.1"]
    list(trainer(tmp_path, cfg(batches=3), overwrite=False, keep=True, weights=final))
    assert not (tmp_path / "a.2").exists()
    one, other = (iter(trainer(tmp_path, cfg(batches=9))) for _ in range(2))
    next(one)
    with pytest.raises(TrainingError, match="another training writes here under the same name"):
        next(other)
    one.close()  # type: ignore[attr-defined]
    next(iter(trainer(tmp_path, cfg(batches=9))))


def test_stopped_it_saves_a_backup(tmp_path: Path) -> None:
    t = trainer(tmp_path / "new", cfg(), srand=1)
    for progress in t:
        if progress.iteration == 3:
            t.stop()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.backup"]
    assert read_header(tmp_path / "new" / "a.backup").seen == 3 * 32


def test_the_same_seed_trains_the_same(tmp_path: Path) -> None:
    losses = [[progress.loss for progress in trainer(tmp_path, cfg(batches=4), srand=s)] for s in (5, 5, 6)]
    assert losses[0] == losses[1] != losses[2]


def test_losses_of_both_kinds_of_cfg(tmp_path: Path) -> None:
    """AlexeyAB's have a [cost], pjreddie's none."""
    ours = trainer(tmp_path, cfg(batches=1))
    theirs = trainer(tmp_path, cfg(batches=1) + "[cost]\n")
    assert (ours.dialect.name, theirs.dialect.name) == ("darknet2018", "alexeyab")
    assert trainer(tmp_path, cfg(batches=1) + "[cost]\n", dialect="darknet2018").dialect.name == "darknet2018"
    assert all(next(iter(each)).loss > 0 for each in (ours, theirs))


def test_what_is_wrong_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match=r"a\.cfg:1: \[net\] max_batches is missing or 0"):
        trainer(tmp_path, cfg(batches=0))
    for steps in (0, -3, 2**21):
        with pytest.raises(CfgError, match=rf"a\.cfg:5: \[net\] time_steps={steps}: expected"):
            trainer(tmp_path, cfg(steps=steps))
    with pytest.raises(TrainingError, match=r"262144 streams need .* GiB are there; set about time_steps="):
        trainer(tmp_path, cfg("[lstm]\noutput=1024", batch=1 << 18))
    with pytest.raises(TrainingError, match="2147483647 streams need"):  # before any of them is made
        trainer(tmp_path, cfg(batch=2**31 - 1))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"the backup folder .* is a file"):
        trainer(tmp_path / "file", cfg())


def test_numbers_that_diverge_end_it(tmp_path: Path) -> None:
    text = cfg("[rnn]\noutput=16\nactivation=linear", batches=99).replace("learning_rate=.1", "learning_rate=1e20")
    with pytest.raises(TrainingError, match=r"infinite or not a number .* go on from the last weights$"):
        list(trainer(tmp_path, text))


def test_draws_are_by_probability() -> None:
    probabilities = np.array([0.00005, 0.2, 0.3, 0.49995], np.float32)
    random = CRandom(1)
    counts = np.bincount([draw(probabilities, random) for _ in range(4000)], minlength=4) / 4000
    assert counts[0] == 0  # too improbable
    assert abs(counts - probabilities).max() < 0.03
    assert draw(np.zeros(4, np.float32), random) == 3


def test_temperature_and_the_seed_first(tmp_path: Path) -> None:
    net = Network(parse_cfg_text(cfg()), dialect="darknet2018", seed=1)
    texts = []
    for temperature in (0.05, 0.05, 5.0):
        set_temperature(net, temperature)
        texts.append(bytes(generate(Reader(net), b"begin", 60, CRandom(3))))
    assert texts[0] == texts[1] != texts[2]
    assert all(text.startswith(b"begin") and len(text) == 65 for text in texts)
    assert len(set(texts[0][5:])) < len(set(texts[2][5:]))
