"""Which picture comes when, and the random numbers it gets: a function of the seed and the sample's number.

So nothing depends on how many threads load the pictures, and where a run stands is one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError

Order = Literal["darknet", "epochs"]
ORDERS = ("darknet", "epochs")

_SAMPLE, _EPOCH = 0, 1  # the families of random streams


@dataclass(frozen=True)
class Sample:
    """The `number`-th sample of a run is picture `picture` of the list; `rng` is for its augmentation."""

    number: int
    picture: int
    rng: np.random.Generator


class Samples:
    """An endless row of samples from `count` pictures.

    Order `darknet` draws each from all, with replacement; `epochs` goes through all of them in a new order each
    time.
    """

    def __init__(self, count: int, *, seed: int = 0, order: Order = "darknet") -> None:
        if count < 1:
            raise DataError("there is no image to train on")
        if order not in ORDERS:
            raise DataError(f"the order of samples is one of {', '.join(ORDERS)}, not {order!r}")
        if seed < 0:
            raise DataError(f"seed={seed}: expected a number of at least 0")
        self.count, self.seed, self.order = count, seed, order
        self.taken = 0
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def __getitem__(self, index: int) -> Sample:
        """The sample `index` places after the next one. Takes nothing."""
        number = self.taken + index
        rng = self.stream(_SAMPLE, number)
        if self.order == "darknet":
            return Sample(number, int(rng.integers(self.count)), rng)
        return Sample(number, int(self._of_epoch(number // self.count)[number % self.count]), rng)

    def take(self, count: int) -> None:
        """Go on by `count` samples."""
        self.taken += count

    @property
    def epoch(self) -> float:
        """How often the pictures have been gone through."""
        return self.taken / self.count

    def stream(self, *key: int) -> np.random.Generator:
        """The random stream of that key, the same in each run with this seed."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def state(self) -> dict[str, Any]:
        """All there is to know, for JSON."""
        return {"count": self.count, "seed": self.seed, "order": self.order, "taken": self.taken}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken.

        DataError if the list has another length, for then the same samples can't come again.
        """
        if state["count"] != self.count:
            raise DataError(
                f"the run that is resumed had {state['count']} images, this list has {self.count}; "
                "bring the list back, or start from the weights without resuming"
            )
        self.seed, self.order, self.taken = int(state["seed"]), state["order"], int(state["taken"])
        self._epoch = -1

    def _of_epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch != self._epoch:
            self._permutation = self.stream(_EPOCH, epoch).permutation(self.count)
            self._epoch = epoch
        return self._permutation
