"""No training writes over what another one has learnt, whether that has ended or still goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pydarknet.cli.main import main
from pydarknet.errors import TrainingError
from pydarknet.train.trainer import Trainer
from tests.lib.full_disk import small_files
from tests.lib.toy_training import make


def train(folder: Path, iterations: int = 2, **options: object) -> None:
    with Trainer(folder / "toy.cfg", folder / "toy.data", max_batches=iterations, **options) as trainer:  # type: ignore[arg-type]
        trainer.run()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "backup").iterdir() if path.is_file()}


@pytest.mark.parametrize("dialect", ["paper2017", "alexeyab"])
@pytest.mark.parametrize("left", ["*", "*.state.npz", "*_final.weights", "toy_*.weights", "toy.*"])
def test_a_second_training_is_refused(tmp_path: Path, dialect: str, left: str) -> None:
    """Whatever of the first is there; resuming and starting anew are said to be the ways on."""
    make(tmp_path)
    train(tmp_path, dialect=dialect)
    for path in set((tmp_path / "backup").iterdir()) - set((tmp_path / "backup").glob(left)):
        path.unlink()
    before = contents(tmp_path)
    with pytest.raises(TrainingError, match="has seen 8 images: --resume goes on with it, --overwrite starts anew"):
        train(tmp_path)
    assert contents(tmp_path) == before
    train(tmp_path, iterations=1, overwrite=True)
    assert before.items() - contents(tmp_path).items()


def test_a_second_training_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """As the refusal says."""
    data, cfg = make(tmp_path)
    train(tmp_path)
    before = contents(tmp_path)
    words = ["train", str(data), str(cfg), "--max-batches", "1", "--no-chart"]
    assert main(words) == 2
    assert "--backup FOLDER keeps both" in capsys.readouterr().err
    assert main([*words, "--backup", str(tmp_path / "second")]) == 0
    assert contents(tmp_path) == before
    assert (tmp_path / "second" / "toy_final.weights").exists()


@pytest.mark.slow
def test_darknets_own_commands_set_the_first_aside(tmp_path: Path) -> None:
    """They ask no question, and lose nothing; one that goes on from its newest weights stays where it is."""
    make(tmp_path)
    backup = tmp_path / "backup"
    said: list[str] = []
    train(tmp_path)
    for ending in ("png", "svg"):
        (backup / f"chart_toy.{ending}").write_text("drawn by the command line")
    before = contents(tmp_path)
    for number in (1, 2):
        train(tmp_path, keep=True, warn=said.append)
        assert str(backup / f"toy.{number}") in said[-1]
    assert {path.name: path.read_bytes() for path in (backup / "toy.1").iterdir()} == before
    train(tmp_path, iterations=3, keep=True, weights=backup / "toy.backup", warn=said.append)
    train(tmp_path, iterations=4, keep=True, resume=True, warn=said.append)
    assert len(said) == 2
    assert not (backup / "toy.3").exists()
    command: list[Any] = [
        sys.executable,
        "-m",
        "pydarknet",
        "detector",
        "train",
        tmp_path / "toy.data",
        tmp_path / "toy.cfg",
    ]
    done = subprocess.run([*command, "--max-batches", "1"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "moved to" in done.stderr
    assert (backup / "toy.3" / "toy.state.npz").exists()


def test_ways_on(tmp_path: Path) -> None:
    """Its state, its newest weights as Darknet's users give them, another name, another folder."""
    _, cfg = make(tmp_path)
    train(tmp_path)
    train(tmp_path, iterations=3, resume=True)
    newest = tmp_path / "backup" / "toy.backup"
    train(tmp_path, iterations=4, weights=newest)
    with pytest.raises(TrainingError, match="has seen 16 images"):
        train(tmp_path, weights=newest, clear=True)
    older = newest.with_name("toy_1.weights")
    older.write_bytes(newest.read_bytes()[:12] + (4).to_bytes(8, "little") + newest.read_bytes()[20:])
    with pytest.raises(TrainingError, match="has seen 16 images"):
        train(tmp_path, weights=older)
    with pytest.raises(TrainingError, match="choose one"):
        train(tmp_path, resume=True, overwrite=True)
    (tmp_path / "other").mkdir()
    train(tmp_path, backup=tmp_path / "other")
    cfg.rename(tmp_path / "mine.cfg")
    Trainer(tmp_path / "mine.cfg", tmp_path / "toy.data").close()


def test_a_run_that_learnt_nothing_is_in_nobodys_way(tmp_path: Path) -> None:
    make(tmp_path)
    train(tmp_path, max_hours=1e-12)
    assert "toy.state.npz" in contents(tmp_path)
    train(tmp_path)


def test_a_disk_without_a_byte_for_the_lock(tmp_path: Path) -> None:
    """What is wrong is said by the save; the lock, which ends later, adds nothing to it."""
    make(tmp_path)
    with small_files(0), pytest.raises(TrainingError, match="the last save failed"):
        train(tmp_path)
    assert contents(tmp_path) == {}


@pytest.mark.slow
def test_two_at_once(tmp_path: Path) -> None:
    """The second is refused while the first lives; one that was killed leaves nothing in the way."""
    make(tmp_path)
    with Trainer(tmp_path / "toy.cfg", tmp_path / "toy.data") as first:
        assert next(first).iteration == 1
        with pytest.raises(
            TrainingError, match=r"another training writes here under the same name \(process \d+ on "
        ):
            train(tmp_path)
    assert contents(tmp_path) == {}
    words = [sys.executable, "-m", "pydarknet", "train", str(tmp_path / "toy.data"), str(tmp_path / "toy.cfg")]
    words += ["--max-batches", "1000000", "--no-chart", "--save-every", "1000000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        with pytest.raises(TrainingError, match=rf"process {process.pid} on"):
            train(tmp_path)
        process.kill()
    assert ".toy.lock" in contents(tmp_path)
    train(tmp_path, overwrite=True)
    assert ".toy.lock" not in contents(tmp_path)
