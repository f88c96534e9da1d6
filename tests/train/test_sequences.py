"""Detectors with a memory, trained on films (`track=1` of AlexeyAB's dialect)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.errors import CfgError, DataError, TrainingError
from pydarknet.train.sequences import Sequences, Track
from pydarknet.train.team import Team
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

CRNN = "[crnn]\nbatch_normalize=1\noutput=8\nhidden=8\nsize=3\npad=1\nactivation=leaky\n"
CONV_LSTM = "[conv_lstm]\nbatch_normalize=1\noutput=8\nsize=3\npad=1\nactivation=leaky\npeephole=1\n"
HISTORY = "[history]\nhistory_size=3\n"
FRAMES = 3


def film(folder: Path, layer: str = CRNN, *lines: str) -> tuple[Path, Path]:
    """The toy data, and a cfg with a layer with a memory and these lines in [net]."""
    data, cfg = make(folder)
    before, last, head = cfg.read_text().rpartition("\n[convolutional]\n")
    before = before.replace(
        "[net]\n", "\n".join(["[net]", "dialect=alexeyab", "track=1", f"time_steps={FRAMES}", *lines, ""])
    )
    cfg.write_text(f"{before}\n{layer}{last}{head}")
    return data, cfg


def losses(folder: Path, *lines: str, layer: str = CRNN, count: int = 3, **options: Any) -> list[float]:
    data, cfg = film(folder, layer, *lines)
    with Trainer(cfg, data, **options) as trainer:
        return [next(trainer).loss for _ in range(count)]


@pytest.mark.parametrize("length", [1, 2, 4])
def test_frames_of_sequences(length: int) -> None:
    """AlexeyAB's loader: a sequence has a start, its images are equally far apart for as long as it goes on, and they
    lie in the mini-batches by time first."""
    streams, subdivisions, count = 2, 4, 50
    samples = Sequences(count, seed=1, order="darknet", streams=lambda: streams, times=FRAMES, speed=5,
                        place=lambda number: number % subdivisions % length)  # fmt: skip
    pictures = [samples[i].image for i in range(6 * subdivisions * FRAMES * streams)]
    pieces = np.array(pictures).reshape(-1, length * FRAMES, streams)
    apart = np.diff(pieces, axis=1) % count
    assert (apart == apart[:, :1]).all()
    assert set(apart.ravel()) == set(range(1, 6))
    assert len(np.unique(pieces[:, 0])) > len(pieces)
    first, last = samples[0].rng.random(4), samples[streams * (FRAMES * length - 1)].rng.random(4)
    np.testing.assert_array_equal(first, last)
    assert (first != samples[1].rng.random(4)).all()


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        (Track(2), [1, 1, 1]),
        (Track(2, 4), [2, 2, 2]),
        (Track(2, 3), [2, 2, 2]),
        (Track(2, 99), [1, 1, 1]),
        (Track(2, 1), [8, 8, 8]),
        (Track(2, 1, (10, 20), (4, 2)), [8, 2, 1]),
        (Track(2, 8, (10, 20), (0.5, 0.01)), [1, 2, 8]),
        (Track(2, None, (10, 20), (1e30, -5)), [1, 1, 8]),
    ],
)
def test_how_long_sequences_go_on(track: Track, expected: list[int]) -> None:
    """AlexeyAB's formula, at iterations 0, 10 and 20, of 8 mini-batches."""
    assert [track.length(iteration, 8) for iteration in (0, 10, 20)] == expected


@pytest.mark.parametrize("layer", [CRNN, CONV_LSTM, HISTORY])
def test_detectors_with_a_memory_learn(layer: str, tmp_path: Path) -> None:
    found = losses(tmp_path, layer=layer, count=25)
    assert np.mean(found[-5:]) < 0.7 * np.mean(found[:5])


def test_state_over_mini_batches(tmp_path: Path) -> None:
    """Where sequences go on, so does the state, and the step is divided by their length; else it begins at 0."""
    data, cfg = film(tmp_path, CRNN, "sequential_subdivisions=1")
    with Trainer(cfg, data) as trainer:
        kept: list[bool] = []
        mini = trainer.stepper.mini

        def watched(*args: Any) -> Any:
            kept.append(bool(trainer.stepper.session.arrays))
            return mini(*args)

        object.__setattr__(trainer.stepper, "mini", watched)
        assert [trainer.course.place(number) for number in range(4)] == [0, 1, 0, 1]
        metrics = [next(trainer), next(trainer)]
        assert trainer.stepper.length == 2
        assert trainer.stepper.session.arrays["3.state"].shape == (2, 8, 4, 4)
    assert kept == [False, True] * 2
    assert metrics[-1].seen == 2 * 4 * FRAMES


def test_a_resumed_run_sees_the_same_frames(tmp_path: Path) -> None:
    lines = "sequential_subdivisions=1", "seq_scales=2"
    expected = losses(tmp_path, *lines, count=6, save_every=1)
    again = losses(tmp_path, *lines, count=3, save_every=1, overwrite=True)
    assert [*again, *losses(tmp_path, *lines, count=3, resume=True)] == expected
    with pytest.raises(DataError, match="had other sequences"):
        losses(tmp_path, *lines, "augment_speed=7", resume=True)


def test_subdivisions_are_chosen_between_sequences(tmp_path: Path) -> None:
    data, cfg = film(tmp_path)
    with Trainer(cfg, data, subdivisions="auto") as trainer:
        assert trainer.stepper.mini_batch % FRAMES == 0
        next(trainer)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mosaic=1", "mosaic=1 beside track=1"),
        ("mixup=1", "mixup=1 beside track=1"),
        ("dynamic_minibatch=1", "dynamic_minibatch=1 beside track=1"),
        ("sequential_subdivisions=0", "expected at least 1, found 0"),
        ("augment_speed=-1", "augment_speed=-1: expected 0 to"),
        ("seq_scales=1,2", "steps has 1 numbers, seq_scales 2"),
    ],
)
def test_what_can_not_be(line: str, message: str, tmp_path: Path) -> None:
    data, cfg = film(tmp_path, CRNN, line)
    with pytest.raises(CfgError, match=message):
        Trainer(cfg, data)


def test_what_sequences_can_not_be_shared(tmp_path: Path) -> None:
    """By ranks, where they go on from one's mini-batch to another's; and they come in one order."""
    Track(1, 2).check_ranks(2)
    with pytest.raises(TrainingError, match="sequences go on over 2 mini-batches"):
        Track(1, 2, (5,), (0.5,)).check_ranks(2)
    data, cfg = film(tmp_path)
    team = Team()
    team.size = 2
    with pytest.raises(CfgError, match="batch_normalize=1: its statistics roll on at every time"):
        Trainer(cfg, data, team=team)
    with pytest.raises(DataError, match="expected order darknet"):
        losses(tmp_path, order="epochs")


def test_without_films_it_is_an_error(tmp_path: Path) -> None:
    data, cfg = film(tmp_path)
    for old, new in (("track=1", "track=0"), ("dialect=alexeyab", "dialect=darknet2018")):
        other = tmp_path / "other.cfg"
        other.write_text(cfg.read_text().replace(old, new))
        with pytest.raises(CfgError, match=r"\[crnn\] learns from sequences: .* track=1 in \[net\]"):
            Trainer(other, data)
