"""Mini-batches of a text: many places in it, read on from step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .crandom import CRandom
from .symbols import Numbers

Floats = npt.NDArray[np.float32]


class Streams:
    """As many places in a text, which is a ring, as there are streams, each at random.

    `offsets` are where they are.
    """

    def __init__(self, text: Numbers, count: int, random: CRandom) -> None:
        self._text, self._random = text, random
        self.offsets = np.array([self._place() for _ in range(count)], np.int64)

    def next(self, steps: int, symbols: int) -> tuple[Floats, Floats]:
        """The next so many symbols of each stream, and those after them: rows of 0 with a 1 at the symbol's number,
        (steps * streams, symbols), all streams of one time after the other's."""
        at = (self.offsets + np.arange(steps)[:, None]).reshape(-1)
        length = len(self._text)
        self.offsets = (self.offsets + steps) % length
        rows = [np.zeros((len(at), symbols), np.float32) for _ in range(2)]
        for row, numbers in zip(rows, (self._text[at % length], self._text[(at + 1) % length]), strict=True):
            row[np.arange(len(at)), numbers] = 1
        return rows[0], rows[1]

    def jump(self, one_in: int) -> list[int]:
        """Let each stream go on elsewhere once in so many times; those that do, whose past is over."""
        jumped = []
        for stream in range(len(self.offsets)):
            if self._random.rand() % one_in == 0:
                self.offsets[stream] = self._place()
                jumped.append(stream)
        return jumped

    def _place(self) -> int:
        return self._random.size() % len(self._text)
