"""Commands that write are killed at a random change of a file or soon after it, by SIGKILL, SIGTERM, SIGHUP or
SIGINT. Each file must be the old one or the new one, whole (or, where a command saves what it has by then, the first
of the new results); the gentle signals leave no hidden part; the next run writes all.
`python -m tests.campaign.kill_writing --count 100 --seed 1`"""

from __future__ import annotations

import re
import shutil
import signal
import sys
from pathlib import Path
from random import Random
from subprocess import CompletedProcess

from .common import Findings, campaign, case_random, cases, command, files_of, finish, hidden
from .writers import WRITERS, Writer, is_part, is_whole, make_set

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Reference:
    """What a command writes when nothing disturbs it: the old files, and the new ones over them."""

    def __init__(self, writer: Writer, source: Path, folder: Path) -> None:
        self.writer, self.source, self.old_folder = writer, source, folder / "old"
        self.old_folder.mkdir(parents=True)
        _succeed(command(*writer.arguments(source, self.old_folder, 0)))
        new = folder / "new"
        self.copy_old(new)
        text = _succeed(struck(new, 0, 0, 0, writer.arguments(source, new, 1)))
        match = re.search(r"^changes: (\d+)$", text, re.MULTILINE)
        assert match
        self.changes, self.new = int(match[1]), files_of(new)

    def copy_old(self, folder: Path) -> None:
        """Put the old files there."""
        shutil.copytree(self.old_folder, folder, dirs_exist_ok=True)
        self.old = files_of(folder)


def struck(folder: Path, event: int, milliseconds: float, number: int, arguments: list[object]) -> list[str]:
    words = [str(folder), str(event), str(milliseconds), str(int(number)), *map(str, arguments)]
    return [sys.executable, "-m", "tests.campaign.struck", *words]


def _succeed(words: list[str]) -> str:
    done = finish(words)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def kill(reference: Reference, folder: Path, rng: Random, findings: Findings, case: str) -> None:
    """One run that is struck, what it leaves, and the run after it."""
    number = rng.choice(SIGNALS)
    event = rng.randint(1, reference.changes)
    delay = rng.choice([0, 0, rng.random() * 3, rng.random() * 100])
    case += f" {reference.writer.name}, {number.name} {delay:.2f} ms behind change {event} of {reference.changes}"
    reference.copy_old(folder)
    arguments = reference.writer.arguments(reference.source, folder, 1)
    done = finish(struck(folder, event, delay, number, arguments))
    files = files_of(folder)
    finished = done.returncode == 0
    findings.note(f"{number.name} {'too late' if finished else 'in time'}")
    wrong = [*evaluator(reference, files, number, done)]
    again = finish(command(*arguments))
    if again.returncode:
        wrong.append(f"the next run fails: {again.stderr.strip()[-300:]}")
    after = files_of(folder)
    kept = {name: data for name, data in after.items() if name not in hidden(after)}
    if kept.keys() - reference.old.keys() != reference.new.keys() - reference.old.keys() or not all(
        is_whole(name, kept[name], None, data) for name, data in reference.new.items()
    ):
        wrong.append("the next run doesn't write the same files")
    for each in wrong:
        findings.found(case, each)


def evaluator(reference: Reference, files: dict[str, bytes], number: int, done: CompletedProcess[str]) -> list[str]:
    """What is wrong behind the run that was struck."""
    wrong = []
    left = hidden(files)
    if number != signal.SIGKILL:
        if left:
            wrong.append(f"left behind: {left}")
        if done.returncode not in (0, 128 + number):
            wrong.append(f"exit code {done.returncode}: {done.stderr.strip()[-300:]}")
        if "Traceback" in done.stderr:
            wrong.append(f"a traceback: {done.stderr.strip()[-300:]}")
    for name in reference.old.keys() - files.keys():
        wrong.append(f"{name} is gone")
    for name in files.keys() - set(left):
        old, new = reference.old.get(name), reference.new.get(name)
        part = reference.writer.partial and is_part(name, files[name], old, new)
        if not (part or is_whole(name, files[name], old, new)):
            wrong.append(f"{name} is neither the old file nor the new one ({len(files[name])} bytes)")
    return wrong


def body(count: int, seed: int, folder: Path, findings: Findings) -> None:
    source = folder / "set"
    prepare(source)
    references: dict[str, Reference] = {}
    for case in range(count):
        rng = case_random(seed, case)
        writer = WRITERS[case % len(WRITERS)]
        with cases(findings, f"{case} {writer.name}"):
            if writer.name not in references:
                references[writer.name] = Reference(writer, source, folder / writer.name)
            kill(references[writer.name], folder / str(case), rng, findings, str(case))
        shutil.rmtree(folder / str(case), ignore_errors=True)


def prepare(source: Path) -> None:
    """The set, and the second weights."""
    from pydarknet import Network

    make_set(source)
    Network(source / "small.cfg", seed=5).save_weights(source / "other.weights")


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, 100))
