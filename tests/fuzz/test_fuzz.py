"""A short, seeded run of the fuzzer, and every file of its corpus; the long run is `python -m tests.fuzz.run`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from . import run

COUNTS = {"cfg": 400, "weights": 400, "text": 300, "picture": 300, "json": 300, "xml": 300, "label": 300, "tree": 300}
PAIRS = [(name, target) for name in COUNTS for target in run.kind_of(name).readers]


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_no_mutated_file_gets_through(name: str, target: str) -> None:
    outcome = run.run(name, target, COUNTS[name], seed=1)
    assert outcome.failures == []
    # Neither all accepted nor all refused, or the run shows little.
    assert min(outcome.accepted, outcome.refused) > COUNTS[name] // 50


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_the_corpus(name: str, target: str, tmp_path: Path) -> None:
    files = sorted((run.CORPUS / name).iterdir())
    assert files
    for file in files:
        run.try_file(run.kind_of(name).readers[target], Path(shutil.copy(file, tmp_path)))


def test_cases_repeat() -> None:
    kind = run.kind_of("cfg")
    assert [run.case(kind, 7, n) for n in range(20)] == [run.case(kind, 7, n) for n in range(20)]
    assert len({run.case(kind, seed, n) for seed in (7, 8) for n in range(20)}) > 30


def raising(path: Path) -> None:
    raise ValueError(path.name)


def test_a_traceback_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="case"):
        run.try_file(raising, tmp_path / "case")


# Workers import this module's parts by name, so the broken readers stand in the tables of targets.


@pytest.mark.parametrize(("target", "how"), [("raises", "exit code 1"), ("crashes", "exit code -6")])
def test_failures_are_counted_and_the_run_goes_on(target: str, how: str) -> None:
    assert run.run("self-test", target, 3, seed=1).failures == [(0, how), (1, how), (2, how)]
