"""Every command that writes, on a disk with 0, 1, 2, ... free pages, until it succeeds: an error with exit code 2 (a
training goes on, with a warning), each file the old one or the new one, no hidden part, no hang.
`python -m tests.campaign.full_disk --count 23` (commands; needs the right to mount a tmpfs, else RLIMIT_FSIZE)"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lib import toy_training

from .common import SECONDS, Findings, campaign, cases, command, environment, files_of, hidden
from .kill_writing import Reference, prepare
from .writers import WRITERS, is_part, is_whole

PAGE = 4096
JOURNAL = ".pydarknet-labels.log"  # stays where there is no room for the record: the labels are still ours
STEPS = (*range(12), 14, 17, 20, 24, 28, 34, 40, 50, 64, 100, 200, 500, 1000)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A tmpfs of 4 MiB at the folder; False if it can't be had."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, pages: int) -> None:
    """Leave so many pages of the disk free."""
    status = os.statvfs(folder)
    size = (status.f_bavail - pages) * status.f_frsize
    with open(folder / "filler", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))


def limited(bytes_: int) -> None:
    """No file of this process grows over so many bytes; an error, as of a full disk, if it tries."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


def run_on(words: list[str], folder: Path, pages: int, mounted: bool) -> subprocess.CompletedProcess[str]:
    if mounted:
        fill(folder, pages)
    before = None if mounted else lambda: limited(pages * PAGE // 4)
    done = subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=SECONDS, env=environment(), preexec_fn=before
    )
    (folder / "filler").unlink(missing_ok=True)
    return done


def try_command(reference: Reference, folder: Path, findings: Findings) -> None:
    writer = reference.writer
    for pages in STEPS:
        with small_disk(folder) as mounted:
            reference.copy_old(folder)
            words = command(*writer.arguments(reference.source, folder, 1))
            done = run_on(words, folder, pages, mounted)
            files = files_of(folder)
        folder.rmdir() if mounted else shutil.rmtree(folder)
        findings.note(f"{'tmpfs' if mounted else 'RLIMIT_FSIZE'} {'succeeds' if done.returncode == 0 else 'is full'}")
        case = f"{writer.name}, {pages} pages free"
        for each in evaluator(reference, files, done):
            findings.found(case, each)
        if done.returncode == 0:
            return
    findings.found(writer.name, f"still fails: {done.stderr.strip()[-300:]}")


def evaluator(reference: Reference, files: dict[str, bytes], done: subprocess.CompletedProcess[str]) -> list[str]:
    wrong = []
    if done.returncode not in (0, 1, 2) or "Traceback" in done.stderr:
        wrong.append(f"exit code {done.returncode}: {done.stderr.strip()[-400:]}")
    elif done.returncode and "pydarknet: error: " not in done.stderr + done.stdout:
        wrong.append(f"no error is said: {done.stderr.strip()[-300:]}")
    left = hidden(files)
    if [name for name in left if not name.endswith(JOURNAL)]:
        wrong.append(f"left behind: {left}")
    for name in reference.old.keys() - files.keys():
        wrong.append(f"{name} is gone")
    for name in files.keys() - set(left):
        old, new = reference.old.get(name), reference.new.get(name)
        part = reference.writer.partial and is_part(name, files[name], old, new)
        if not (part or is_whole(name, files[name], old, new)):
            wrong.append(f"{name} is neither the old file nor the new one ({len(files[name])} bytes)")
        if done.returncode == 0 and name in reference.new and not is_whole(name, files[name], None, new):
            wrong.append(f"{name} is not the new file, although all is said to be well")
    return wrong


def try_training(folder: Path, findings: Findings) -> None:
    """Backups, state and logs on the full disk: it learns to the end, and says what is missing."""
    for pages in STEPS:
        with small_disk(folder) as mounted:
            toy_training.make(folder.parent / "toy")
            (folder / "backup").mkdir()
            data = folder.parent / "toy" / "toy.data"
            data.write_text(data.read_text().replace(f"{folder.parent}/toy/backup", f"{folder}/backup"))
            words = command("train", data, data.with_name("toy.cfg"), "--max-batches", 60, "--save-every", 5, "--log",
                            folder / "log.csv", "--log", folder / "log.jsonl")  # fmt: skip
            done = run_on(words, folder, pages, mounted)
            left = hidden(files_of(folder))
            full = "warning" in done.stderr
            final = (folder / "backup" / "toy_final.weights").exists()
        folder.rmdir() if mounted else shutil.rmtree(folder)
        findings.note(f"training {'on a full disk' if full or done.returncode else 'succeeds'}")
        case = f"train, {pages} pages free"
        refused = done.returncode == 2 and "log.csv: can't be written" in done.stderr  # before the first iteration
        if done.returncode not in (0, 2) or "Traceback" in done.stderr or not (refused or "\n60: " in done.stdout):
            findings.found(case, f"exit code {done.returncode}: {done.stderr.strip()[-400:]}")
        if done.returncode == 0 and not final:
            findings.found(case, "all is said to be well, without final weights")
        if left:
            findings.found(case, f"left behind: {left}")
        if not (full or done.returncode):
            return


def body(count: int, seed: int, folder: Path, findings: Findings) -> None:
    source = folder / "set"
    prepare(source)
    with cases(findings, "train"):
        try_training(folder / "disk", findings)
    for writer in WRITERS[:count]:
        with cases(findings, writer.name):
            try_command(Reference(writer, source, folder / writer.name), folder / "disk", findings)


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, len(WRITERS)))
