"""Parts of the test suite on a GPU, one after another, each within its time: what failed is told at once, logs and
JUnit's XML lie in a folder as they come, and whoever stops it in the middle has all that was known by then."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydarknet.formats.atomic import replacing

TESTS = Path(__file__).resolve().parents[1]
FOLDER = "PYDARKNET_GPU_OUT"  # the variable that names the folder
OUTCOMES = ("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS")
WELL = ("PASSED", "SKIPPED", "XFAIL")
NOTHING_COLLECTED = 5  # pytest's exit code
# "a.py::test[x] PASSED  [ 5%]", or with several processes "[gw0] [ 5%] PASSED a.py::test[x]".
DONE = re.compile(
    rf"(?:^\[gw\d+\] \[ *\d+%\] ({'|'.join(OUTCOMES)}) (\S.*?)|^(\S+::.*?) ({'|'.join(OUTCOMES)})\b.*)\s*$"
)
WANTED = re.compile(r"\[(\d+) items?\]|\bcollected (\d+) items?(?: / (\d+) deselected)?")
GRACE = 20.0  # seconds for a stopped pytest to write its report


@dataclass(frozen=True)
class Part:
    """Tests that run together. `share` of the time that is left, `prefix` before Python's command."""

    name: str
    tests: tuple[str, ...]
    share: float = 1.0
    prefix: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass
class Result:
    """What came of a part."""

    name: str
    wanted: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    code: int = 0  # of pytest, or of the program before it
    stopped: bool = False
    told: bool = False  # to stop, and to begin nothing more

    @property
    def done(self) -> int:
        return sum(self.counts.values())

    @property
    def failed(self) -> bool:
        wrong = sum(self.counts[name] for name in OUTCOMES if name not in WELL)
        return wrong > 0 or (not self.stopped and self.code not in (0, NOTHING_COLLECTED))

    @property
    def whole(self) -> bool:
        """Whether all of its tests ran, and there were some."""
        return not self.stopped and self.done > 0

    def __str__(self) -> str:
        text = ", ".join(f"{count} {name.lower()}" for name, count in self.counts.items()) or "no test ran"
        text += f" in {self.seconds:.0f} s"
        if self.stopped:
            text += f"; STOPPED, {self.wanted - self.done} of {self.wanted} not run"
        elif self.code:
            text += f"; ended with code {self.code}"
        return f"{self.name}: {text}"


def out_folder(program: str) -> Path:
    """Where logs and reports go: what the variable names, else build/PROGRAM."""
    folder = Path(os.environ.get(FOLDER) or TESTS.parent / "build" / program)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_parts(
    program: str, parts: Sequence[Part], seconds: float, options: Sequence[str] = (), earlier: Sequence[Result] = ()
) -> list[Result]:
    """Run them within so many seconds, what one leaves over for the next; summary.txt is whole after each."""
    folder, end = out_folder(program), time.monotonic() + seconds
    print(f"{program}: logs and reports in {folder}", flush=True)
    results: list[Result] = []
    for i, part in enumerate(parts):
        left = end - time.monotonic()
        limit = left * part.share / sum(other.share for other in parts[i:])
        result = run_part(program, part, folder, limit, options)
        results.append(result)
        print(f"{program}: {result}", flush=True)
        with replacing(folder / "summary.txt") as file:
            file.write("".join(f"{each}\n" for each in [*earlier, *results]).encode())
        if result.told:
            break
    return results


def run_part(program: str, part: Part, folder: Path, limit: float, options: Sequence[str]) -> Result:
    """Run pytest; what it prints goes to the log, the names of failures to the screen as well."""
    result = Result(part.name)
    begin = time.monotonic()
    process = subprocess.Popen(
        command(part, folder, options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=environment(), start_new_session=True,
    )  # fmt: skip
    with open(folder / f"{part.name}.log", "w") as log, Stopping(process, limit) as stopping, process:
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            note(program, line, result)
        result.code = process.wait()
    result.seconds, result.stopped, result.told = time.monotonic() - begin, stopping.stopped, stopping.told
    return result


def command(part: Part, folder: Path, options: Sequence[str]) -> list[str]:
    """pytest with no plugins but ours: an environment's own may warn or disagree with each other."""
    pytest = [sys.executable, "-u", "-m", "pytest", "-v", "-W", "default", "--tb=short", "-m", "not emulator"]
    report = f"--junitxml={folder / part.name}.xml"
    return [*part.prefix, *pytest, report, *part.options, *options, *(str(TESTS / each) for each in part.tests)]


def environment() -> dict[str, str]:
    """A GPU as the backend of all tests."""
    backends = os.environ.get("PYDARKNET_TEST_BACKENDS", "cuda")
    return {**os.environ, "PYDARKNET_TEST_BACKENDS": backends, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def workers() -> tuple[str, ...]:
    """Options for several processes, where pytest-xdist is installed."""
    try:
        import xdist  # noqa: F401
    except ImportError:
        return ()
    return "-p", "xdist.plugin", "-n", str(min(8, len(os.sched_getaffinity(0))))


def note(program: str, line: str, result: Result) -> None:
    """Count what a line of pytest's says, and tell a failure."""
    if wanted := WANTED.search(line):
        result.wanted = int(wanted[1] or int(wanted[2]) - int(wanted[3] or 0))
    elif done := DONE.match(line):
        outcome, name = done[1] or done[4], done[2] or done[3]
        result.counts[outcome] += 1
        if outcome not in WELL:
            print(f"{program}: {outcome} {name}", flush=True)


class Stopping:
    """Ends a process and all that it started after its limit, or when this one is told to end: first as Ctrl-C does,
    so that it writes its report, then for good. `stopped` says so, `told` that nothing more should run."""

    def __init__(self, process: subprocess.Popen[Any], limit: float) -> None:
        self._process, self.stopped, self.told = process, False, False
        self._timers = [
            threading.Timer(max(limit, 0.0), self._stop),
            threading.Timer(max(limit, 0.0) + GRACE, self._kill),
        ]
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._tell)
        for timer in self._timers:
            timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _tell(self, *_: object) -> None:
        self.told = True
        self._stop()
        last = threading.Timer(GRACE, self._kill)
        self._timers.append(last)
        last.start()

    def _stop(self) -> None:
        self.stopped = True
        self._send(signal.SIGINT)

    def _kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def verdict(program: str, results: Sequence[Result]) -> int:
    """0: all is well; 1: something failed; 3: nothing failed, but not everything was run."""
    failed = [each.name for each in results if each.failed]
    partial = [each.name for each in results if not each.whole]
    partial += ["what comes after"] if any(each.told for each in results) else []
    if failed:
        print(f"{program}: FAILED: {', '.join(failed)}", flush=True)
    if partial:
        print(f"{program}: NOT ALL RUN: {', '.join(partial)}", flush=True)
    if not failed and not partial:
        print(f"{program}: all is well", flush=True)
    return 1 if failed else 3 if partial else 0
