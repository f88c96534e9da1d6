"""Times on a device's own clock. Work is queued, many runs between two events, so that what the host does for a run
counts only where it takes longer than the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Run = Callable[[], object]
Clock = Callable[[Run, int], float]  # seconds of so many runs

WARM = 3  # loads kernels, records the graph, launches it
SAMPLE, MOST = 0.02, 1000  # seconds that one sample lasts at least, unless it would be of more runs
REPEATS = 20  # of a call in one graph


def timed(run: Run, clock: Clock, samples: int) -> float:
    """Seconds of a run: the median of so many samples."""
    for _ in range(WARM):
        run()
    once = clock(run, 1)
    times = max(1, min(MOST, int(SAMPLE / once) if once > 0 else MOST))
    return statistics.median(clock(run, times) for _ in range(samples)) / times


def cupy_clock(cuda: Any) -> Clock:
    """By CuPy's events."""

    def seconds(run: Run, times: int) -> float:
        begin, end = cuda.Event(), cuda.Event()
        begin.record()
        for _ in range(times):
            run()
        end.record()
        end.synchronize()
        return float(cuda.get_elapsed_time(begin, end)) / 1e3

    return seconds


def torch_clock(torch: Any) -> Clock:
    """By PyTorch's events."""

    def seconds(run: Run, times: int) -> float:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(times):
            run()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1e3

    return seconds


def host_clock(wait: Run) -> Clock:
    """By the machine's clock, for devices that have none."""

    def seconds(run: Run, times: int) -> float:
        begin = time.perf_counter()
        for _ in range(times):
            run()
        wait()
        return time.perf_counter() - begin

    return seconds
