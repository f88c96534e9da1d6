"""Every call of an op that a job makes, timed by itself."""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gpu_networks import WARM, Job

from pydarknet.backend import Backend
from pydarknet.device_ops import STREAMED

Seconds = Callable[[], float]
Clock = Callable[[], Callable[[], Seconds]]  # starts; what it gives stops; what that gives tells, after waiting


@dataclass(frozen=True)
class Key:
    """An op with what it works on; `geometry` of a convolution."""

    op: str
    geometry: Any
    shapes: tuple[tuple[int, ...], ...]
    bytes: int


@dataclass(frozen=True)
class Call:
    """A call that a job makes `count` times, and the median of its seconds."""

    key: Key
    count: int
    seconds: float

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
    """Ops that note what they were called with and how long it took."""

    def __init__(self, ops: Any, clock: Clock) -> None:
        self._ops, self._clock = ops, clock
        self.calls: list[tuple[Key, Seconds]] = []

    def __getattr__(self, name: str) -> Any:
        op = getattr(self._ops, name)
        return self._recorded(name, op) if name in STREAMED else op

    def _recorded(self, name: str, op: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            stop = self._clock()
            result = op(*args, **options)
            seconds = stop()
            arrays = [each for each in args if hasattr(each, "shape")]
            if name.startswith("conv_") and "pack" not in name:
                arrays = arrays[:-1]  # the workspace is the largest that any call needs
            geometry = next((each for each in args if hasattr(each, "flops")), None)
            shapes, moved = tuple(tuple(each.shape) for each in arrays), sum(each.nbytes for each in arrays)
            self.calls.append((Key(name, geometry, shapes, moved), seconds))
            return result

        return call


def calls_of(job: Job, runs: int) -> Iterator[Call]:
    """The calls of one run, equal ones together, those that take longest first."""
    backend = job.net.backend
    recorder = Recorder(backend.ops, clock_of(backend))
    graphs = os.environ.get("PYDARKNET_CUDA_GRAPHS")
    os.environ["PYDARKNET_CUDA_GRAPHS"] = "0"  # a graph is one call
    try:
        run = job.make(replace(backend, ops=recorder))
        found: dict[Key, list[float]] = defaultdict(list)
        for i in range(WARM + runs):
            recorder.calls.clear()
            run()
            backend.wait()
            for key, seconds in recorder.calls if i >= WARM else ():
                found[key].append(seconds())
    finally:
        job.net.backend = backend
        os.environ.pop("PYDARKNET_CUDA_GRAPHS")
        if graphs is not None:
            os.environ["PYDARKNET_CUDA_GRAPHS"] = graphs
    calls = [Call(key, len(each) // runs, statistics.median(each)) for key, each in found.items()]
    yield from sorted(calls, key=lambda call: -call.seconds * call.count)


def clock_of(backend: Backend) -> Clock:
    """Events on the GPU's own clock; elsewhere the machine's."""
    if not backend.name.startswith("cuda:"):
        return host_clock
    events = backend.arrays.cuda

    def start() -> Callable[[], Seconds]:
        begin, end = events.Event(), events.Event()
        begin.record()

        def stop() -> Seconds:
            end.record()
            return lambda: float(events.get_elapsed_time(begin, end)) / 1e3

        return stop

    return start


def host_clock() -> Callable[[], Seconds]:
    """Where calls return when they are done."""
    begin = time.perf_counter()

    def stop() -> Seconds:
        seconds = time.perf_counter() - begin
        return lambda: seconds

    return stop
