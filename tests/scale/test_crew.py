"""A crew of actors does each block, unless several of them die of it, in order, and holds few results at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from pydarknet.errors import DeviceError
from pydarknet.scale.actors import blocks
from pydarknet.scale.cluster import first_line
from pydarknet.scale.crew import AHEAD, TRIES, Crew


class RayError(Exception):
    """Of the cluster."""


class RayTaskError(RayError):
    """Of an actor's method."""


class FakeRay:
    """Actors that do blocks by `find` at once, but number 0 when `last` is begun."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, find: Callable[[int], Any], last: int = 0, ready: Callable[[], object] = bool) -> None:
        self._find, self._last, self._ready = find, last, ready
        self._first: Future[Any] = Future()
        self.alive: set[int] = set()
        self.started = 0

    def start(self) -> Any:
        self.started += 1
        self.alive.add(self.started)
        ready, find = (SimpleNamespace(remote=method) for method in (self.ready, self.find))
        return SimpleNamespace(number=self.started, ready=ready, find=find)

    def kill(self, actor: Any) -> None:
        self.alive.discard(actor.number)

    def ready(self) -> Any:
        return ended(Future(), self._ready)

    def find(self, items: list[bytes]) -> Any:
        number = int(items[0])
        future: Future[Any] = Future() if number else self._first
        found = ended(future, lambda: self._find(number)) if number or not self._last else promise(future)
        if number and number == self._last:
            self._first.set_result(0)
        return found


def promise(future: Future[Any]) -> Any:
    return SimpleNamespace(future=lambda: future)


def ended(future: Future[Any], work: Callable[[], Any]) -> Any:
    try:
        future.set_result(work())
    except RayError as error:
        future.set_exception(error)
    return promise(future)


def numbers(count: int) -> Iterator[list[bytes]]:
    return ([b"%d" % number] for number in range(count))


def raises(error: Exception) -> Any:
    raise error


def test_results_come_in_order_and_dead_actors_are_replaced() -> None:
    deaths = {1: 1, 7: TRIES - 1, 8: 1, 19: 1}

    def find(number: int) -> int:
        if deaths.get(number, 0):
            deaths[number] -= 1
            raise RayError("died")
        return number

    ray = FakeRay(find, last=4)
    assert list(Crew(ray, ray.start, 3).results(numbers(20))) == list(range(20))
    assert ray.started > 3
    assert not ray.alive


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (RayError("died"), DeviceError, "die again and again over the images from 5 to 5: died"),
        (RayTaskError("wrong"), RayTaskError, "wrong"),
    ],
)
def test_blocks_that_can_not_be_done(error: RayError, expected: type[Exception], message: str) -> None:
    """What kills every actor is named; what a method raises is raised."""
    ray = FakeRay(lambda number: raises(error) if number == 5 else number)
    with pytest.raises(expected, match=message):
        list(Crew(ray, ray.start, 2).results(numbers(20)))
    assert not ray.alive


def test_actors_that_never_start() -> None:
    ray = FakeRay(int, ready=lambda: raises(RayError("no start")))
    with pytest.raises(DeviceError, match="die again and again: no start"):
        list(Crew(ray, ray.start, 2).results(numbers(20)))
    assert not ray.alive


@pytest.mark.parametrize("images", [1000, 20_000])
def test_as_many_results_are_held_for_any_number_of_images(images: int) -> None:
    """Where the first block takes as long as it may."""
    most, begun = 2 * AHEAD, 0

    def counted() -> Iterator[list[bytes]]:
        nonlocal begun
        for begun, each in enumerate(numbers(images), 1):  # noqa: B007
            yield each

    ray = FakeRay(int, last=most - 1)
    results = Crew(ray, ray.start, 2).results(counted())
    for taken in range(images):
        assert next(results) == taken
        assert begun <= taken + most


@pytest.mark.parametrize("count", [0, 1, 7, 100, 2000])
@pytest.mark.parametrize("actors", [1, 2, 64])
def test_blocks_grow_small_in_the_end(count: int, actors: int) -> None:
    paths = [str(number) for number in range(count)]
    cut = list(blocks(paths, 16, actors))
    assert [path for block in cut for path in block] == paths
    sizes = [len(block) for block in cut]
    assert sizes == sorted(sizes, reverse=True)
    assert not sizes or (max(sizes) <= 16 and sizes[-1] <= 2)


@pytest.mark.parametrize("batch", [1, 3, 4, 64])
def test_blocks_are_whole_batches(batch: int) -> None:
    """For a part of one an actor would make another plan, with memory of its own."""
    sizes = [len(block) for block in blocks([""] * 192, max(16, batch), 2, batch)]
    assert {size % batch for size in sizes} == {0}


def test_what_an_actors_error_says() -> None:
    """Ray's own text is a traceback that begins with the actor's address."""
    error = RayTaskError("ray::Actor.find() (pid=7, ip=192.0.2.1)\n  File ...\nImportError: no such symbol")
    error.cause = ImportError("no such symbol")  # type: ignore[attr-defined]
    assert first_line(error) == "ImportError: no such symbol"
