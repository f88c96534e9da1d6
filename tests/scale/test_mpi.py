"""Training by two ranks: it is that of one process, whoever dies ends all, and what is wrong is said once."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pydarknet.errors import TrainingError
from pydarknet.scale.mpi import open_team
from tests.lib.joint_training import make

ROOT = Path(__file__).parents[2]
TRAIN = ["-m", "pydarknet", "train", "toy.data", "toy.cfg", "--threads", "1", "--workers", "1", "--log", "log.csv"]


def mpirun() -> list[str]:
    """The launcher beside this Python, else the system's; a missing one is a failure."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = shutil.which("mpirun", path=beside)
    assert found is not None, "no mpirun: pip install -e '.[test]'"
    text = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return [found, *(["--allow-run-as-root", "--oversubscribe"] if "Open MPI" in text else [])]


def start(folder: Path, *ranks: Sequence[str]) -> subprocess.Popen[str]:
    """A process for each list of arguments of Python."""
    words = [":", *(word for each in ranks for word in (":", "-n", "1", sys.executable, *each))][2:]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*mpirun(), *words], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> list[str]:
    """What was said on standard error by us."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    return [line for line in err.splitlines() if line.startswith("pydarknet: error")]


def alone(folder: Path, *words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *TRAIN, *words], cwd=folder, env=environment, check=True, capture_output=True)


def losses(folder: Path) -> list[str]:
    with open(folder / "log.csv", newline="") as file:
        return [row["loss"] for row in csv.DictReader(file)]


def state(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "backup" / "toy.state.npz") as file:
        return dict(file)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def made(name: str, iterations: int = 6) -> Path:
        (tmp_path / name).mkdir()
        make(tmp_path / name, iterations)
        return tmp_path / name

    return made


@pytest.mark.slow
def test_two_ranks_are_one_process_and_a_run_goes_on_with_another_number(folder: Callable[..., Path]) -> None:
    one, two = folder("one"), folder("two")
    alone(one)
    half = [*TRAIN, "--max-batches", "3"]
    assert not ended(start(two, half, half))
    alone(two, "--resume")
    assert losses(one) == losses(two)
    expected, found = state(one), state(two)
    for name in ("values", "updates"):
        np.testing.assert_array_equal(found[name], expected[name])
    np.testing.assert_allclose(found["statistics"], expected["statistics"], rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_dead_rank_ends_all_with_one_message(folder: Callable[..., Path], rank: int) -> None:
    place = folder("dead", 10000)
    words = ["-m", "tests.scale.rank", *TRAIN[2:], "--save-every", "1"]
    process = start(place, words, words)
    saved = place / "backup" / "toy.state.npz"
    while not saved.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pids = [int((place / f"{each}.pid").read_text()) for each in range(2)]
    os.kill(pids[rank], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    said = [line for line in err.splitlines() if line.startswith("pydarknet: error")]
    assert len(said) == 1, err
    assert re.search(rf"rank {rank}( \(process \d+ on .*\))? ended without a word.* --resume goes on", said[0])
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert np.isfinite(state(place)["values"]).all()


WRONG = {
    "a cfg that is wrong for all": (["--dialect", "none"], ["--dialect", "none"], "unknown dialect"),
    "another seed": (["--seed", "1"], ["--seed", "2"], r"the ranks differ in .* on rank 0, .* on rank 1"),
    "an error of one rank": ([], ["--no-such"], r"rank 1.*|unrecognized|no-such"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_once(folder: Callable[..., Path], case: str) -> None:
    first, second, message = WRONG[case]
    said = ended(start(folder("wrong"), [*TRAIN, *first], [*TRAIN, *second]), 2)
    assert len(said) == 1
    assert re.search(message, said[0])


@pytest.mark.slow
def test_more_ranks_than_mini_batches(folder: Callable[..., Path]) -> None:
    said = ended(start(folder("many"), *[TRAIN] * 5), 2)
    assert len(said) == 1
    assert "5 ranks share the mini-batches of an update, of which there are 4" in said[0]


@pytest.mark.slow
def test_darknets_way_averages_weights(folder: Callable[..., Path]) -> None:
    """An iteration counts as one of each rank, and learns."""
    place = folder("sync", 40)
    words = [*TRAIN, "--sync", "2", "--save-every", "15"]
    assert not ended(start(place, words, words))
    with open(place / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(2, 41, 2))
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert (place / "backup" / "toy_final.weights").exists()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (None, r"3 processes were started together, which needs mpi4py.* isn't installed: pip install "),
        (SimpleNamespace(rank=0, size=1), r"3 processes were started, but .*\(Some MPI\) knows of 1: mpirun is of"),
    ],
    ids=["without mpi4py", "another MPI"],
)
def test_an_mpi_that_can_not_be_used(module: object, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "3")
    monkeypatch.delenv("OMPI_COMM_WORLD_RANK", raising=False)
    fake = SimpleNamespace(COMM_WORLD=module, Get_library_version=lambda: "Some MPI, version 1")
    package = SimpleNamespace(rc=lambda **options: None, MPI=fake)
    monkeypatch.setitem(sys.modules, "mpi4py", package if module else None)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", fake)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=message), open_team():
        pass


def test_sync_needs_ranks() -> None:
    with (
        pytest.raises(TrainingError, match="--sync averages the weights of several ranks; start them: mpirun"),
        open_team(2),
    ):
        pass
