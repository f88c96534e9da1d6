"""Which image comes when, and the random numbers it gets: a function of the seed and the sample's number.

So nothing depends on how many threads load the images, and where a run stands is one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError

Order = Literal["darknet", "epochs"]
ORDERS = ("darknet", "epochs")

_SAMPLE, _EPOCH, _MIX = 0, 1, 2  # the families of random streams


@dataclass(frozen=True)
class Mix:
    """Of `boxes` + `classes` samples in a row so many are of the first `split` images, and of those behind them:
    in an order of its own each time, so that no mini-batch is always of one kind."""

    split: int
    boxes: int
    classes: int

    def __str__(self) -> str:
        return f"{self.boxes}:{self.classes}"

    @property
    def length(self) -> int:
        """Samples after which as many of each kind have come as the ratio says."""
        return self.boxes + self.classes


@dataclass(frozen=True)
class Sample:
    """The `number`-th sample of a run is image `image` of the list, one of `pool`; `rng` is for its
    augmentation."""

    number: int
    image: int
    rng: np.random.Generator
    pool: range


class Samples:
    """An endless row of samples from `count` images.

    Order `darknet` draws each from all, with replacement; `epochs` goes through all of them in a new order each
    time. With a `mix` there are two kinds of images, each with an order of its own.
    """

    def __init__(self, count: int, *, seed: int = 0, order: Order = "darknet", mix: Mix | None = None) -> None:
        if count < 1:
            raise DataError("there is no image to train on")
        if order not in ORDERS:
            raise DataError(f"the order of samples is one of {', '.join(ORDERS)}, not {order!r}")
        if seed < 0:
            raise DataError(f"seed={seed}: expected a number of at least 0")
        self.count, self.seed, self.order, self.mix = count, seed, order, mix
        self.taken = 0
        self._shuffled: dict[tuple[int, ...], tuple[int, npt.NDArray[np.int64]]] = {}

    def __getitem__(self, index: int) -> Sample:
        """The sample `index` places after the next one. Takes nothing."""
        return self.at(index)

    def at(self, index: int, turn: int = 0) -> Sample:
        """The sample `index` places after the next one; from turn 1 on another one in its place, drawn from all."""
        number = self.taken + index
        rng = self.stream(_SAMPLE, number, *([turn] if turn else []))
        pool, before = self._pool(number)
        if self.order == "darknet" or turn:
            place = int(rng.integers(len(pool)))
        else:
            of_classes = (1,) if pool.start else ()
            shuffled = self._permutation((_EPOCH, *of_classes), before // len(pool), len(pool))
            place = int(shuffled[before % len(pool)])
        return Sample(number, pool[place], rng, pool)

    def take(self, count: int) -> None:
        """Go on by `count` samples."""
        self.taken += count

    @property
    def epoch(self) -> float:
        """How often the images have been gone through."""
        return self.taken / self.count

    def stream(self, *key: int) -> np.random.Generator:
        """The random stream of that key, the same in each run with this seed."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def state(self) -> dict[str, Any]:
        """All there is to know, for JSON."""
        mix = None if self.mix is None else [self.mix.split, self.mix.boxes, self.mix.classes]
        return {"count": self.count, "seed": self.seed, "order": self.order, "taken": self.taken, "mix": mix}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken.

        DataError if the list has another length, or the mix is another, for then the same samples can't come again.
        """
        if state["count"] != self.count:
            raise DataError(
                f"the run that is resumed had {state['count']} images, this list has {self.count}; "
                "bring the list back, or start from the weights without resuming"
            )
        mix = state.get("mix")  # states of before there were any have none
        if mix != self.state()["mix"]:
            told = [f"mix {each}" if each else "no mix" for each in (mix and Mix(*mix), self.mix)]
            raise DataError(
                f"the run that is resumed had {told[0]}, here there is {told[1]}, or other lists; "
                "bring them back, or start from the weights without resuming"
            )
        if state.get("sequences") != self.state().get("sequences"):
            raise DataError(
                "the run that is resumed had other sequences (track, time_steps, augment_speed of [net]); bring them "
                "back, or start from the weights without resuming"
            )
        self.seed, self.order, self.taken = int(state["seed"]), state["order"], int(state["taken"])
        self._shuffled.clear()

    def _pool(self, number: int) -> tuple[range, int]:
        """The images that a sample is one of, and how many samples of these came before it."""
        mix = self.mix
        if mix is None:
            return range(self.count), number
        turn, place = divmod(number, mix.length)
        boxed = self._permutation((_MIX,), turn, mix.length) < mix.boxes
        if boxed[place]:
            return range(mix.split), turn * mix.boxes + int(boxed[:place].sum())
        return range(mix.split, self.count), turn * mix.classes + int((~boxed[:place]).sum())

    def _permutation(self, key: tuple[int, ...], turn: int, count: int) -> npt.NDArray[np.int64]:
        """The `turn`-th shuffle of that key; the newest is kept."""
        kept = self._shuffled.get(key)
        if kept is None or kept[0] != turn:
            kept = turn, self.stream(key[0], turn, *key[1:]).permutation(count)
            self._shuffled[key] = kept
        return kept[1]
