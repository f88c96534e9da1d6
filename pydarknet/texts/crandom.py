"""The numbers of the GNU C library's rand(), which Darknet draws: the same seed gives the same text."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

RAND_MAX = 2**31 - 1
F = np.float32
_LAGS, _FIRST = 31, 310  # an additive feedback generator; its first numbers are thrown away


def _one(at: int) -> npt.NDArray[np.uint64]:
    return np.eye(1, _LAGS, at, dtype=np.uint64).reshape(-1)


def _times(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The product of two polynomials modulo x^31 - x^28 - 1, their coefficients modulo 2^32."""
    whole = np.zeros(2 * _LAGS - 1, np.uint64)
    for i, factor in enumerate(a):
        whole[i : i + _LAGS] = (whole[i : i + _LAGS] + factor * b % 2**32) % 2**32
    for i in range(2 * _LAGS - 2, _LAGS - 1, -1):
        whole[[i - 3, i - _LAGS]] = (whole[[i - 3, i - _LAGS]] + whole[i]) % 2**32
    return whole[:_LAGS]


class CRandom:
    """What comes after `srand(seed)`."""

    def __init__(self, seed: int) -> None:
        word = (seed + 2**31) % 2**32 - 2**31 or 1
        words = [word]
        for _ in range(_LAGS - 1):
            low = abs(word) % 127773 * (1 if word >= 0 else -1)  # of C's division
            word = 16807 * low - 2836 * ((word - low) // 127773)
            word += RAND_MAX if word < 0 else 0
            words.append(word)
        self._words = deque(words[3:] + words[:3], _LAGS)
        for _ in range(_FIRST):
            self.rand()

    def rand(self) -> int:
        """The next number, 0..RAND_MAX."""
        word = (self._words[0] + self._words[-3]) % 2**32
        self._words.append(word)
        return word >> 1

    def skip(self, count: int) -> None:
        """Go on as if so many numbers had been drawn, at once: each is a sum of the last ones, so that the one after
        `count` is too, with the coefficients of x^count modulo x^31 - x^28 - 1."""
        power, square = _one(0), _one(1)
        while count:
            if count & 1:
                power = _times(power, square)
            square, count = _times(square, square), count >> 1
        known = list(self._words)
        for i in range(_LAGS):
            known.append((known[i] + known[i + 28]) % 2**32)
        window = np.array([known[i : i + _LAGS] for i in range(_LAGS)], np.uint64)
        self._words = deque((int(word) for word in (window * power).sum(1) % 2**32), _LAGS)

    def uniform(self) -> np.float32:
        """Darknet's `rand_uniform(0, 1)`."""
        return F(F(self.rand()) / F(RAND_MAX))

    def size(self) -> int:
        """Darknet's `rand_size_t()`, of 64 bits."""
        number = 0
        for _ in range(8):
            number = number << 8 | self.rand() & 0xFF
        return number
