"""The C library's random numbers, one by one and many at once."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.texts.crandom import CRandom
from tests.parity.c_rand import CRand, seed


def of_c(count: int) -> list[int]:
    random = CRand()
    return [random.integers(2**31) for _ in range(count)]


@pytest.mark.parametrize("number", [0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1])
def test_numbers_of_the_c_library(number: int) -> None:
    seed(number)
    random = CRandom(number)
    assert [random.rand() for _ in range(400)] == of_c(400)


@pytest.mark.parametrize("count", [0, 1, 2, 30, 31, 32, 1000, 12345])
def test_many_at_once(count: int) -> None:
    seed(9)
    of_c(count)
    random = CRandom(9)
    random.skip(count)
    assert [random.rand() for _ in range(100)] == of_c(100)


def test_uniform_and_wide_numbers() -> None:
    seed(5)
    theirs, ours = CRand(), CRandom(5)
    assert [ours.uniform() for _ in range(9)] == [theirs.random() for _ in range(9)]
    seed(6)
    wide = np.array([n & 0xFF for n in of_c(8)], np.uint8)
    assert CRandom(6).size() == int.from_bytes(wide.tobytes(), "big")
