"""What the campaigns share: their arguments, the line of JSON they end with, and a folder to work in."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from subprocess import CompletedProcess, run
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS = 120  # a command takes one or two; longer is a hang


class Findings:
    """Counts of what was tried, and what was wrong, each with the case that repeats it."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.wrong: list[str] = []

    def note(self, what: str) -> None:
        self.tried[what] += 1

    def found(self, case: object, text: str) -> None:
        self.wrong.append(f"{case}: {text}")
        print(self.wrong[-1], file=sys.stderr, flush=True)


def campaign(about: str | None, body: Callable[[int, int, Path, Findings], Any], count: int) -> int:
    """Run `body(count, seed, folder, findings)` with the command line's numbers; 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    findings, start = Findings(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        more = body(options.count, options.seed, Path(folder), findings)
    result = {
        "campaign": Path(sys.argv[0]).stem,
        "count": options.count,
        "seed": options.seed,
        "seconds": round(time.monotonic() - start),
        "tried": dict(sorted(findings.tried.items())),
        "wrong": findings.wrong,
        **(more or {}),
    }
    print(json.dumps(result))
    return int(bool(findings.wrong))


def case_random(seed: int, number: int) -> Random:
    """The numbers of one case: they don't depend on the others."""
    return Random(f"{seed}/{number}")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pydarknet", *map(str, arguments)]


def finish(words: list[str]) -> CompletedProcess[str]:
    """Run to the end; TimeoutExpired if it hangs."""
    return run(words, capture_output=True, text=True, errors="replace", timeout=SECONDS, env=environment())


def environment() -> dict[str, str]:
    """One thread for each process, and this checkout, of which a full disk must leave no module compiled by half."""
    own = {"PYDARKNET_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **own}


def files_of(folder: Path) -> dict[str, bytes]:
    """The contents of all files below a folder, by their relative names; where they name the folder, OUT."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    own = os.fsencode(folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes().replace(own, b"OUT") for path in found}


def hidden(files: dict[str, bytes]) -> list[str]:
    """Parts that a command left behind: names that begin with a dot, but for the record of label files."""
    return [name for name in files if "/." in f"/{name}" and not name.endswith(".pydarknet-labels.json")]


@contextmanager
def cases(findings: Findings, case: object) -> Iterator[None]:
    """What goes wrong in the evaluating itself is a finding, and the next case comes."""
    try:
        yield
    except Exception as error:
        findings.found(case, f"{type(error).__name__}: {error}")
