"""The trainer as an object: it learns, it counts, it names what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydarknet
from pydarknet.backends import base as backend_module
from pydarknet.errors import CfgError, DarknetError, DataError, TrainingError
from pydarknet.train import trainer as trainer_module
from pydarknet.train.logs import COLUMNS, LogFile, darknet_lines, progress_text
from pydarknet.train.memory import advice
from pydarknet.train.metrics import KEPT, History, Metrics
from pydarknet.train.trainer import Trainer
from pydarknet.train.validation import Validation
from tests.lib.toy_training import make


@pytest.mark.slow
def test_it_learns_and_the_engine_detects(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    seen: list[Metrics] = []
    net = pydarknet.Network(cfg)
    before = net.forward(np.zeros((1, 3, 32, 32), np.float32))
    with pydarknet.Trainer(net, data, max_batches=150, callbacks=[seen.append]) as trainer:
        metrics = list(trainer)
    assert metrics == seen
    assert [m.iteration for m in metrics] == list(range(1, 151))
    assert metrics[-1].seen == 600 == net.seen
    assert np.mean([m.loss for m in metrics[-10:]]) < 0.5 * np.mean([m.loss for m in metrics[:10]])
    assert not np.array_equal(before, net.forward(np.zeros((1, 3, 32, 32), np.float32)))


def test_its_length_is_what_is_left(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=3) as trainer:
        assert [len(trainer), *(len(trainer) for _ in trainer)] == [3, 2, 1, 0]
        assert trainer
        assert repr(trainer) == f"<Trainer of {cfg} on {data}: 3 of 3 iterations>"


def test_metrics_add_up(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=5) as trainer:
        metrics = list(trainer)
    average = metrics[0].loss
    for m in metrics[1:]:
        average = 0.9 * average + 0.1 * m.loss
        assert m.average == pytest.approx(average)
        parts = (m.coord_loss, m.object_loss, m.noobject_loss, m.class_loss)
        assert sum(part for part in parts if part is not None) == pytest.approx(m.loss, rel=1e-5)
        assert m.count == 4
        assert m.iou is not None
        assert 0 <= m.iou <= 1
    assert metrics[0].rate == pytest.approx(0.01)


@pytest.mark.slow
def test_the_same_arguments_give_the_same_weights(tmp_path: Path) -> None:
    data, cfg = make(tmp_path, random=1)
    final = tmp_path / "backup" / "toy_final.weights"
    found = []
    for workers, seed in ((1, 5), (3, 5), (1, 6)):
        with Trainer(cfg, data, max_batches=6, workers=workers, seed=seed, overwrite=True) as trainer:
            trainer.run()
        found.append(final.read_bytes())
    assert found[0] == found[1] != found[2]


def test_nan_stops_and_names_layer_and_pictures(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, save_every=2) as trainer:
        next(trainer), next(trainer)
        good = (tmp_path / "backup" / "toy.backup").read_bytes()
        trainer.engine.layers[2].parameters["weights"][0] = np.nan
        with pytest.raises(TrainingError, match=r"iteration 3: weights of layer 2 \(conv.*toy\.cfg:") as caught:
            next(trainer)
    assert "images/" in str(caught.value)
    assert "learning_rate" in str(caught.value)
    assert (tmp_path / "backup" / "toy.backup").read_bytes() == good


def test_a_rate_far_too_high_is_caught(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("learning_rate=0.01", "learning_rate=1e30"))
    with Trainer(cfg, data) as trainer, pytest.raises(TrainingError, match="infinite or not a number"):
        trainer.run()
    assert not list((tmp_path / "backup").iterdir())


@pytest.mark.slow
def test_a_full_disk_does_not_stop_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cfg = make(tmp_path)
    warnings: list[str] = []
    real = trainer_module.save_state  # type: ignore[attr-defined]

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with Trainer(cfg, data, save_every=5, max_batches=30, warn=warnings.append) as trainer:
        monkeypatch.setattr(trainer_module, "save_state", full)
        while next(trainer).iteration < 6:
            pass
        assert not trainer.files.state.exists()
        assert "No space left" in warnings[0]
        assert "training goes on" in warnings[0]
        monkeypatch.setattr(trainer_module, "save_state", real)
        while next(trainer).iteration < 10:
            pass
        assert trainer.files.state.exists()


def test_memory_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data) as trainer:
        needed = trainer.bytes_needed
    assert needed > 2 * 3 * 32 * 32 * 4
    monkeypatch.setattr(backend_module, "free_bytes", lambda: needed * 3 // 4)
    with pytest.raises(TrainingError, match="set subdivisions=4"):
        Trainer(cfg, data)


def test_advice() -> None:
    assert "subdivisions=8 " in advice(1000, 260, 16, 2)
    assert "smaller width" in advice(1000, 1, 16, 2)


BAD = {
    "a file for a folder": (
        lambda f: ((f / "backup").rmdir(), (f / "backup").write_text("")),
        DataError,
        "is a file",
    ),
    "no list": (lambda f: (f / "train.txt").unlink(), DataError, "train"),
    "empty list": (lambda f: (f / "train.txt").write_text(""), DataError, "empty"),
    "picture": (lambda f: (f / "images" / "dark1.png").unlink(), DataError, "dark1.png is missing"),
    "label": (lambda f: (f / "labels" / "dark1.txt").unlink(), DataError, "has no label file"),
    "class": (lambda f: (f / "labels" / "dark1.txt").write_text("2 .5 .5 .1 .1\n"), DataError, "dark1.txt:1"),
    "NaN": (lambda f: (f / "labels" / "dark1.txt").write_text("0 nan .5 .1 .1\n"), DataError, "dark1.txt:1"),
    "columns": (lambda f: (f / "labels" / "dark1.txt").write_text("0 .5 .5\n"), DataError, "dark1.txt:1"),
    "nowhere": (lambda f: (f / "labels" / "dark1.txt").write_text("0 0 0 0 0\n"), DataError, "tree"),
    "names": (lambda f: (f / "toy.names").write_text("one\n"), DataError, "names"),
    "classes": (
        lambda f: (f / "toy.data").write_text((f / "toy.data").read_text().replace("= 2", "= two")),
        DataError,
        "classes: expected an integer, found 'two'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_found_before_the_first_iteration(tmp_path: Path, case: str) -> None:
    spoil, kind, message = BAD[case]
    data, cfg = make(tmp_path)
    spoil(tmp_path)
    with pytest.raises(kind, match=message):
        Trainer(cfg, data)


def warnings_of(tmp_path: Path, old: str, new: str) -> list[str]:
    """What a training of the toy network is warned about when a line of its cfg is replaced."""
    data, cfg = make(tmp_path)
    warnings: list[str] = []
    assert old in cfg.read_text()
    cfg.write_text(cfg.read_text().replace(old, new))
    Trainer(cfg, data, warn=warnings.append).close()
    return [text.replace(str(cfg), "cfg") for text in warnings]


def test_keys_that_are_not_followed_are_named(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, "[net]\n", "[net]\nmosaic=1\nmixup=0\n") == [
        "cfg:2: [net] mosaic=1 is not followed in training"
    ]
    [text] = warnings_of(tmp_path, "[convolutional]\n", "[convolutional]\nclip=1\ndont_update=0\n")
    assert text.endswith("[convolutional] clip=1 is not followed in training")


@pytest.mark.parametrize("wrong", [{"missing": "ignore"}, {"save_every": 0}, {"save_every": 1.5}])
def test_arguments_that_can_not_be(wrong: dict[str, Any], tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*expected"):
        Trainer(cfg, data, **wrong)


def test_an_error_says_of_no_key_that_it_is_not_followed(tmp_path: Path) -> None:
    """The error comes before most keys of training are read."""
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\nwidht=32\n"))
    (tmp_path / "train.txt").unlink()
    with pytest.raises(DataError) as caught:
        Trainer(cfg, data)
    assert [text.partition("] ")[2] for text in caught.value.warnings] == [
        "unknown key 'widht' is ignored; did you mean 'width'?"
    ]


def test_a_network_detects_in_the_dialect_that_it_was_trained_in(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    net = pydarknet.Network(cfg)
    pydarknet.Trainer(net, data, dialect="alexeyab").close()
    again = pydarknet.Network(cfg, dialect="alexeyab")
    for layer, trained in zip(again.layers, net.layers, strict=True):
        layer.parameters = {name: np.full_like(values, 1e-4) for name, values in trained.parameters.items()}
        trained.parameters = layer.parameters
    net.parameters_changed()
    x = np.full((1, 3, 32, 32), 0.5, np.float32)
    np.testing.assert_array_equal(net.forward(x), again.forward(x))


def test_a_learning_rate_of_nothing(tmp_path: Path) -> None:
    texts = warnings_of(tmp_path, "learning_rate=0.01\n", "learning_rate=0,01\n")
    assert [text.partition(" [net] ")[2] for text in texts] == [
        "learning_rate=0,01: ',01' after the number is ignored, read as 0.0",
        "learning_rate=0: nothing is learnt; a usual rate is 0.001",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("momentum=0.9\n", "momentum=9\n", "momentum=9: updates never end growing; a usual one is 0.9"),
        ("learning_rate=0.01\n", "learning_rate=10\n", "learning_rate=10: weights will grow without end; a usual"),
        (
            "[net]\n",
            "[net]\npolicy=steps\nsteps=9,3\nscales=.1,.1\n",
            "steps: 3 comes after a larger one, and counts",
        ),
        ("thresh=.6\n", "thresh=60\n", "thresh=60: no IoU is above 1, so no box is spared; a usual one is 0.6"),
    ],
)
def test_numbers_that_spoil_a_training(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(text.partition("] ")[2].startswith(message) for text in warnings_of(tmp_path, old, new))


def test_nothing_to_do(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=3) as trainer:
        trainer.run()
    weights = tmp_path / "backup" / "toy_final.weights"
    with pytest.raises(TrainingError, match=r"nothing to do: 3 iterations.*--max-batches"):
        Trainer(cfg, data, max_batches=3, weights=weights)
    with Trainer(cfg, data, max_batches=3, weights=weights, clear=True, overwrite=True) as trainer:
        assert trainer.iteration == 0
    with pytest.raises(CfgError, match="max_batches is missing"):
        Trainer(cfg, data, max_batches=0, overwrite=True)


@pytest.mark.slow
def test_a_classifier_learns(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg.parent / "classifier.cfg", data, max_batches=150) as trainer:
        metrics = list(trainer)
    assert metrics[0].iou is None
    assert np.mean([m.loss for m in metrics[-10:]]) < 0.8 * np.mean([m.loss for m in metrics[:10]])


@pytest.mark.slow
def test_a_classifier_learns_along_a_tree(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    (tmp_path / "toy.tree").write_text("thing -1\nbright 0\ndark 0\n")
    (tmp_path / "toy.names").write_text("thing\nbright\ndark\n")
    data.write_text(data.read_text().replace("classes = 2", "classes = 3") + f"valid = {tmp_path}/train.txt\n")
    text = (tmp_path / "classifier.cfg").read_text().replace("filters=2\n", "filters=3\n")
    cfg.write_text(text.replace("[softmax]\n", "[softmax]\ntree=toy.tree\n"))
    with Trainer(cfg, data, max_batches=150, map=Validation(every=150)) as trainer:
        losses = [m.loss for m in trainer]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])
    assert trainer.history.best is not None
    assert trainer.history.best > 0.8


def test_stop_and_hours(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data) as trainer:
        next(trainer)
        trainer.stop()
        assert list(trainer) == []
        assert trainer.files.state.exists()
        assert not trainer.files.final.exists()
    with Trainer(cfg, data, max_hours=0, overwrite=True) as trainer:
        assert list(trainer) == []


def test_lines_have_no_nan(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    for label in sorted((tmp_path / "labels").iterdir())[1:]:
        label.write_text("")
    with Trainer(cfg, data, max_batches=4) as trainer:
        lines = [line for metrics in trainer for line in darknet_lines(metrics, trainer.engine)]
    assert sum(line.startswith("Region Avg IOU: ") for line in lines) == 8
    assert any("IOU: -, Class: -, Obj: -, No Obj: 0." in line for line in lines)
    assert not any("nan" in line for line in lines)
    assert lines[2].startswith("1: ")
    assert lines[2].endswith(" seconds, 4 images")


def metrics(iteration: int) -> Metrics:
    return Metrics(iteration, 4 * iteration, 2.0, 3.0, 0.01, 0.5, 8.0, 32, 32, count=2, iou=0.25)


def test_logs_drop_what_a_resumed_run_repeats(tmp_path: Path) -> None:
    for name in ("log.csv", "log.jsonl"):
        for kept, rows in ((0, range(1, 6)), (3, range(4, 7))):
            log = LogFile(tmp_path / name, kept)
            for i in rows:
                log.add(metrics(i))
            log.close()
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1, 7))
    written = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in written] == list(range(1, 7))
    assert written[0]["iou"] == 0.25
    assert written[0]["recall"] is None


def test_a_log_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(DarknetError, match="can't be written"):
        LogFile(tmp_path / "absent" / "log.csv")


def test_progress() -> None:
    text = progress_text(metrics(100), History())
    assert text == "8.0 images/s, loss 2.000, mean 3.000, IoU 0.250, rate 0.01"


def test_history_stays_small() -> None:
    history = History()
    for i in range(1, 3 * KEPT):
        history.add(metrics(i))
    array = history.array()
    assert len(array) <= KEPT
    assert set(np.diff(array[:, 0])) == {float(history.stride)}


@pytest.mark.parametrize(
    ("dialect", "even"),
    [
        ("paper2017", {"convolutional", "connected", "local"}),
        ("darknet2018", {"connected", "local"}),
        ("alexeyab", {"convolutional", "connected", "local"}),
    ],
)
def test_weights_start_as_in_each_darknet(tmp_path: Path, dialect: str, even: set[str]) -> None:
    data, cfg = make(tmp_path)
    layers = (
        "[convolutional]\nfilters=64\nsize=3\n[local]\nfilters=4\nsize=3\n[connected]\noutput=2\n[softmax]\n[cost]\n"
    )
    cfg.write_text("[net]\nwidth=16\nheight=16\nchannels=3\nmax_batches=1\n" + layers)
    fan_in = {"convolutional": 3 * 9, "local": 64 * 9, "connected": 4 * 12 * 12}
    with Trainer(cfg, data, dialect=dialect) as trainer:
        for layer in trainer.engine.layers[:3]:
            weights = layer.parameters["weights"] / np.sqrt(2 / fan_in[layer.type])
            spread, most = (1 / np.sqrt(3), 1.0) if layer.type in even else (1.0, 5.0)
            assert weights.std() == pytest.approx(spread, rel=0.05)
            assert 0.99 * min(most, 2) < np.abs(weights).max() <= most * (1 + 1e-6)
