"""The checksum of bytes, by which files are known again."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet import _cpuid
from pydarknet.backends.base import cpu_backend
from pydarknet.backends.isas import runnable

ROW, CHUNK = 256, 1 << 18
SIZES = [0, 1, 3, 4, ROW - 1, ROW, ROW + 1, CHUNK - 1, CHUNK, CHUNK + 5, 9 * CHUNK + 77]


def data(size: int) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, size, np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_all_instruction_sets_and_numbers_of_threads_give_the_same(size: int) -> None:
    sums = set()
    for isa in runnable(_cpuid.best()):
        ops = cpu_backend(isa).ops
        before = ops.num_threads()
        for threads in (1, 2, 7):
            ops.set_num_threads(threads)
            sums.add(ops.checksum(data(size)))  # type: ignore[attr-defined]
        ops.set_num_threads(before)
    assert len(sums) == 1


@pytest.mark.parametrize("size", SIZES)
def test_what_differs_has_another(size: int) -> None:
    checksum = cpu_backend().ops.checksum  # type: ignore[attr-defined]
    x = data(size)
    others = [np.append(x, np.uint8(0)), x[:-1]]
    for at in {0, size // 3, size - 1} if size else ():
        changed = x.copy()
        changed[at] ^= 64
        others.append(changed)
    if size > 2 * ROW:
        swapped = x.copy()
        swapped[:ROW], swapped[ROW : 2 * ROW] = x[ROW : 2 * ROW], x[:ROW]
        others += [swapped, x[ROW:], np.roll(x, 4)]
    sums = [checksum(np.ascontiguousarray(each)) for each in others if len(each) or size]
    assert checksum(x) not in sums
    assert len(set(sums)) == len(sums)


def test_zeros_differ_by_their_number() -> None:
    sums = {cpu_backend().ops.checksum(np.zeros(size, np.uint8)) for size in range(600)}  # type: ignore[attr-defined]
    assert len(sums) == 600


def test_other_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="checksum: argument 'data'"):
        cpu_backend().ops.checksum(np.zeros(4, np.float32))  # type: ignore[attr-defined]
