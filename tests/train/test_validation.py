"""Measuring on the valid list while training: what `detector map` would say, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydarknet
from pydarknet.backends import base as backend_module
from pydarknet.cli.main import main
from pydarknet.detection.boxes import Fit
from pydarknet.errors import DataError, TrainingError
from pydarknet.evaluate.run import evaluate_network
from pydarknet.evaluate.validset import read_objects, valid_images
from pydarknet.formats.cfg import parse_cfg
from pydarknet.formats.data import read_data
from pydarknet.plots.training import MAP, draw_chart
from pydarknet.train import trainer as trainer_module
from pydarknet.train.logs import progress_text
from pydarknet.train.metrics import History, Metrics
from pydarknet.train.trainer import Trainer
from pydarknet.train.validation import LEAST, Evaluator, Validation
from tests.lib.toy_training import make


def toy(folder: Path, random: int = 0) -> tuple[Path, Path]:
    data, cfg = make(folder, random)
    data.write_text(data.read_text() + f"valid = {folder}/train.txt\n")
    return data, cfg


def evaluated(cfg: Path, data: Path, weights: Path, iou_thresh: float, fit: Fit) -> float:
    net, file = pydarknet.Network(cfg, weights), read_data(data)
    pictures = valid_images(file).images
    truth = read_objects(file, pictures, 2)
    found = evaluate_network(net, pictures, truth, iou_thresh=iou_thresh, fit=fit)
    assert found.ap is not None
    return found.ap


@pytest.mark.parametrize(("dialect", "fit"), [("paper2017", "stretch"), ("darknet2018", "letterbox")])
@pytest.mark.slow
def test_what_is_measured(tmp_path: Path, dialect: str, fit: Fit) -> None:
    """The scores are those of the saved weights, images as the dialect has them, and the best ones are kept."""
    data, cfg = toy(tmp_path, random=1)
    scores: dict[int, float] = {}
    when = Validation(every=25, iou_thresh=0.3)
    with Trainer(cfg, data, max_batches=150, map=when, save_every=25, dialect=dialect) as trainer:
        for m in trainer:
            assert (m.map is not None) == (m.iteration % 25 == 0)
            if m.map is not None:
                scores[m.iteration] = m.map
                assert m.map == evaluated(cfg, data, trainer.files.backup, 0.3, fit)
                best = max(scores.values())
                assert trainer.history.best == best
                assert evaluated(cfg, data, trainer.files.best, 0.3, fit) == best
    assert len(set(scores.values())) > 2
    assert trainer.history.scores == list(scores.items())


@pytest.mark.slow
def test_the_weights_are_those_of_a_run_without(tmp_path: Path) -> None:
    data, cfg = toy(tmp_path, random=1)
    final = []
    for map_ in (False, Validation(every=3)):
        with Trainer(cfg, data, max_batches=20, map=map_, overwrite=True) as trainer:
            trainer.run()
        final.append(trainer.files.final.read_bytes())
    assert final[0] == final[1]


def test_its_memory_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the evaluating network holds while it looks is in the estimate; subdivisions can't help with that."""
    data, cfg = toy(tmp_path)
    needed, held = [], []
    for map_ in (False, Validation(every=1)):
        with Trainer(cfg, data, max_batches=1, map=map_, overwrite=True) as trainer:
            needed.append(trainer.bytes_needed)
            if trainer.evaluator is not None:
                network = trainer.evaluator.network
                run = trainer.evaluator.look

                def look(network: pydarknet.Network = network, run: Callable[[], float] = run) -> float:
                    score = run()
                    held.append(sum(plan.bytes for _, plan in network._idle) + network.constant_bytes())
                    return score

                trainer.evaluator = replace(trainer.evaluator, look=look)
            trainer.run()
    assert len(held) == 1
    assert needed[1] - needed[0] == held[0] > 0

    monkeypatch.setattr(backend_module, "free_bytes", lambda: needed[1] - 1)
    Trainer(cfg, data, overwrite=True).close()
    with pytest.raises(TrainingError, match=r"GiB for --map.* set subdivisions="):
        Trainer(cfg, data, map=True, overwrite=True)


@pytest.mark.slow
def test_a_resumed_run_remembers_the_best(tmp_path: Path) -> None:
    data, cfg = toy(tmp_path)
    when = Validation(every=5)
    with Trainer(cfg, data, max_batches=60, map=when) as trainer:
        trainer.run()
    expected, best = trainer.history.scores, trainer.files.best.read_bytes()
    trainer.files.best.unlink()
    with Trainer(cfg, data, max_batches=60, map=when, save_every=30, overwrite=True) as trainer:
        while next(trainer).iteration < 37:
            pass
    with Trainer(cfg, data, max_batches=60, map=when, resume=True) as trainer:
        assert trainer.history.scores == expected[:6]
        trainer.run()
    assert trainer.history.scores == expected
    assert trainer.files.best.read_bytes() == best
    trainer.files.best.unlink()
    with Trainer(cfg, data, max_batches=61, map=when, resume=True) as trainer:
        trainer.history.scores.append((60, 1.0))
        trainer.run()
    assert not trainer.files.best.exists(), "a score that isn't better is no reason to save"


def test_a_full_disk_at_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cfg = toy(tmp_path)
    warnings: list[str] = []

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with Trainer(cfg, data, map=Validation(every=2), warn=warnings.append) as trainer:
        monkeypatch.setattr(trainer_module, "save_weights", full)
        next(trainer), next(trainer), next(trainer)
    assert len(warnings) == 1
    assert "best weights so far could not be saved" in warnings[0]
    assert "No space left" in warnings[0]


def test_alexeyabs_rule(tmp_path: Path) -> None:
    """Every 4 epochs, at least 100 iterations, not in the burn-in, and at the end."""
    evaluator = Evaluator("", "", "", pydarknet.Network(make(tmp_path)[1]), lambda: 0.0, 100, 250)
    assert [i for i in range(1, 561) if evaluator.due(i, 560)] == [300, 400, 500, 560]
    data, cfg = toy(tmp_path)
    with Trainer(cfg, data, map=True) as trainer:
        assert trainer.evaluator is not None
        assert trainer.evaluator.every == LEAST
    with Trainer(cfg, data, map=Validation(epochs=150)) as trainer:
        assert trainer.evaluator is not None
        assert trainer.evaluator.every == 300  # 8 images, batch 4
    cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\nburn_in=500\n"))
    for validation, dialect, first, when in (
        (Validation(), "alexeyab", 500, "every 100 iterations, from 500 on, and at the end"),
        (Validation(every=7), "alexeyab", 0, "every 7 iterations, from 7 on, and at the end"),
        (Validation(), "paper2017", 0, "every 100 iterations, from 100 on, and at the end"),  # which ignores burn_in
    ):
        with Trainer(cfg, data, map=validation, dialect=dialect) as trainer:
            assert trainer.evaluator is not None
            assert (trainer.evaluator.first, trainer.evaluator.when(1000)) == (first, when)
            assert trainer.evaluator.when(499).startswith("at the end only") == (first == 500)


def test_patience(tmp_path: Path) -> None:
    """A run ends after so many measurements in a row without a better one; it can be resumed."""
    data, cfg = toy(tmp_path)
    scores = iter([0.1, 0.3, 0.2, 0.3, 0.5, 0.4, 0.4, 0.5, 0.9, 0.1, 0.1, 0.1])
    measured = {}
    for resume in (False, True):
        how = Validation(every=2, patience=3)
        with Trainer(cfg, data, map=how, max_batches=40, resume=resume, missing="background") as trainer:
            assert trainer.evaluator is not None
            trainer.evaluator = replace(trainer.evaluator, look=lambda: next(scores))
            last = trainer.run()
            assert last is not None
            measured[resume] = (last.iteration, trainer.spent, trainer.files.final.exists())
            assert trainer.files.best.exists()
    assert measured == {False: (16, True, False), True: (24, True, False)}


@pytest.mark.slow
def test_a_classifier_is_judged_by_its_first_class(tmp_path: Path) -> None:
    data, cfg = toy(tmp_path)
    with Trainer(cfg.parent / "classifier.cfg", data, max_batches=150, map=Validation(every=50)) as trainer:
        assert trainer.evaluator is not None
        assert trainer.evaluator.name == "top 1"
        trainer.run()
    assert trainer.history.best is not None
    assert trainer.history.best > 0.8
    assert main(["classifier", "valid", *labelled(data), str(cfg.parent / "classifier.cfg"),
                 str(trainer.files.final), "--quiet"]) == 0  # fmt: skip


def labelled(data: Path) -> list[str]:
    data.write_text(data.read_text() + "labels = toy.names\n")
    return [str(data)]


def test_bad_lists_are_found_before_the_first_iteration(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with pytest.raises(DataError, match="'valid' is missing"):
        Trainer(cfg, data, map=True)
    valid = tmp_path / "valid.txt"
    data.write_text(data.read_text() + f"valid = {valid}\n")
    with pytest.raises(DataError, match=r"toy\.data:5: valid"):
        Trainer(cfg, data, map=True)
    valid.write_text(f"{tmp_path}/images/other.png\n")
    with pytest.raises(DataError, match=r"valid\.txt:1: the image .*other\.png is missing"):
        Trainer(cfg, data, map=True)
    cv2.imwrite(str(tmp_path / "images" / "other.png"), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(DataError, match=r"valid\.txt:1: .*other\.png has no label file"):
        Trainer(cfg, data, map=True)
    (tmp_path / "labels" / "other.txt").write_text("")
    with pytest.raises(DataError, match="none of the images has an object"):
        Trainer(cfg, data, map=True)
    Trainer(cfg, data).close()


def test_pictures_without_labels_may_show_nothing(tmp_path: Path) -> None:
    data, cfg = toy(tmp_path)
    with Trainer(cfg, data, max_batches=2, map=True) as trainer:
        trainer.run()
    (tmp_path / "labels" / "dark1.txt").unlink()
    with Trainer(cfg, data, max_batches=2, map=True, missing="background", overwrite=True) as trainer:
        trainer.run()
    assert trainer.history.best is not None


@pytest.mark.slow
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = toy(tmp_path)
    words = ["detector", "train", str(data), str(cfg), "-map", "-iou_thresh", ".3", "--map-every", "40"]
    assert main([*words, "--max-batches", "100", "--log", str(tmp_path / "log.jsonl")]) == 0
    out, errors = capsys.readouterr()
    lines = [line for line in out.splitlines() if line.startswith(" mean_average_precision (mAP@0.30) = ")]
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    scores = [row["map"] for row in rows if row["map"] is not None]
    assert [row["iteration"] for row in rows if row["map"] is not None] == [40, 80, 100]
    assert [float(line.split("=")[1].split(",")[0]) for line in lines] == pytest.approx(scores, abs=1e-6)
    assert float(lines[-1].split("=")[2]) == pytest.approx(max(scores), abs=1e-6)
    assert "mAP@0.30 of the valid list every 40 iterations" in errors
    assert (tmp_path / "backup" / "toy_best.weights").exists()
    made = tmp_path / "backup" / "toy_final.weights"
    assert f"done: {made}; the best by --map: {tmp_path / 'backup' / 'toy_best.weights'}\n" in errors
    assert f"to evaluate it: pydarknet detector map {data} {cfg} {made}" in errors
    assert f"to use it: pydarknet detector test {data} {cfg} {made} IMAGE" in errors
    assert f"mAP@0.30 {scores[-1]:.1%}, best {max(scores):.1%}" in (tmp_path / "backup/chart_toy.svg").read_text()


@pytest.mark.parametrize(("options", "every"), [(["--map-every", "7"], 7), (["-mAP_epochs", "2"], 100), ([], None)])
@pytest.mark.slow
def test_options(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], every: int | None) -> None:
    data, cfg = toy(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-batches", "100", *options]) == 0
    found = capsys.readouterr().err
    assert (f"of the valid list every {every} iterations" in found) == (every is not None)


def test_shown_on_line_and_chart(tmp_path: Path) -> None:
    history = History(np.array([[i, 1.0, 1.0, 0.1] for i in range(1, 101)]), scores=[[50, 0.75], [100, 0.5]])
    m = Metrics(100, 400, 2.0, 3.0, 0.01, 0.5, 8.0, 32, 32)
    assert ", valid 50.0%, best 75.0%, rate" in progress_text(m, history)
    draw_chart(tmp_path / "chart.svg", history.array(), history.scores, "mAP@0.50")
    text = (tmp_path / "chart.svg").read_text()
    assert "mAP@0.50 50.0%, best 75.0%" in text
    assert text.count(MAP) == 7  # a line, two points, the legend, three numbers at the axis


def test_the_network_that_learns_is_left_alone(tmp_path: Path) -> None:
    data, cfg = toy(tmp_path, random=1)
    with Trainer(parse_cfg(cfg), data, map=Validation(every=1)) as trainer:
        trainer.engine.resize(48, 48)
        assert trainer.evaluator is not None
        trainer.evaluator.measure()
        assert (trainer.engine.width, trainer.engine.height) == (48, 48)
