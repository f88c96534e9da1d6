"""Batches for training, loaded ahead by threads: decoding and augmenting work outside the interpreter's lock.

What a batch holds depends on the samples alone, not on the number of threads or on how far ahead they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import numpy.typing as npt

from ..errors import DataError, ImageError
from .augment import Draw, Size
from .samples import Sample, Samples
from .tasks import Task
from .team import Share

Floats = npt.NDArray[np.float32]

TRIES = 10  # images that may be unreadable one after another


@dataclass(frozen=True)
class Batch:
    """x (N, channels, h, w), RGB in 0..1; truth (N, *truth_shape); the paths and what was drawn for each."""

    x: Floats
    truth: Floats
    paths: list[str]
    draws: list[Draw]


@dataclass(frozen=True)
class _Pending:
    number: int
    x: Floats
    truth: Floats
    loaded: list[Future[tuple[str, Draw]]]


class Loader:
    """An endless iterator of batches, those of its `share`; a context manager, which ends its threads.

    `size` is the network's (width, height), or a function that gives it for the number of a batch, from 0: then
    batches of a network that changes its size are made ahead as well. `images`: a function that gives how many images
    it has, at least `batch`, as which each counts. At most `ahead` batches wait or are being made, besides the one
    given out. `channels` are the network's. For an image that can't be read after training has begun, another is
    drawn, and `warn` is called with the reason (once a path).
    """

    def __init__(
        self,
        task: Task,
        paths: Sequence[str],
        samples: Samples,
        batch: int,
        size: Size | Callable[[int], Size],
        *,
        images: Callable[[int], int] | None = None,
        workers: int = 2,
        ahead: int = 2,
        channels: int = 3,
        share: Share | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        if len(paths) != samples.count:
            raise DataError(f"{len(paths)} images, but samples of {samples.count}")
        if min(batch, workers, ahead) < 1:
            raise DataError(f"batch={batch} workers={workers} ahead={ahead}: expected numbers above 0")
        self.task, self.paths, self.samples = task, paths, samples
        self.batch, self.size, self.ahead, self.channels = batch, size, ahead, channels
        self.share, self.warn, self.images = share or Share(), warn, images
        self._start, self._given = samples.taken, 0  # where its batches are counted from, and the next one's number
        self._bad: set[str] = set()  # what could not be read
        self._news: deque[str] = deque()  # the reasons not yet passed on
        self._pending: deque[_Pending] = deque()
        self._pool = ThreadPoolExecutor(workers, "pydarknet-loader")
        self._closed = False

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """The next batch. DataError or ImageError, with the path, if an image fails for good."""
        if self._closed:
            raise StopIteration
        self._fill()
        pending = self._pending[0]
        loaded = [future.result() for future in pending.loaded]
        self._pending.popleft()
        self._given = self.share.next(pending.number + 1)
        self.samples.take(self._start + self._given * self.batch - self.samples.taken)
        self._fill()
        self._tell()
        return Batch(pending.x, pending.truth, [path for path, _ in loaded], [draw for _, draw in loaded])

    def close(self) -> None:
        """End the threads; what they are doing is finished first."""
        self._closed = True
        self._drop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(self) -> None:
        while len(self._pending) < self.ahead:
            number = self._pending[-1].number + 1 if self._pending else self._given
            self._pending.append(self._begin(self.share.next(number)))

    def _begin(self, number: int) -> _Pending:
        """Have a batch made, the `number`-th of the run."""
        first = self._start + number * self.batch - self.samples.taken
        place = (self.samples.taken + first) // self.batch
        width, height = self.size(place) if callable(self.size) else self.size
        count = self.images(place) if self.images else self.batch
        try:
            x = np.empty((count, self.channels, height, width), np.float32)
            truth = np.empty((count, *self.task.truth_shape), np.float32)
        except MemoryError as error:
            raise DataError(
                f"out of memory for a batch of {count} images of {width}x{height}; "
                "use a smaller batch or more subdivisions"
            ) from error
        chosen = [self.samples.at(first + i % self.batch, turn=i // self.batch) for i in range(count)]
        return _Pending(
            number, x, truth, [self._pool.submit(self._load, each, x[i], truth[i]) for i, each in enumerate(chosen)]
        )

    def _load(self, sample: Sample, x: Floats, truth: Floats) -> tuple[str, Draw]:
        path, reason = self.paths[sample.image], ""
        for _ in range(TRIES):
            try:
                return path, self.task.load(path, sample.rng, x, truth)
            except (DataError, ImageError) as error:
                reason = str(error)
            if path not in self._bad:
                self._bad.add(path)
                self._news.append(reason)
            path = self.paths[sample.pool[int(sample.rng.integers(len(sample.pool)))]]
        raise DataError(f"{TRIES} images in a row can't be read; the last: {reason}")

    def _tell(self) -> None:
        """Warnings come in the caller's thread."""
        while self._news:
            reason = self._news.popleft()
            if self.warn:
                self.warn(f"{reason}; another image takes its place")

    def _drop(self) -> None:
        """Forget what was made ahead; nothing writes into it afterwards."""
        futures = [future for pending in self._pending for future in pending.loaded]
        self._pending.clear()
        for future in futures:
            future.cancel()
