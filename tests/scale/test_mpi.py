"""Training by two ranks: it is that of one process, whoever dies ends all, and what is wrong is said once."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.errors import TrainingError
from pydarknet.scale import watch
from pydarknet.scale.mpi import open_team
from tests.lib.joint_training import make
from tests.lib.launcher import ROOT, finish, processes, run, start

TRAIN = ["-m", "pydarknet", "train", "toy.data", "toy.cfg", "--threads", "1", "--workers", "1", "--log", "log.csv"]

# An MPI whose start waits for ever in C, as that of a rank that the others don't come to.
STUCK = """
import ctypes, pathlib
pathlib.Path("within").touch()
lock = ctypes.create_string_buffer(64)
while True:
    ctypes.PyDLL(None).pthread_mutex_lock(lock)
"""


def said(text: str) -> list[str]:
    """What was said on standard error by us."""
    return [line for line in text.splitlines() if line.startswith("pydarknet: error")]


def ended(folder: Path, *ranks: Sequence[str], code: int = 0) -> list[str]:
    """What the ranks said; `code`: the launcher's."""
    found, out, err = run(folder, *ranks)
    assert found == code or (code and found is None), out + err
    return said(err)


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
    assert not ended(two, half, half)
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
    deadline = time.monotonic() + 10
    while set(pids) & set(processes(process.pid)):
        assert time.monotonic() < deadline, processes(process.pid)
        time.sleep(0.05)
    code, _, err = finish(process, 30)
    assert code != 0
    lines = said(err)
    assert len(lines) == 1, err
    assert re.search(rf"rank {rank}( \(process \d+ on .*\))? ended without a word.* --resume goes on", lines[0])
    assert np.isfinite(state(place)["values"]).all()


WRONG = {
    "a cfg that is wrong for all": (["--dialect", "none"], ["--dialect", "none"], "unknown dialect"),
    "another seed": (["--seed", "1"], ["--seed", "2"], r"the ranks differ in .* on rank 0, .* on rank 1"),
    "arguments that are wrong for all": (["--no-such"], ["--no-such"], r"error: (rank 1 .*: )?unknown option --no"),
    "an error of one rank": ([], ["--no-such"], r"error: rank 1.*: unknown option --no-such"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_once(folder: Callable[..., Path], case: str) -> None:
    first, second, message = WRONG[case]
    lines = ended(folder("wrong"), [*TRAIN, *first], [*TRAIN, *second], code=2)
    assert len(lines) == 1
    assert re.search(message, lines[0])


@pytest.mark.slow
def test_more_ranks_than_mini_batches(folder: Callable[..., Path]) -> None:
    lines = ended(folder("many"), *[TRAIN] * 5, code=2)
    assert len(lines) == 1
    assert "5 ranks share the mini-batches of an update, of which there are 4" in lines[0]


@pytest.mark.slow
def test_darknets_way_averages_weights(folder: Callable[..., Path]) -> None:
    """An iteration counts as one of each rank, and learns."""
    place = folder("sync", 40)
    words = [*TRAIN, "--sync", "2", "--save-every", "15"]
    assert not ended(place, words, words)
    with open(place / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(2, 41, 2))
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert (place / "backup" / "toy_final.weights").exists()


@pytest.mark.slow
def test_a_rank_that_waits_for_others_is_ended_by_a_signal(folder: Callable[..., Path]) -> None:
    place = folder("stuck")
    (place / "mpi4py").mkdir()
    (place / "mpi4py" / "__init__.py").write_text("def rc(**options): pass")
    (place / "mpi4py" / "MPI.py").write_text(STUCK)
    path = os.pathsep.join([str(place), str(ROOT)])
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "2", "PYTHONPATH": path}
    with subprocess.Popen([sys.executable, *TRAIN], cwd=place, env=environment) as process:
        while not (place / "within").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        try:
            assert process.wait(30) == -signal.SIGTERM
        finally:
            process.kill()


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


def test_rank_0_says_one_error_when_two_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another rank's, which the watching thread is about to say, and its own."""
    alone = watch.Watch(0, lambda value: [value])
    lines: list[str] = []
    own, ended = threading.Event(), threading.Event()

    def say(text: str) -> None:
        own.wait(5)
        lines.append(text)

    def end(code: int) -> None:
        ended.set()
        raise SystemExit(code)

    def end_all() -> None:
        with suppress(SystemExit):
            alone._end_all("rank 1: that of another")

    def sleep(seconds: float) -> None:
        own.set()
        ended.wait(5)

    monkeypatch.setattr(watch, "say", say)
    monkeypatch.setattr(watch, "_end", end)
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=sleep))
    other = threading.Thread(target=end_all)
    other.start()
    while not alone._over.is_set():
        time.sleep(0.001)
    with pytest.raises(SystemExit):
        alone.fail(TrainingError("its own"))
    other.join()
    assert lines == ["error: rank 1: that of another"]


@pytest.mark.parametrize("command", ["train", "detector train", "classifier train"])
def test_wrong_arguments_are_those_of_all_ranks(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under each of its names: a rank that ended by itself would leave the others to the launcher."""
    opened = []

    @contextmanager
    def team() -> Iterator[None]:
        opened.append(command)
        yield

    monkeypatch.setattr("pydarknet.scale.mpi.open_team", team)
    assert main([*command.split(), "--no-such"]) == 2
    assert opened == [command]
