"""Reading the next pictures while the network works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def ahead(items: Iterable[_T], depth: int) -> Generator[_T, None, None]:
    """The items, computed up to `depth` of them ahead in a thread; 0: each when it is asked for."""
    iterator = iter(items)
    if not depth:
        yield from iterator
        return
    pending: deque[Future[list[_T]]] = deque()
    with ThreadPoolExecutor(1) as pool:

        def order() -> None:
            pending.append(pool.submit(lambda: list(islice(iterator, 1))))

        try:
            for _ in range(depth):
                order()
            while item := pending.popleft().result():
                order()
                yield item[0]
        finally:
            for future in pending:
                future.cancel()


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
