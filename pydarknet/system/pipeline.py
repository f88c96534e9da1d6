"""Work on many items, several of them under way at once; the results come in the order of the items.

Lanes are threads. Each takes the next item, works on it and puts the result down, so that one item's reading is done
while another is computed and a third one written. Nothing runs far ahead of who takes the results.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Condition, Event, Lock, Thread
from typing import Generic, TypeVar

ROOM = 256 << 20  # bytes of items under way: some dozens of usual images
AHEAD = 2  # items under way for each lane: one it works on, one that waits to be taken

_T = TypeVar("_T")
_R = TypeVar("_R")

Turn = AbstractContextManager[object]


@dataclass(frozen=True)
class Lanes:
    """How many lanes there are; 0: who takes a result works for it then. `apart`: they compute side by side, each
    after a call of `enter` in its thread; else what they do in their `Turn` is done one after another, in order."""

    count: int = 0
    apart: bool = False
    enter: Callable[[], object] = bool


def pipeline(
    items: Iterable[_T], work: Callable[[_T, Turn], _R], lanes: Lanes, weigh: Callable[[_T], int] = lambda _: 0
) -> Generator[_R, None, None]:
    """What `work(item, turn)` gives for each item. An error of either comes in the place of its result, and ends it.

    `weigh`: bytes an item takes until its result is taken; while all have `ROOM`, no other one is begun. Close the
    generator, or leave its loop, and the lanes end with what they are at.
    """
    line = _Line(items, work, lanes, weigh)
    if not line.start():
        for item in items:
            yield work(item, nullcontext())
        return
    atexit.register(line.close)  # of a generator that somebody still holds when the interpreter ends
    try:
        while (result := line.results.get()) is not None:
            yield result.get()
            line.room.leave()
    finally:
        line.close()
        atexit.unregister(line.close)


class _ClosedError(Exception):
    """Nothing more is wanted."""


class _Place(Generic[_R]):
    """Where the result of an item will be, or its error: of a Future what is needed, without its import."""

    def __init__(self) -> None:
        self._done = Lock()
        self._done.acquire()
        self._results: list[_R] = []
        self._error: BaseException | None = None

    def put(self, result: _R) -> None:
        self._results.append(result)
        self._done.release()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._done.release()

    def get(self) -> _R:
        """The result, once it is there; once only."""
        self._done.acquire()
        if self._error is not None:
            raise self._error
        return self._results.pop()


class _Line(Generic[_T, _R]):
    """The items that are under way. `results` holds what becomes of each, in order, and None behind the last."""

    def __init__(
        self, items: Iterable[_T], work: Callable[[_T, Turn], _R], lanes: Lanes, weigh: Callable[[_T], int]
    ) -> None:
        self._items, self._work, self._lanes, self._weigh = iter(items), work, lanes, weigh
        self.results: SimpleQueue[_Place[_R] | None] = SimpleQueue()
        self.room = _Room(AHEAD * lanes.count)
        self._taking = Lock()
        self._ended = False
        self._before = Event()  # set when the turn of the last item taken is over
        self._before.set()
        self._threads: list[Thread] = []

    def start(self) -> bool:
        """Begin, with fewer lanes where the system gives no more threads; whether there is any."""
        with suppress(RuntimeError):
            for i in range(self._lanes.count):
                thread = Thread(target=self._lane, name=f"lane-{i}", daemon=True)
                thread.start()
                self._threads.append(thread)
        return bool(self._threads)

    def close(self) -> None:
        """End all lanes, and wait for it."""
        self.room.close()
        for thread in self._threads:
            thread.join()

    def _lane(self) -> None:
        self._lanes.enter()
        while (taken := self._next()) is not None:
            item, result, turn = taken
            try:
                result.put(self._work(item, turn))
            except BaseException as error:
                result.fail(error)
            turn.over()

    def _next(self) -> tuple[_T, _Place[_R], _Turn] | None:
        """The next item, with the place of its result. The result of a list that breaks off is its error."""
        with self._taking:
            if self._ended:
                return None
            result = _Place[_R]()
            try:
                self.room.enter()
                item = next(self._items)
                self.room.load(self._weigh(item))
            except (StopIteration, _ClosedError):
                self._end()
            except BaseException as error:
                result.fail(error)
                self.results.put(result)
                self._end()
            else:
                self.results.put(result)
                turn = _Turn(self._before, self._lanes.apart, self.room)
                self._before = turn.done
                return item, result, turn
        return None

    def _end(self) -> None:
        self._ended = True
        self.results.put(None)


class _Turn(AbstractContextManager[object]):
    """The time in which an item alone computes, after that of the item `before`; `apart`: any time."""

    def __init__(self, before: Event, apart: bool, room: _Room) -> None:
        self._before, self._apart, self._room = before, apart, room
        self.done = Event()

    def __enter__(self) -> None:
        if not self._apart:
            self._before.wait()
        self._room.check()

    def __exit__(self, *_: object) -> None:
        self.done.set()

    def over(self) -> None:
        """Of an item that may have had no use for its turn."""
        if not self._apart:
            self._before.wait()
        self.done.set()


class _Room:
    """How many items are under way, `most` of them, and how many bytes they have."""

    def __init__(self, most: int) -> None:
        self._most, self._weights, self._closed = most, list[int](), False
        self._changed = Condition()

    def enter(self) -> None:
        """Begin an item, once there is a place for it. _ClosedError if nothing more is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._weights) < self._most)
            self.check()

    def load(self, weight: int) -> None:
        """It has so many bytes: wait until there is room for them, or nothing else is under way."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._weights or sum(self._weights) + weight <= ROOM)
            self.check()
            self._weights.append(weight)

    def leave(self) -> None:
        """The result of the first of them has been taken, and done with."""
        with self._changed:
            del self._weights[0]
            self._changed.notify_all()

    def check(self) -> None:
        """_ClosedError if nothing more is wanted."""
        if self._closed:
            raise _ClosedError

    def close(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
