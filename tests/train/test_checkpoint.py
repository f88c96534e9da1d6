"""A run that was killed and resumed is the run that was never stopped, bit for bit."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.errors import TrainingError
from pydarknet.train.checkpoint import Files, base_name
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

KILLS = int(os.environ.get("PYDARKNET_KILLS", "5"))
ITERATIONS = 30 + 9 * KILLS
LINE = re.compile(r"^(\d+): (\S+), (\S+) avg, (\S+) rate, \S+ seconds, (\d+) images$")


def command(folder: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "pydarknet", "train", str(folder / "toy.data"), str(folder / "toy.cfg")]
    words += ["--max-batches", str(ITERATIONS), "--save-every", "7", "--seed", "11", "--threads", "1", "--no-chart"]
    return subprocess.Popen([*words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def loss_lines(process: subprocess.Popen[str], until: int | None = None) -> dict[int, tuple[str, ...]]:
    """The loss lines by iteration; stops reading after iteration `until`."""
    assert process.stdout is not None
    found = {}
    for line in process.stdout:
        if match := LINE.match(line):
            found[int(match.group(1))] = match.groups()
            if until is not None and int(match.group(1)) >= until:
                break
    return found


def end(process: subprocess.Popen[str]) -> str:
    _, errors = process.communicate()
    return errors


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """PYDARKNET_KILLS times. Each moment lies up to 20 ms behind one of the iterations that follow the last kill."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    make(whole, random=1)
    make(broken, random=1)
    process = command(whole)
    expected = loss_lines(process)
    assert not process.wait(), end(process)
    end(process)
    assert len(expected) == ITERATIONS

    kills = 0
    rng = random.Random(2)
    found: dict[int, tuple[str, ...]] = {}
    state = broken / "backup" / "toy.state.npz"
    for kill in range(KILLS):
        process = command(broken, *(["--resume"] if state.exists() else []))
        moment = rng.randrange(8 + 9 * kill, 16 + 9 * kill)
        found.update(loss_lines(process, moment))
        time.sleep(rng.random() * 0.02)
        process.kill()
        found.update(loss_lines(process))  # what it had printed since
        end(process)
        kills += process.returncode == -signal.SIGKILL
    assert kills == KILLS, "a run ended before it was killed"
    process = command(broken, "--resume")
    found.update(loss_lines(process))
    assert not process.wait(), end(process)
    end(process)
    assert found == expected
    names = ("toy_final.weights", "toy.backup")
    assert all((broken / "backup" / n).read_bytes() == (whole / "backup" / n).read_bytes() for n in names)


@pytest.mark.slow
def test_resume_in_one_process(tmp_path: Path) -> None:
    """Other sizes, the policy `random`'s numbers and a drawn order of epochs go on as well."""
    data, cfg = make(tmp_path, random=1)
    cfg.write_text(cfg.read_text().replace("policy=steps", "policy=random\npower=1"))
    with Trainer(cfg, data, max_batches=30, order="epochs", backup=tmp_path / "backup") as trainer:
        expected = [(m.loss, m.rate, m.average) for m in trainer]
        final = trainer.files.final.read_bytes()
    with Trainer(cfg, data, max_batches=30, order="epochs", save_every=13, overwrite=True) as trainer:
        for _ in range(17):
            next(trainer)
    with Trainer(cfg, data, max_batches=30, order="epochs", resume=True) as trainer:
        assert trainer.iteration == 13
        found = [(m.loss, m.rate, m.average) for m in trainer]
        assert trainer.files.final.read_bytes() == final
        assert len(trainer.history.points) == 30
    assert found == expected[13:]


def test_killed_before_the_final_weights(tmp_path: Path) -> None:
    """The state is of the last iteration: resuming writes what is missing, and then there is nothing to do."""
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=3) as trainer:
        trainer.run()
    final = trainer.files.final
    expected = final.read_bytes()
    final.unlink()
    with Trainer(cfg, data, max_batches=3, resume=True) as trainer:
        assert trainer.run() is None
    assert final.read_bytes() == expected
    with pytest.raises(TrainingError, match="nothing to do"):
        Trainer(cfg, data, max_batches=3, resume=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "no run to resume"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: np.savez(path, values=np.zeros(3)), "damaged"),
        (lambda path: path.write_bytes(flipped(path.read_bytes())), "damaged"),
    ],
)
def test_a_damaged_state(tmp_path: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=2) as trainer:
        trainer.run()
    damage(trainer.files.state)
    with pytest.raises(TrainingError, match=message):
        Trainer(cfg, data, resume=True)


def flipped(data: bytes) -> bytes:
    place = len(data) // 4  # among the weights
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("batch=4", "batch=8", "batch=4, not 8"), ("filters=16", "filters=24", "another network")],
)
def test_a_state_of_another_run(tmp_path: Path, old: str, new: str, message: str) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=2) as trainer:
        trainer.run()
    cfg.write_text(cfg.read_text().replace(old, new, 1))
    with pytest.raises(TrainingError, match=message):
        Trainer(cfg, data, resume=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[region]\n", "[region]\nlog=1\n", r"\[region\] log=1, which was \(none\)"),
        ("momentum=0.9", "momentum=0.8", r"toy.cfg:\d+: \[net\] momentum=.*, which was .* in the run of .*state.npz"),
    ],
)
def test_a_cfg_that_was_changed_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=2) as trainer:
        trainer.run()
    told: list[str] = []
    with Trainer(cfg, data, max_batches=3, resume=True, warn=told.append):
        assert told == []
    assert old in cfg.read_text()
    cfg.write_text(cfg.read_text().replace(old, new, 1))
    with Trainer(cfg, data, max_batches=3, resume=True, warn=told.append):
        assert len(told) == 1
        assert re.search(message, told[0])


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("momentum=0.9", "momentum=.90", True),
        ("momentum=0.9", "momentum=+0.900", True),
        ("filters=16", "filters=16.0", True),
        ("max=30", "max=3e1", False),
    ],
)
def test_a_value_that_is_written_otherwise_is_no_change(tmp_path: Path, old: str, new: str, same: bool) -> None:
    """3e1 is 3 where an integer is read."""
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("[region]\n", "[region]\nmax=30\n", 1))
    with Trainer(cfg, data, max_batches=2) as trainer:
        trainer.run()
    told: list[str] = []
    assert old in cfg.read_text()
    cfg.write_text(cfg.read_text().replace(old, new, 1))
    with Trainer(cfg, data, max_batches=3, resume=True, warn=told.append):
        assert same != any("which was" in each for each in told)


def test_another_dialect_can_not_resume(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data, max_batches=2, dialect="alexeyab") as trainer:
        trainer.run()
        assert trainer.files.backup.name == "toy_last.weights"
        trainer.save_best()
        assert (tmp_path / "backup" / "toy_best.weights").exists()
    with pytest.raises(TrainingError, match="dialect=alexeyab"):
        Trainer(cfg, data, resume=True, dialect="paper2017")


def test_darknets_names(tmp_path: Path) -> None:
    assert base_name("/some/where.else/yolo-voc.2.0.cfg") == "yolo-voc"
    pjreddie, alexeyab = DIALECTS["paper2017"].files, DIALECTS["alexeyab"].files
    assert DIALECTS["darknet2018"].files == pjreddie
    files = Files(tmp_path, "net", pjreddie)
    saved = [i for i in range(1, 30001) if files.numbered_after(i)]
    assert saved == [*range(100, 1000, 100), 10000, 20000, 30000]
    assert files.numbered_after(900) == tmp_path / "net_900.weights"
    assert [i for i in range(1, 301) if files.wants_backup(i)] == [100, 200, 300]
    assert [i for i in range(1, 3001) if Files(tmp_path, "net", alexeyab).numbered_after(i)] == [1000, 2000, 3000]
    assert Files(tmp_path, "net", pjreddie, numbered=50).numbered_after(150) is not None


@pytest.mark.parametrize(("line", "given", "every"), [("", None, 100), ("savelast=3", None, 3), ("savelast=3", 7, 7)])
def test_intervals_of_data(line: str, given: int | None, every: int, tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    data.write_text(f"{data.read_text()}{line}\n")
    with Trainer(cfg, data, save_every=given) as trainer:
        assert trainer.files.every == every
