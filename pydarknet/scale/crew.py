"""Actors of Ray that work on blocks: whoever is free gets the next one, and the results come in order.

Ray Data would do it too, but its scheduler alone takes half a processor, which a small machine doesn't have.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Any

from ..errors import DeviceError
from .cluster import first_line

PLACES = 2  # blocks that an actor has: one it works on, one that waits
AHEAD = 8  # blocks for each actor that may be under way, or wait for one before them
TRIES = 3


@dataclass(order=True)
class Block:
    """Number `number` of all, and how many actors have died with it."""

    number: int
    items: list[bytes] = field(compare=False)
    deaths: int = field(default=0, compare=False)


class Crew:
    """`count` actors that `start` starts, with methods `ready`, which is called first, and `find`.

    A new one takes a dead one's place, and its blocks are done again, unless too many die of them: DeviceError.
    """

    def __init__(self, ray: Any, start: Callable[[], Any], count: int) -> None:
        self._ray, self._start, self._count = ray, start, count
        self._ended: SimpleQueue[tuple[Any, Block | None, Future[Any]]] = SimpleQueue()
        self._actors: list[Any] = []
        self._free: list[Any] = []  # each as often as it has places
        self._again: list[Block] = []
        self._found: dict[int, Any] = {}
        self._begun = self._taken = self._deaths = 0
        self._all_begun = False

    def results(self, blocks: Iterable[list[bytes]]) -> Generator[Any, None, None]:
        """What `find` gives for each block, in their order; an error that it raises is raised here. Blocks are taken
        when there is a place for them. The actors end with it."""
        fresh = (Block(number, items) for number, items in enumerate(blocks))
        try:
            for _ in range(self._count):
                self._hire()
            while True:
                self._hand_out(fresh)
                if self._all_begun and self._taken == self._begun:
                    return
                self._hear(*self._ended.get())
                while self._taken in self._found:
                    yield self._found.pop(self._taken)
                    self._taken += 1
        finally:
            for actor in self._actors:
                self._ray.kill(actor)

    def _hire(self) -> None:
        actor = self._start()
        self._actors.append(actor)
        self._await(actor, None, actor.ready.remote())

    def _await(self, actor: Any, block: Block | None, ref: Any) -> None:
        ref.future().add_done_callback(lambda future: self._ended.put((actor, block, future)))

    def _hand_out(self, fresh: Iterator[Block]) -> None:
        """Give blocks to those who are free."""
        while self._free and (block := self._next(fresh)) is not None:
            actor = self._free.pop(0)
            self._await(actor, block, actor.find.remote(block.items))

    def _next(self, fresh: Iterator[Block]) -> Block | None:
        """The next block, unless too many wait for one before them."""
        if self._again:
            return heappop(self._again)
        if self._begun - self._taken >= AHEAD * self._count:
            return None
        block = next(fresh, None)
        self._all_begun = block is None
        self._begun += block is not None
        return block

    def _hear(self, actor: Any, block: Block | None, future: Future[Any]) -> None:
        """What has become of a block, or of an actor's start."""
        error = future.exception()
        if error is not None:
            self._replace(actor, block, error)
            return
        self._deaths = 0
        if block is not None:
            self._found[block.number] = future.result()
        if actor in self._actors:
            self._free += [actor] * (1 if block else PLACES)

    def _replace(self, actor: Any, block: Block | None, error: BaseException) -> None:
        """Go on without an actor that has died. Its errors, and DeviceError if there is no use in it."""
        kinds = self._ray.exceptions
        if isinstance(error, kinds.RayTaskError) or not isinstance(error, kinds.RayError):
            raise error
        if block is not None:
            block.deaths += 1
            heappush(self._again, block)
        if actor in self._actors:
            self._deaths += 1
            self._actors.remove(actor)
            self._free = [each for each in self._free if each is not actor]
            self._ray.kill(actor)
            self._hire()
        if self._deaths > TRIES * self._count or (block and block.deaths >= TRIES):
            raise DeviceError(f"workers of the Ray cluster die again and again{_of(block)}: {first_line(error)}")


def _of(block: Block | None) -> str:
    """What they die of."""
    if block is None:
        return ""
    first, last = (block.items[i].decode(errors="replace") for i in (0, -1))
    return f" over the images from {first} to {last}"
