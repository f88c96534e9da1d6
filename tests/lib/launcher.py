"""Ranks by `mpirun`: how they are started, and how one waits for their end.

The launcher of Open MPI 5.0 has races of its own. With a rank that has failed it may count to the end of the job
before or after that end, and then waits for ever, all that is to be said printed and all ranks gone (openpmix/prrte,
2026: "Do not double-count error termination of procs", "Count a terminated proc once, even when it failed", "Record
the lost-reap hang"); and one of several that start at once may fail to. What is tested is what our ranks do and say,
so a launcher is ended when no rank is left; a rank that is left fails the test, with a table of all that was alive.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 120
NOT_STARTED = "listener thread failed to start"


def mpirun() -> list[str]:
    """The launcher beside this Python, else the system's; a missing one is a failure."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = shutil.which("mpirun", path=beside)
    assert found is not None, "no mpirun: pip install -e '.[test]'"
    text = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return [found, *(["--allow-run-as-root", "--oversubscribe"] if "Open MPI" in text else [])]


def start(folder: Path, *ranks: Sequence[str]) -> subprocess.Popen[str]:
    """A process for each list of arguments of Python, all in a session of their own."""
    words = [":", *(word for each in ranks for word in (":", "-n", "1", sys.executable, *each))][2:]
    return subprocess.Popen(
        [*mpirun(), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def run(folder: Path, *ranks: Sequence[str]) -> tuple[int | None, str, str]:
    """What `finish` says of them; once more where the launcher could not start any."""
    code, out, err = finish(start(folder, *ranks))
    return finish(start(folder, *ranks)) if NOT_STARTED in err else (code, out, err)


def finish(process: subprocess.Popen[str], seconds: float = SECONDS) -> tuple[int | None, str, str]:
    """The exit code and what was printed; no code where the launcher, left alone, had to be ended."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        alive = processes(process.pid)
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        out, err = process.communicate()
        assert list(alive) == [process.pid], "\n".join([f"not ended after {seconds} s:", *alive.values(), out, err])
        return None, out, err
    return process.returncode, out, err


def processes(session: int) -> dict[int, str]:
    """Those of a session that haven't ended, as `ps` shows them, by their ids."""
    words = ["ps", "-ww", "-s", str(session), "-o", "pid,ppid,stat,etime,wchan:20,args"]
    listed = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()[1:]
    lines = [line for line in listed if not line.split()[2].startswith("Z")]
    return {int(line.split()[0]): line for line in lines}
