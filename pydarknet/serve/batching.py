"""Requests that come at once: each on a core of its own, or all through the network at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ..detection.options import DetectOptions
from ..graph.lanes import lanes_of
from ..images.image import read_encoded
from ..network import Network
from ..results.detections import Detections

Image = npt.NDArray[np.uint8]

_T = TypeVar("_T")


class BusyError(Exception):
    """As many requests wait as may."""


class _Decoded(NamedTuple):
    image: Image
    options: DetectOptions
    found: Future[Detections]


class Batcher:
    """Answers requests in lanes, which are threads. More than `waiting` requests are refused.

    With at least as many requests as the CPU has cores each core has one of them, from its file to its answer: none
    waits for others. Fewer, and all on a device, are decoded and answered side by side, but run through the network
    in turn, up to `batch` of them with the same options at a time, on all cores.
    """

    def __init__(self, network: Network, options: DetectOptions, *, batch: int, waiting: int) -> None:
        lanes = lanes_of(network, None, lazy=network.runs_lazily(options))
        self._network = network
        self._batch = batch
        self._most_waiting = waiting
        self._apart = lanes.apart
        self._count = lanes.count if lanes.apart else max(lanes.count, 2 * batch)  # a batch runs, one is decoded
        self._lanes = ThreadPoolExecutor(self._count, "pydarknet-lane", lanes.enter)
        self._turn = ThreadPoolExecutor(1, "pydarknet-detect")
        self._decoded: deque[_Decoded] = deque()
        self._unanswered = self._running = 0
        self._lock = Lock()

    def close(self) -> None:
        """End, with what is under way; what waits is cancelled."""
        self._lanes.shutdown(cancel_futures=True)
        self._turn.shutdown()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._unanswered - self._running

    async def answer(self, content: bytes, options: DetectOptions, finish: Callable[[Detections, str], _T]) -> _T:
        """What `finish` makes, in a lane, of the detections of an image's file, and of what is doubtful about it.
        ImageError; BusyError if too many requests wait."""
        if self.waiting >= self._most_waiting:
            raise BusyError
        self._unanswered += 1
        detect = self._detect_apart if self._apart and self._unanswered >= self._count else self._detect_in_turn
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._lanes, self._work, content, options, detect, finish)
        finally:
            self._unanswered -= 1

    def _work(
        self, content: bytes, options: DetectOptions, detect: Callable[[Image, DetectOptions], Detections],
        finish: Callable[[Detections, str], _T],
    ) -> _T:  # fmt: skip
        image, warning = read_encoded("the image", content, self._network.inputs.c)
        return finish(detect(image, options), warning)

    def _detect_apart(self, image: Image, options: DetectOptions) -> Detections:
        return self._detect([image], options)[0]

    def _detect_in_turn(self, image: Image, options: DetectOptions) -> Detections:
        found: Future[Detections] = Future()
        self._decoded.append(_Decoded(image, options, found))
        self._turn.submit(self._run_decoded)
        return found.result()

    def _run_decoded(self) -> None:
        """Run what has been decoded by now. There may be nothing left: a call comes for each image."""
        if not (requests := self._next()):
            return
        try:
            results = self._detect([each.image for each in requests], requests[0].options)
        except Exception as error:
            for each in requests:
                each.found.set_exception(error)
        else:
            for each, result in zip(requests, results, strict=True):
                each.found.set_result(result)

    def _next(self) -> list[_Decoded]:
        """The first that is decoded, and those behind it with the same options; as many as `batch`, or a power of 2,
        so that few plans are made."""
        count, most = 0, min(len(self._decoded), self._batch)
        while count < most and self._decoded[count].options == self._decoded[0].options:
            count += 1
        if 0 < count < self._batch:
            count = 1 << (count.bit_length() - 1)
        return [self._decoded.popleft() for _ in range(count)]

    def _detect(self, images: Sequence[Image], options: DetectOptions) -> list[Detections]:
        with self._lock:
            self._running += len(images)
        try:
            return self._network.detect(list(images), options=options, batch=len(images))
        finally:
            with self._lock:
                self._running -= len(images)
