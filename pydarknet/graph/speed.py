"""How long a network's forward pass takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .engine import Engine

SECONDS = 5.0  # how long to measure where no number of runs is given
MIN_RUNS, MAX_RUNS = 5, 1000
WARM = 3  # a GPU records the second one


def measure(net: Engine, batch: int = 1, runs: int | None = None) -> list[float]:
    """Seconds of each forward pass of a batch, after some that don't count."""
    with net.plan(batch) as plan:
        net.backend.write(plan.input, np.random.default_rng(0).random(plan.input.shape, np.float32))

        def run() -> None:
            plan.run()
            net.backend.wait()

        warm = [_timed(run) for _ in range(WARM)]
        count = runs or min(max(int(SECONDS / max(warm[-1], 1e-9)), MIN_RUNS), MAX_RUNS)
        return [_timed(run) for _ in range(count)]


def _timed(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
