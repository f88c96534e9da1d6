"""`--steady` of the benchmarks: which turns count where other systems take a processor's speed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
FULL, SLOW = 100.0, 70.0  # of a peak of 100


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import workers

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return workers


@pytest.fixture
def gauge(workers: ModuleType, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A gauge of a program that sees these rates, one after another."""
    made = []

    def make(*rates: float) -> Any:
        program = tmp_path / "rates"
        answers = f"for rate in {rates}:\n    sys.stdin.readline()\n    print(rate, flush=True)\n"
        program.write_text(f"#!{sys.executable}\nimport sys\n{answers}")
        program.chmod(0o755)
        made.append(workers.Gauge(program, threads=1, peak=100.0))
        return made[-1]

    yield make
    for each in made:
        each.process.communicate()


class Turns(SimpleNamespace):
    """A worker whose turns take 1 s, 2 s and so on."""

    def __init__(self) -> None:
        super().__init__(seconds=[], disturbed=0, turns=0)

    def measure(self, runs: int) -> None:
        self.turns += 1
        self.seconds += [float(self.turns)] * runs


def test_a_turn_with_full_speed_before_and_behind_counts(gauge: Callable[..., Any]) -> None:
    worker = Turns()
    gauge(FULL, FULL).measure(worker, 2)
    assert (worker.seconds, worker.turns, worker.disturbed) == ([1, 1], 1, 0)


def test_nothing_runs_until_speed_is_full(gauge: Callable[..., Any]) -> None:
    worker = Turns()
    gauge(SLOW, SLOW, FULL, FULL).measure(worker, 1)
    assert (worker.seconds, worker.turns) == ([1], 1)


def test_a_turn_that_ends_slowly_is_run_again(gauge: Callable[..., Any]) -> None:
    worker = Turns()
    worker.seconds = [9.0]
    gauge(FULL, SLOW, FULL, FULL).measure(worker, 2)
    assert (worker.seconds, worker.turns, worker.disturbed) == ([9, 2, 2], 2, 0)


def test_patience_ends_and_is_said(workers: ModuleType, gauge: Callable[..., Any]) -> None:
    worker = Turns()
    gauge(*[SLOW] * workers.Gauge.PATIENCE).measure(worker, 1)
    assert (worker.seconds, worker.turns, worker.disturbed) == ([1], 1, 1)


def test_full_speed_is_that_of_the_fastest_look(gauge: Callable[..., Any]) -> None:
    """The peak that was measured before may have been that of a disturbed processor."""
    faster = gauge(150.0, FULL, 140.0)
    assert [faster.full_speed() for _ in range(3)] == [True, False, True]
