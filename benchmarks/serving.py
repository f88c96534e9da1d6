"""What a program of a comparison does in its own process: it keeps to its processors and runs when it is its turn."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

Run = Callable[[], Any]


def pin(threads: int) -> None:
    """To the last processors: the first one serves most interrupts."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def serve(run: Run, warm_up: int) -> None:
    """Print "ready" once warm, and then, for each number n on standard input, the seconds of n runs."""
    for _ in range(warm_up):
        run()
    print("ready", flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        print(*seconds, flush=True)
