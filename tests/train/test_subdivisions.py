"""Subdivisions that don't divide the batch: whole mini-batches, as every Darknet counts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.backends import base as backend_module
from pydarknet.errors import CfgError, TrainingError
from pydarknet.formats.weights import read_header
from pydarknet.train.memory import SHARE, advice
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

pytestmark = pytest.mark.slow


def uneven(folder: Path, batch: int, subdivisions: int, random: int = 0) -> tuple[Path, Path]:
    data, cfg = make(folder, random)
    text = cfg.read_text().replace("batch=4\nsubdivisions=2", f"batch={batch}\nsubdivisions={subdivisions}")
    cfg.write_text(text)
    return data, cfg


def test_an_iteration_is_its_mini_batches(tmp_path: Path) -> None:
    data, cfg = uneven(tmp_path, 8, 3)
    told: list[str] = []
    with Trainer(cfg, data, max_batches=5, warn=told.append) as trainer:
        metrics = list(trainer)
    assert [m.seen for m in metrics] == [6, 12, 18, 24, 30]
    assert [m.iteration for m in metrics] == [1, 2, 3, 4, 5]
    assert {m.count for m in metrics} == {6}
    assert {len(m.minis) for m in metrics} == {3}
    for m in metrics:
        parts = (m.coord_loss, m.object_loss, m.noobject_loss, m.class_loss)
        assert sum(part for part in parts if part is not None) == pytest.approx(m.loss, rel=1e-5)
    assert told == [
        f"{cfg}:3: [net] subdivisions=3 does not divide batch=8: mini-batches of 2, 6 images an iteration"
    ]
    assert read_header(tmp_path / "backup/toy_final.weights").seen == 30


def test_it_is_the_training_of_the_batch_that_is_left(tmp_path: Path) -> None:
    found = []
    for name, batch in (("uneven", 8), ("even", 6)):
        data, cfg = uneven(tmp_path / name, batch, 3, random=1)
        with Trainer(cfg, data, max_batches=12) as trainer:
            trainer.run()
            found.append([trainer.engine.layers[0].parameters["weights"].copy(), trainer.engine.seen])
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1] == 72


def test_a_resumed_run_is_the_same(tmp_path: Path) -> None:
    files = []
    for stops in ((8,), (3, 8)):
        data, cfg = uneven(tmp_path / str(len(stops)), 7, 2, random=1)
        for i, stop in enumerate(stops):
            with Trainer(cfg, data, resume=i > 0) as trainer:
                while trainer.iteration < stop:
                    next(trainer)
                trainer.save()
        files.append((tmp_path / str(len(stops)) / "backup/toy.backup").read_bytes())
    assert files[0] == files[1]


def test_a_mini_batch_without_a_picture(tmp_path: Path) -> None:
    data, cfg = uneven(tmp_path, 2, 3)
    with pytest.raises(CfgError, match=r"toy\.cfg:3: .* a mini-batch has no image; expected 1 to 2 subdivisions"):
        Trainer(cfg, data)


def test_as_few_as_the_memory_has_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cfg = uneven(tmp_path, 8, 4)
    needed = {}
    for n in (1, 2, 4, 8):
        with Trainer(cfg, data, subdivisions=n, keep=True) as trainer:
            needed[n] = trainer.bytes_needed
            assert (trainer.stepper.subdivisions, trainer.engine.subdivisions, trainer.stepper.batch) == (n, n, 8)
    for n, bytes_ in needed.items():
        monkeypatch.setattr(backend_module, "free_bytes", lambda free=bytes_: int(free / SHARE))
        with Trainer(cfg, data, subdivisions="auto", keep=True) as trainer:
            assert (trainer.stepper.subdivisions, trainer.bytes_needed) == (n, bytes_)
    monkeypatch.setattr(backend_module, "free_bytes", lambda: needed[8] - 1)
    with pytest.raises(TrainingError, match=r"a mini-batch of 1 images"):
        Trainer(cfg, data, subdivisions="auto", keep=True)


def test_a_chosen_number_trains_as_one_that_is_given_and_stays_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for name, how in (("given", 2), ("auto", "auto")):
        data, cfg = uneven(tmp_path / name, 8, 8)
        with Trainer(cfg, data, subdivisions=2, keep=True) as trainer:
            free = int(trainer.bytes_needed / SHARE)
        monkeypatch.setattr(backend_module, "free_bytes", lambda free=free: free)
        with Trainer(cfg, data, subdivisions=how) as trainer:
            next(trainer)
            trainer.save()
        monkeypatch.undo()
        with pytest.raises(
            TrainingError, match="not 8; resume with the same cfg, or --subdivisions 2, or start without"
        ):
            Trainer(cfg, data, resume=True)
        with Trainer(cfg, data, subdivisions=how, resume=True) as trainer:
            assert trainer.stepper.subdivisions == 2
            next(trainer)
            trainer.save()
        files.append((tmp_path / name / "backup/toy.backup").read_bytes())
    assert files[0] == files[1]


def test_subdivisions_that_are_none(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with pytest.raises(ValueError, match="subdivisions"):
        Trainer(cfg, data, subdivisions=0)


def test_advice_for_memory_divides_the_batch_of_the_cfg() -> None:
    assert "subdivisions=32 in [net] (batch=64 stays" in advice(300, 200, 64, 18)  # 3 images need 300
