"""Requests that come at once run through the network at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..detection.options import DetectOptions
from ..network import Network
from ..results.detections import Detections

Image = npt.NDArray[np.uint8]


class BusyError(Exception):
    """As many requests wait as may."""


class _Request(NamedTuple):
    image: Image
    options: DetectOptions
    answer: asyncio.Future[Detections]


class Batcher:
    """Runs a network in one thread, which has all its threads to itself, on what waits: up to `batch` images with the
    same options at a time. More than `waiting` requests are refused."""

    def __init__(self, network: Network, *, batch: int, waiting: int) -> None:
        self._network = network
        self._batch = batch
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(waiting)
        self._thread = ThreadPoolExecutor(1, "pydarknet-detect")
        self._held: _Request | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take requests, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown(wait=True, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._queue.qsize()

    async def detect(self, image: Image, options: DetectOptions) -> Detections:
        """The detections of a BGR image. BusyError if too many requests wait."""
        answer: asyncio.Future[Detections] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Request(image, options, answer))
        except asyncio.QueueFull:
            raise BusyError from None
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            requests = await self._next()
            images = [each.image for each in requests]
            try:
                found = await loop.run_in_executor(self._thread, self._detect, images, requests[0].options)
                for request, result in zip(requests, found, strict=True):
                    if not request.answer.done():  # its client may be gone
                        request.answer.set_result(result)
            except Exception as error:
                for request in requests:
                    if not request.answer.done():
                        request.answer.set_exception(error)

    async def _next(self) -> list[_Request]:
        """The first that waits, and those behind it with the same options."""
        first = self._held or await self._queue.get()
        self._held = None
        requests = [first]
        while len(requests) < self._batch and not self._queue.empty():
            request = self._queue.get_nowait()
            if request.options != first.options:
                self._held = request
                break
            requests.append(request)
        return requests

    def _detect(self, images: Sequence[Image], options: DetectOptions) -> list[Detections]:
        return self._network.detect(list(images), options=options, batch=len(images))
