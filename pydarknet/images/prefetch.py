"""Reading the next images while the network works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Condition
from typing import TypeVar

ROOM = 256 << 20  # bytes: some dozens of usual images

_T = TypeVar("_T")


def ahead(items: Iterable[_T], depth: int, size: Callable[[_T], int] = lambda _: 0) -> Generator[_T, None, None]:
    """The items, computed up to `depth` of them ahead in a thread; 0: each when it is asked for.

    While those that wait have `ROOM` bytes or more, by `size`, no other one is begun.
    """
    iterator = iter(items)
    if not depth:
        yield from iterator
        return
    waiting = _Waiting()
    pending: deque[Future[list[_T]]] = deque()

    def compute() -> list[_T]:
        waiting.until_room()
        made = list(islice(iterator, 1))
        waiting.add(sum(map(size, made)))
        return made

    with ThreadPoolExecutor(1) as pool:
        try:
            for _ in range(depth):
                pending.append(pool.submit(compute))
            while item := pending.popleft().result():
                pending.append(pool.submit(compute))
                waiting.add(-size(item[0]))
                yield item[0]
        finally:
            for future in pending:
                future.cancel()
            waiting.close()


class _Waiting:
    """How many bytes the items have that wait to be taken."""

    def __init__(self) -> None:
        self._bytes, self._closed = 0, False
        self._changed = Condition()

    def add(self, count: int) -> None:
        with self._changed:
            self._bytes += count
            self._changed.notify_all()

    def until_room(self) -> None:
        """Wait while there is no room for another one. Whoever takes the items makes some."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._bytes < ROOM)

    def close(self) -> None:
        """Wake every waiting thread: nothing more is wanted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
