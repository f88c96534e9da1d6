"""Every call of an op that a job makes, timed by itself: repeated in a graph, queued where it can't be recorded."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from gpu_networks import Job, clock_of
from gpu_time import REPEATS, Run, timed

from pydarknet.backends.base import Backend
from pydarknet.backends.device_ops import surround
from pydarknet.errors import DeviceError

GRAPHS = "PYDARKNET_CUDA_GRAPHS"


@dataclass(frozen=True)
class Key:
    """An op with what it works on; `geometry` and `algorithm` of a convolution."""

    op: str
    geometry: Any
    algorithm: str | None
    shapes: tuple[tuple[int, ...], ...]
    bytes: int


@dataclass(frozen=True)
class Call:
    """A call that a job makes `count` times, its seconds, and whether it was recorded in a graph."""

    key: Key
    count: int
    seconds: float
    recorded: bool

    @property
    def what(self) -> str:
        """In words: how often, which op, on what."""
        g, shapes = self.key.geometry, " ".join("x".join(map(str, shape)) for shape in self.key.shapes)
        if g is not None:
            shapes = f"{g.n}x{g.c}x{g.h}x{g.w} to {g.k} by {g.kernel_h}x{g.kernel_w}/{g.stride_y}"
            shapes += f" in {g.groups} groups" if g.groups > 1 else ""
        return f"{self.count} x {self.key.op} {shapes}"

    @property
    def flops(self) -> float:
        """Of a convolution; others are bound by memory."""
        return float(self.key.geometry.flops) if self.key.geometry and "pack" not in self.key.op else 0.0


class Recorder:
    """Ops that note their calls: how often each was made, and how to make it again."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self.counts: Counter[Key] = Counter()
        self.again: dict[Key, Run] = {}

    def __getattr__(self, name: str) -> Any:
        return surround(self._ops, name, self._recorded)

    def _recorded(self, name: str, op: Callable[..., Any], conv: Any) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            key = key_of(name, conv, args)
            self.counts[key] += 1
            self.again.setdefault(key, lambda: op(*args, **options))
            return op(*args, **options)

        return call


def key_of(name: str, conv: Any, args: tuple[Any, ...]) -> Key:
    """What tells one call from another; `conv` is the convolution whose method it is, or None."""
    arrays = [each for each in args if hasattr(each, "shape")]
    if name.startswith("conv_") and "pack" not in name:
        arrays = arrays[:-1]  # the workspace is the largest that any call needs
    geometry = None if conv is None else conv.shape
    algorithm = conv.algorithm if name == "conv_forward" else None
    shapes, moved = tuple(tuple(each.shape) for each in arrays), sum(each.nbytes for each in arrays)
    return Key(name, geometry, algorithm, shapes, moved)


def calls_of(job: Job, samples: int) -> Iterator[Call]:
    """The calls of one run, equal ones together, in the order in which they come."""
    backend = job.net.backend
    recorder = Recorder(backend.ops)
    try:
        with no_graphs():  # a graph is one call
            run = job.make(replace(backend, ops=recorder))
            run()  # what is done once, like packing weights, has been done
            recorder.counts.clear()
            run()
            backend.wait()
    finally:
        job.net.backend = backend
    for key, count in recorder.counts.items():
        seconds, recorded = seconds_of(backend, recorder.again[key], samples)
        yield Call(key, count, seconds, recorded)


def seconds_of(backend: Backend, call: Run, samples: int) -> tuple[float, bool]:
    """A call's time, and whether it was recorded: one that waits can't be."""
    clock = clock_of(backend)
    if backend.name.startswith("cuda:"):
        graph = backend.program([call] * REPEATS)  # type: ignore[list-item]
        try:
            return timed(graph, clock, samples) / REPEATS, True
        except DeviceError:
            backend.wait()
    return timed(call, clock, samples), False


@contextmanager
def no_graphs() -> Iterator[None]:
    """Inside, plans are run call by call."""
    before = os.environ.get(GRAPHS)
    os.environ[GRAPHS] = "0"
    try:
        yield
    finally:
        os.environ.pop(GRAPHS)
        if before is not None:
            os.environ[GRAPHS] = before
