"""The images of a list, the next ones read while the network works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Condition
from typing import TypeVar

from ..errors import ImageError
from .image import Picture, load_image

ROOM = 256 << 20  # bytes: some dozens of usual images

_T = TypeVar("_T")


@dataclass(frozen=True)
class ReadImage:
    """Image number `index` of the list, or why there is none."""

    index: int
    path: str
    image: Picture | None = None
    error: ImageError | None = None


def read_images(
    paths: Iterable[str], channels: int, depth: int, load: Callable[[str, int], Picture] = load_image
) -> Iterator[ReadImage]:
    """All images in their order for a network of so many channels, up to `depth` of them read ahead."""
    read = (_read(index, path, channels, load) for index, path in enumerate(paths))
    return ahead(read, depth, lambda each: 0 if each.image is None else each.image.nbytes)


def read_batches(paths: Iterable[str], size: int, channels: int) -> Iterator[list[ReadImage]]:
    """The same, `size` at a time, while the next ones are read."""
    return chunks(read_images(paths, channels, size + 1), size)


def good(chunk: Sequence[ReadImage]) -> list[Picture]:
    """Those that could be read."""
    return [each.image for each in chunk if each.image is not None]


def _read(index: int, path: str, channels: int, load: Callable[[str, int], Picture]) -> ReadImage:
    try:
        return ReadImage(index, path, load(path, channels))
    except ImageError as error:
        return ReadImage(index, path, error=error)


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
