"""Items under way: their order, how many there are at a time, errors in their place, an early end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from threading import Barrier, get_ident

import pytest

from pydarknet.system import pipeline as module
from pydarknet.system.pipeline import AHEAD, Lanes, Turn, pipeline

LANES = [Lanes(0), Lanes(1), Lanes(3), Lanes(3, apart=True)]


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("lanes", LANES, ids=str)
def test_results_come_in_order(lanes: Lanes) -> None:
    def work(i: int, turn: Turn) -> int:
        with turn:
            time.sleep(0.003 * (i % 3 == 0))  # some take longer than those behind them
        return i * i

    assert list(pipeline(range(40), work, lanes)) == [i * i for i in range(40)]
    assert list(pipeline([], work, lanes)) == []


def test_lanes_apart_work_at_once_each_after_its_own_entry() -> None:
    entered: list[int] = []
    together = Barrier(3)

    def work(_: int, turn: Turn) -> bool:
        with turn:
            together.wait(60)  # passes with three at a time only
        return get_ident() in entered

    assert all(pipeline(range(9), work, Lanes(3, True, lambda: entered.append(get_ident()))))
    assert len(entered) == 3


def test_turns_are_taken_one_by_one_in_order_while_others_work() -> None:
    order: list[int] = []
    inside = 0

    def work(i: int, turn: Turn) -> None:
        nonlocal inside
        time.sleep(0.002 * (3 - i % 4))
        if i % 5 == 4:
            return  # with nothing to compute
        with turn:
            inside += 1
            assert inside == 1
            order.append(i)
            inside -= 1

    list(pipeline(range(30), work, Lanes(4)))
    assert order == [i for i in range(30) if i % 5 != 4]


@pytest.mark.parametrize("lanes", LANES[1:], ids=str)
def test_few_are_under_way(lanes: Lanes) -> None:
    taken, made = 0, []
    items = (made.append(i) or i for i in range(50))
    for i in pipeline(items, lambda i, _: i, lanes):
        assert len(made) <= i + AHEAD * lanes.count
        taken += 1
    assert taken == 50


def test_none_is_begun_before_it_is_asked_for() -> None:
    made: list[int] = []
    results = pipeline((made.append(i) or i for i in range(3)), lambda i, _: i, Lanes(0))
    assert next(results) == 0
    assert made == [0]


def test_heavy_ones_wait_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 100)
    begun: list[int] = []

    def work(i: int, _: Turn) -> int:
        begun.append(i)
        return i

    for i in pipeline(range(20), work, Lanes(4, apart=True), lambda i: 1000 if i == 10 else 40):
        assert len(begun) <= i + 2  # of 40 bytes two at a time
        assert i == 10 or len(begun) < 11 or i > 10  # the heavy one alone
    assert sorted(begun) == list(range(20))


@pytest.mark.parametrize("lanes", LANES, ids=str)
@pytest.mark.parametrize("where", ["items", "work", "weigh"])
def test_an_error_comes_in_its_place(lanes: Lanes, where: str) -> None:
    def fail(i: int, here: str) -> int:
        if i == 5 and here == where:
            raise KeyError(i)
        return i

    items = (fail(i, "items") for i in range(9))
    results = pipeline(items, lambda i, _: fail(i, "work"), lanes, lambda i: fail(i, "weigh"))
    if where == "weigh" and not lanes.count:
        assert len(list(results)) == 9  # nothing is weighed where nothing waits
        return
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(KeyError):
        next(results)


@pytest.mark.parametrize("lanes", LANES, ids=str)
def test_who_leaves_early_waits_for_nothing_but_what_is_at_work(lanes: Lanes) -> None:
    worked: list[int] = []

    def work(i: int, turn: Turn) -> int:
        with turn:
            worked.append(i)
        return i

    with closing(pipeline(iter(range(1000)), work, lanes)) as results:
        assert next(results) == 0
    assert len(worked) <= 1 + AHEAD * lanes.count


def test_an_interpreter_ends_with_a_pipeline_under_way() -> None:
    code = (
        "from pydarknet.system.pipeline import *\n"
        "results = pipeline(iter(int, 1), lambda i, _: i, Lanes(3, True))\n"
        "print(next(results))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"0\n", b"")


def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert list(pipeline(range(3), lambda i, _: i, Lanes(2))) == [0, 1, 2]
