"""What a program of a comparison does in its own process: it keeps to its processors and runs when it is its turn."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[], Any]


def pin(threads: int) -> None:
    """To the last processors: the first one serves most interrupts."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def serve(run: Run, warm_up: int, process: int | str = "self") -> None:
    """Print "ready" once warm, and then, for each number n on standard input, the seconds of n runs: as measured, or
    as a run says itself by a number; behind them the most memory that the `process` has held, in MiB. One run before
    them isn't measured: it finds the caches of whoever ran before."""
    for _ in range(warm_up):
        run()
    print("ready", flush=True)
    for line in sys.stdin:
        seconds = []
        run()
        for _ in range(int(line)):
            start = time.perf_counter()
            told = run()
            seconds.append(told if isinstance(told, float) else time.perf_counter() - start)
        print(*seconds, peak_memory(process), flush=True)


def peak_memory(process: int | str) -> int:
    """MiB that a process has had at most, files that it maps included; 0 where the system doesn't say."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
