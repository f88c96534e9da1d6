"""Trainings by three ranks over MPI, one of which is killed at a random moment: all end within ten seconds and the
resumed run ends with the bits of one that was never touched; with another number of ranks too, but for rolling
statistics, which are close. `python -m tests.campaign.kill_ranks --count 20 --seed 1`"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.lib.joint_training import make
from tests.lib.launcher import mpirun

from .common import Findings, campaign, case_random, environment

RANKS, ITERATIONS, SECONDS = 3, 15, 10.0
LEARNT = ("values", "updates", "history")


def start(folder: Path, ranks: int) -> subprocess.Popen[str]:
    """A training by so many ranks, which goes on if it was begun."""
    resume = ["--resume"] if (folder / "backup" / "toy.state.npz").exists() else []
    words = [*mpirun(), "-n", str(ranks), sys.executable, "-m", "tests.scale.rank", "train", "toy.data", "toy.cfg",
             "--quiet", "--save-every", "2", "--workers", "1", *resume]  # fmt: skip
    return subprocess.Popen(
        words, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def state(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "backup" / "toy.state.npz") as file:
        return dict(file)


def rank_of(folder: Path, rank: int) -> int:
    """Its process id, or 0 as long as there is none."""
    with suppress(OSError, ValueError):
        pid = int((folder / f"{rank}.pid").read_text())
        return pid if Path(f"/proc/{pid}").exists() else 0
    return 0


def kill_one(folder: Path, rank: int, seconds: float) -> float | None:
    """Kill a rank so long after the start; how long it takes until all have ended, None if it was too late."""
    process, begun = start(folder, RANKS), time.monotonic()
    while time.monotonic() < begun + seconds or not (pid := rank_of(folder, rank)):
        if process.poll() is not None:
            return None
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    struck = time.monotonic()
    while process.poll() is None or any(rank_of(folder, each) for each in range(RANKS)):
        time.sleep(0.02)
        if time.monotonic() > struck + 6 * SECONDS:
            process.kill()
            break
    process.communicate()
    return time.monotonic() - struck


def ended(folder: Path, ranks: int, case: str, findings: Findings) -> dict[str, np.ndarray] | None:
    """The state after the rest of the training, if there is any."""
    if (folder / "backup" / "toy_final.weights").exists():
        return state(folder)
    process = start(folder, ranks)
    _, errors = process.communicate(timeout=600)
    if process.returncode:
        findings.found(case, f"{ranks} ranks can't go on: {errors.strip()[-300:]}")
        return None
    return state(folder)


def compare(found: dict[str, np.ndarray], whole: dict[str, np.ndarray], case: str, findings: Findings) -> None:
    for name in LEARNT:
        if not np.array_equal(found[name], whole[name]):
            findings.found(case, f"other {name} than of an untouched run")
    if not np.allclose(found["statistics"], whole["statistics"], rtol=1e-5, atol=1e-7):
        findings.found(case, "other rolling statistics than of an untouched run")


def body(count: int, seed: int, folder: Path, findings: Findings) -> dict[str, float]:
    (folder / "whole").mkdir()
    make(folder / "whole", ITERATIONS, RANKS)
    begun = time.monotonic()
    whole = ended(folder / "whole", RANKS, "untouched", findings)
    usual, longest, number = time.monotonic() - begun, 0.0, 0
    while whole is not None and findings.tried["killed in time"] < count and number < 10 * count:
        rng, place = case_random(seed, number), folder / str(number)
        rank, other, seconds = rng.randrange(RANKS), rng.choice((1, 2)), rng.uniform(0.1, 0.95) * usual
        place.mkdir()
        make(place, ITERATIONS, RANKS)
        took = kill_one(place, rank, seconds)
        findings.note("killed in time" if took is not None else "too late")
        case = f"{number}, rank {rank} after {seconds:.2f} s"
        longest = max(longest, took or 0)
        if took is not None and took > SECONDS:
            findings.found(case, f"{took:.1f} s until all had ended")
        shutil.copytree(place, folder / "other")
        for where, ranks in ((place, RANKS), (folder / "other", other)):
            if took is not None and (found := ended(where, ranks, case, findings)) is not None:
                compare(found, whole, f"{case}, then {ranks}", findings)
            shutil.rmtree(where)
        number += 1
    return {"longest end": round(longest, 2)}


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, 20))
