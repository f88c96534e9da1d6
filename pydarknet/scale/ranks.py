"""Processes that train one network together: as one process would, or in Darknet's way.

Both are deterministic: numbers of several ranks are added in the order of the ranks, whoever comes first.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Condition, Thread
from typing import Any, Protocol, TypeVar
from zlib import crc32

import numpy as np

from ..backends.base import Backend
from ..backends.ops import Array
from ..errors import TrainingError
from ..train.parameters import Segment
from ..train.step import MiniBatch, Stepper
from ..train.team import Floats, Share, Team

T = TypeVar("T")


class Link(Protocol):
    """What joins the ranks. Each method is called by all, in the same order."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, value: T) -> list[T]:
        """The values of all ranks, in their order; they are small."""
        ...

    def add(self, into: Array, terms: Sequence[Array], backend: Backend, wait: Callable[[int], object]) -> None:
        """`into`, of the backend, becomes the sum of all ranks' terms, the first rank's first. It begins at the end:
        before anything from number `start` on is touched, `wait(start)` waits until the terms are whole there."""
        ...


class Ranks(Team):
    """R processes that make of an update's mini-batches what one process makes of them.

    Each computes some that follow one another. Momentum, which lies in the same array as the gradients, is kept by
    rank 0, to which those of its mini-batches are added as in one process. `exact`: the others keep the gradient of
    each mini-batch, and all are added in the order of one process, so that the sums have its bits wherever a layer
    adds to its gradients once in a mini-batch. Without it a rank adds up its own first, which takes less memory.
    """

    def __init__(self, link: Link, exact: bool = True) -> None:
        self.link, self.rank, self.size, self.exact = link, link.rank, link.size, exact
        self.least = link.size
        self._rolling: Floats = np.empty(0, np.float32)
        self._shares: list[Floats] = []
        self._kept: list[Array] = []  # gradients of all but its last mini-batch
        self._spare: list[Array] = []
        self._adding: Future[None] | None = None

    def turns(self, subdivisions: int) -> range:
        """Shares that differ by at most one mini-batch; the first ranks have the larger ones."""
        if subdivisions < self.size:
            raise TrainingError(
                f"{self.size} ranks share the mini-batches of an update, of which there are {subdivisions}; start at "
                f"most {subdivisions} ranks, raise subdivisions in [net], or average weights instead (--sync)"
            )
        return range(*(-(-subdivisions * rank // self.size) for rank in (self.rank, self.rank + 1)))

    def share(self, subdivisions: int) -> Share:
        turns = self.turns(subdivisions)
        return Share(turns.start, len(turns), subdivisions)

    def join(self, stepper: Stepper, facts: Mapping[str, Any]) -> None:
        check_alike(self.link, {**facts, **fingerprints(stepper)})
        self._rolling = stepper.engine.backend.to_host(stepper.parameters.statistics).copy()
        self.updated(stepper)

    def bytes(self, stepper: Stepper) -> int:
        """The sum that comes from the rank before, and gradients that are kept."""
        kept = len(self.turns(stepper.subdivisions)) if self.exact else 1
        return 0 if self.leads else kept * int(stepper.parameters.updates.nbytes)

    def mini(self, stepper: Stepper, x: Floats, truth: Floats) -> MiniBatch:
        """With rolling statistics that start at 0: what is in them afterwards is this mini-batch's contribution. In
        the last one's way back the sums begin: what a layer has passed goes to the other ranks."""
        backend, statistics = stepper.engine.backend, stepper.parameters.statistics
        if self.exact and self._shares and not self.leads:
            self._keep(stepper)
        backend.write(statistics, np.zeros_like(self._rolling))
        if len(self._shares) + 1 < len(self.turns(stepper.subdivisions)) or backend.name.startswith("cuda"):
            mini = stepper.mini(x, truth)
        else:
            way = WayBack(stepper.segments)
            self._adding = started(lambda: self._add(stepper, way.wait))
            stepper.state.watch = way.passed
            mini = stepper.mini(x, truth)
            stepper.state.watch = None
            way.passed(-1)
        self._shares.append(backend.to_host(statistics).copy())
        return mini

    def combine(self, stepper: Stepper, minis: Sequence[MiniBatch]) -> Sequence[MiniBatch]:
        if self._adding is None:
            self._add(stepper, bool)
        else:
            self._adding.result()
        self._adding, self._spare, self._kept = None, self._kept, []
        gathered = self.link.gather((minis, self._shares))
        kept = np.float64(stepper.dialect.norm.rolling)
        for _, shares in gathered:
            for share in shares:  # in double, as the op does it
                self._rolling = (kept * self._rolling + share).astype(np.float32)
        self._shares = []
        stepper.engine.backend.write(stepper.parameters.statistics, self._rolling)
        return [mini for theirs, _ in gathered for mini in theirs]

    def _add(self, stepper: Stepper, wait: Callable[[int], object]) -> None:
        updates = stepper.parameters.updates
        self.link.add(updates, [*self._kept, updates], stepper.engine.backend, wait)

    def updated(self, stepper: Stepper) -> None:
        """The momentum stays with rank 0: the others begin their sums at 0."""
        if not self.leads:
            stepper.parameters.updates.fill(0)

    def _keep(self, stepper: Stepper) -> None:
        """Put the gradient so far aside, and begin at 0."""
        backend, updates = stepper.engine.backend, stepper.parameters.updates
        kept = self._spare.pop() if self._spare else backend.empty(updates.shape)
        backend.write(kept, updates)
        self._kept.append(kept)
        updates.fill(0)

    def any(self, asked: bool) -> bool:
        return any(self.link.gather(asked))


class Averaged(Team):
    """Darknet's training on several GPUs: every rank makes updates of its own, of as many images as the cfg says, and
    every `every` iterations the parameters of all are averaged. An iteration counts as one of each rank, the learning
    rate is multiplied by their number. Momentum and rolling statistics are each rank's own; rank 0's are saved.
    """

    def __init__(self, link: Link, every: int) -> None:
        self.link, self.rank, self.size, self.every = link, link.rank, link.size, every
        self.updates = link.size
        self._made = 0

    def share(self, subdivisions: int) -> Share:
        return Share(self.rank * subdivisions, subdivisions, self.size * subdivisions)

    def join(self, stepper: Stepper, facts: Mapping[str, Any]) -> None:
        check_alike(self.link, {**facts, **fingerprints(stepper)})
        rate = stepper.schedule.learning_rate * self.size
        stepper.schedule = replace(stepper.schedule, learning_rate=rate)

    def combine(self, stepper: Stepper, minis: Sequence[MiniBatch]) -> Sequence[MiniBatch]:
        stepper.state.seen += (self.size - 1) * stepper.batch
        return [mini for theirs in self.link.gather(minis) for mini in theirs]

    def updated(self, stepper: Stepper) -> None:
        self._made += 1
        if self._made % self.every == 0:
            self.settle(stepper)

    def settle(self, stepper: Stepper) -> None:
        """Average the parameters."""
        values = stepper.parameters.values
        self.link.add(values, [values], stepper.engine.backend, bool)
        values *= np.float32(1 / self.size)
        stepper.refresh()

    def any(self, asked: bool) -> bool:
        return any(self.link.gather(asked))


class WayBack:
    """A mini-batch's way back through the layers, and what of the flat array of gradients is whole by then. Whoever
    watches calls `passed` after each layer, and with -1 in the end."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._starts, self._layers = [each.start for each in segments], [each.index for each in segments]
        self._passed = 1 << 30
        self._changed = Condition()

    def passed(self, layer: int) -> None:
        """The way back has come to this layer."""
        with self._changed:
            self._passed = layer
            self._changed.notify_all()

    def wait(self, start: int) -> None:
        """Until all from number `start` on is whole."""
        at = bisect(self._starts, start) - 1
        layer = self._layers[at] if at >= 0 else -1
        with self._changed:
            self._changed.wait_for(lambda: self._passed <= layer)


def started(work: Callable[[], None]) -> Future[None]:
    """The work, in a thread that no error keeps waiting for."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
            future.set_result(None)
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True, name="pydarknet-sums").start()
    return future


def check_alike(link: Link, facts: Mapping[str, Any]) -> None:
    """TrainingError unless all ranks say the same of each fact."""
    gathered = link.gather(dict(facts))
    for name, value in gathered[0].items():
        other = next((rank for rank, theirs in enumerate(gathered) if theirs[name] != value), None)
        if other is not None:
            raise TrainingError(
                f"the ranks differ in {name}: {value} on rank 0, {gathered[other][name]} on rank {other}. All need "
                "the same cfg, weights, lists of images, version, and to resume the same backup folder; with "
                "processors of different kinds set PYDARKNET_ISA to what all of them run"
            )


def fingerprints(stepper: Stepper) -> dict[str, int]:
    """Checksums of the parameters and what moves them."""
    p, host = stepper.parameters, stepper.engine.backend.to_host
    arrays = {"parameters": p.values, "momentum": p.updates, "rolling statistics": p.statistics}
    return {name: crc32(host(array).data) for name, array in arrays.items()}
