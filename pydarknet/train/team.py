"""The processes that train one network together. Here there is one; `pydarknet.scale` has those of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import basename
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from .samples import Samples
from .step import MiniBatch, Stepper

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Share:
    """Of each `of` mini-batches in a row a process computes `count`, from the `first` on."""

    first: int = 0
    count: int = 1
    of: int = 1

    def __contains__(self, number: int) -> bool:
        return self.first <= number % self.of < self.first + self.count

    def next(self, number: int) -> int:
        """The first of its mini-batches that does not come before this one."""
        return next(n for n in range(number, number + self.of) if n in self)


class Team:
    """What a trainer asks of the processes it is one of; a method that says `all` is called by all of them, in the
    same order. This is the team of one."""

    rank = 0
    size = 1
    updates = 1  # that an iteration makes, of all ranks together
    least = 1  # subdivisions that there must be

    @property
    def leads(self) -> bool:
        """Whether this one writes files: one of them does."""
        return self.rank == 0

    def turns(self, subdivisions: int) -> range:
        """Which mini-batches of its update this process computes. TrainingError if there are too few."""
        return range(subdivisions)

    def share(self, subdivisions: int) -> Share:
        """Which mini-batches of the run are its own."""
        return Share()

    def join(self, stepper: Stepper, facts: Mapping[str, Any]) -> None:
        """All, before the first iteration. TrainingError unless the facts are the same everywhere."""

    def bytes(self, stepper: Stepper) -> int:
        """Memory that it takes to share the gradients."""
        return 0

    def mini(self, stepper: Stepper, x: Floats, truth: Floats) -> MiniBatch:
        """One of its mini-batches."""
        return stepper.mini(x, truth)

    def combine(self, stepper: Stepper, minis: Sequence[MiniBatch]) -> Sequence[MiniBatch]:
        """All, before an update: sums of everybody's gradients; the mini-batches of all, in their order."""
        return minis

    def updated(self, stepper: Stepper) -> None:
        """All, after an update."""

    def settle(self, stepper: Stepper) -> None:
        """All, before parameters are measured or saved."""

    def any(self, asked: bool) -> bool:
        """All: whether anybody asks."""
        return asked


def facts(stepper: Stepper, samples: Samples, images: Sequence[str]) -> dict[str, Any]:
    """What those who train together must agree on, by name; where the files lie may differ."""
    backend = stepper.engine.backend
    return {
        "batch": stepper.batch,
        "subdivisions": stepper.subdivisions,
        "dialect": stepper.dialect.name,
        "optimiser": str(stepper.optimiser),
        "schedule": str(stepper.schedule),
        "images seen": stepper.state.seen,
        "samples": samples.state(),
        "images": crc32("\n".join(map(basename, images)).encode(errors="surrogateescape")),
        "kernels": f"{backend.isa}, {backend.precision}",
    }
