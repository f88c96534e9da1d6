"""Trainings of several kinds, killed at random moments from the first millisecond on and resumed until they end: the
final weights are those of a run that was never stopped, bit for bit.
`python -m tests.campaign.kill_training --count 100 --seed 1`"""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from subprocess import PIPE, Popen

from tests.lib import toy_training

from .common import Findings, campaign, case_random, command, environment, finish, hidden

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ITERATIONS = 400  # a second or two, of which the start is a third


@dataclass(frozen=True)
class Run:
    """One sort of training: what is changed in the toy's cfg, and options."""

    name: str
    cfg: str
    change: tuple[str, str]
    options: tuple[object, ...] = ()


RUNS = [
    Run("region", "toy.cfg", ("", "")),
    Run("random sizes", "toy.cfg", ("random=0", "random=1"), ("--order", "epochs")),
    Run("adam", "toy.cfg", ("[net]", "[net]\nadam=1"), ("--map", "--map-every", 40)),
    Run("alexeyab", "toy.cfg", ("policy=steps", "policy=random"), ("--dialect", "alexeyab", "--workers", 1)),
    Run("classifier", "classifier.cfg", ("", ""), ()),
]


def arguments(run: Run, folder: Path) -> list[str]:
    more = ["--max-batches", ITERATIONS, "--save-every", 9, "--seed", 3, "--threads", 1, "--no-chart", "-quiet"]
    return command("train", folder / "toy.data", folder / run.cfg, *more, *run.options)


def prepared(run: Run, folder: Path) -> Path:
    data, _ = toy_training.make(folder)
    if run.cfg == "classifier.cfg":
        (folder / "toy.labels").write_text("bright\ndark\n")
        data.write_text(data.read_text().replace("names", "labels").replace("toy.names", "toy.labels"))
    with data.open("a") as file:
        file.write(f"valid = {folder}/train.txt\n")
    cfg = folder / run.cfg
    cfg.write_text(cfg.read_text().replace(*run.change))
    return folder


def results(folder: Path) -> dict[str, bytes]:
    """All weights of a run."""
    backup = folder / "backup"
    return {
        path.name: path.read_bytes() for path in sorted(backup.iterdir()) if path.suffix in (".weights", ".backup")
    }


def struck(words: list[str], seconds: float, number: int) -> tuple[int, str]:
    """Run, and send the signal so long after the start; the exit code, and what was said."""
    process = Popen(words, stdout=PIPE, stderr=PIPE, text=True, env=environment())
    time.sleep(seconds)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def kill_until_it_ends(run: Run, folder: Path, usual: float, rng: Random, kills: int, findings: Findings) -> int:
    """Kills one training up to `kills` times, then lets it end; how many hit."""
    hit = 0
    for number in range(kills):
        if results_are_final(folder):
            return hit  # struck between its last file and its end
        sign = rng.choice(SIGNALS)
        seconds = rng.random() * usual * 0.8
        code, errors = struck([*arguments(run, folder), *resuming(folder)], seconds, sign)
        case = f"{run.name}, kill {number}, {sign.name} after {seconds:.3f} s"
        if code == 0:
            findings.note(f"{sign.name} too late")
            break
        hit += 1
        findings.note(f"{sign.name} in time")
        started = sign == signal.SIGKILL or code != -sign  # Python itself was not up yet
        if started and (code not in (-sign, 128 + sign) or "Traceback" in errors or "error" in errors):
            findings.found(case, f"exit code {code}: {errors.strip()[-300:]}")
    done = finish([*arguments(run, folder), *resuming(folder)]) if not results_are_final(folder) else None
    if done and done.returncode:
        findings.found(run.name, f"can't go on: {done.stderr.strip()[-300:]}")
    return hit


def resuming(folder: Path) -> list[str]:
    return ["--resume"] if any((folder / "backup").glob("*.state.npz")) else []


def results_are_final(folder: Path) -> bool:
    return any((folder / "backup").glob("*_final.weights"))


def body(count: int, seed: int, folder: Path, findings: Findings) -> None:
    wholes, seconds, killed, number = {}, {}, 0, 0
    while killed < count and number < 10 * count:
        run = RUNS[number % len(RUNS)]
        if run.name not in wholes:
            whole = prepared(run, folder / f"whole {run.name}")
            start = time.monotonic()
            done = finish(arguments(run, whole))
            seconds[run.name] = time.monotonic() - start
            if done.returncode:
                findings.found(run.name, f"untouched: {done.stderr.strip()[-300:]}")
                return
            wholes[run.name] = results(whole)
        place = prepared(run, folder / str(number))
        rng = case_random(seed, number)
        killed += kill_until_it_ends(run, place, seconds[run.name], rng, rng.randint(1, 6), findings)
        if results(place) != wholes[run.name]:
            differ = [name for name, data in wholes[run.name].items() if results(place).get(name) != data]
            findings.found(f"{run.name}, training {number}", f"other weights than of an untouched run: {differ}")
        left = hidden({path.name: b"" for path in (place / "backup").iterdir()})
        findings.note("parts left by SIGKILL" if left else "nothing left behind")
        findings.note("trainings")
        number += 1


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, 100))
