"""AlexeyAB's `track=1` of [net]: the list of images is a film, and networks with a memory learn from pieces of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dialects import Dialect
from ..errors import DataError, TrainingError
from ..graph.engine import Engine
from .samples import Order, Sample, Samples

MAX_SPEED = 1 << 20
_SEQUENCE = 3  # a family of random streams, beside those of Samples
_MOST = 2**31 - 1


@dataclass(frozen=True)
class Track:
    """`speed`: a sequence shows every image, or every second one, up to every so many-th. `parts`: as so many pieces
    the mini-batches of an update are seen, over each of which sequences go on; None: all by themselves. From each of
    the iterations `steps` on their number is `scales` times what it was.
    """

    speed: int
    parts: int | None = None
    steps: tuple[int, ...] = ()
    scales: tuple[float, ...] = ()

    def length(self, iteration: int, subdivisions: int) -> int:
        """Mini-batches over which a sequence goes on."""
        parts = subdivisions if self.parts is None else min(self.parts, subdivisions)
        for step, scale in zip(self.steps, self.scales, strict=True):
            if step <= iteration:
                parts = int(np.clip(np.float32(parts) * np.float32(scale), -_MOST, _MOST))
        return subdivisions // min(max(parts, 1), subdivisions)

    def check_ranks(self, subdivisions: int) -> None:
        """TrainingError if sequences go on from one mini-batch to the next, which may be another process's."""
        longest = max(self.length(iteration, subdivisions) for iteration in (0, *self.steps))
        if longest > 1:
            raise TrainingError(
                f"sequences go on over {longest} mini-batches (sequential_subdivisions), of which each rank computes "
                "some; take one process, or average weights instead (--sync)"
            )


def read_track(engine: Engine, dialect: Dialect) -> Track | None:
    """`track`, `augment_speed`, `sequential_subdivisions` and `seq_scales` of [net], for detectors; None: images come
    in no order. CfgError for what can't be together."""
    net = engine.cfg.net
    if not (dialect.mixing and engine.heads() and net.bool_("track", False)):
        return None
    for key in ("mosaic", "mixup", "dynamic_minibatch"):
        if net.bool_(key, False):
            raise net.error(
                f"{key}={net.str_(key)} beside track=1: expected {key}=0, images are frames of a film", key
            )
    speed = max(1, net.int_("augment_speed", 2, low=0, high=MAX_SPEED))
    parts = net.int_("sequential_subdivisions", 1, low=1) if net.has("sequential_subdivisions") else None
    if net.str_("policy", "constant") not in ("steps", "sgdr") or not net.has("seq_scales"):
        return Track(speed, parts)
    steps, scales = tuple(net.ints("steps")), tuple(net.floats("seq_scales"))
    if len(steps) != len(scales):
        raise net.error(f"steps has {len(steps)} numbers, seq_scales {len(scales)}; they go together", "seq_scales")
    return Track(speed, parts, steps, scales)


class Sequences(Samples):
    """Samples that are frames: a mini-batch has the first ones of its sequences, then the second ones, up to the
    `times`-th.

    There are as many as `streams` gives. Each begins at one of the `count` images, at random, and goes on past the
    last one at the first; its frames have the same random numbers, and so the same augmentation. `place` says over
    how many mini-batches before this one its sequences have come. DataError for another order than Darknet's.
    """

    def __init__(
        self, count: int, *, seed: int, order: Order, streams: Callable[[], int], times: int, speed: int,
        place: Callable[[int], int],
    ) -> None:  # fmt: skip
        super().__init__(count, seed=seed, order=order)
        if order != "darknet":
            raise DataError(f"order {order}: with track=1 sequences begin anywhere; expected order darknet")
        self.streams, self.times, self.speed, self.place = streams, times, speed, place

    def at(self, index: int, turn: int = 0) -> Sample:
        """The frame `index` places after the next one."""
        number, streams = self.taken + index, self.streams()
        frame, stream = divmod(number, streams)
        batch, time = divmod(frame, self.times)
        before = self.place(batch)
        rng = self.stream(_SEQUENCE, (batch - before) * streams + stream)
        start, speed = int(rng.integers(self.count)), int(rng.integers(1, self.speed, endpoint=True))
        shown = start + (before * self.times + time) * speed
        return Sample(number, shown % self.count, rng, range(self.count))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "sequences": [self.times, self.speed]}
