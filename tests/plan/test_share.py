"""The liveness allocator: values that live at once never share memory, and it takes no more memory than it must."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.plan.plan import Buffer, Value, share
from pydarknet.plan.shapes import Shape


def value(size: int, first: int, steps: int, dtype: str = "uint8") -> Value:
    """A value of so many numbers, written by step `first` and read for the last time so many steps later."""
    return Value(Shape(size, 1, 1), False, (1, size, 1, 1), first, first + steps, dtype=dtype)


DTYPES = st.sampled_from(["float32", "float16", "uint8"])
VALUES = st.lists(st.builds(value, st.integers(1, 50), st.integers(0, 12), st.integers(0, 6), DTYPES), max_size=12)


def sizes(values: Sequence[Value]) -> list[int]:
    """In bytes."""
    return [math.prod(each.dims) * np.dtype(each.dtype).itemsize for each in values]


def total(buffers: Sequence[Buffer]) -> int:
    return sum(each.bytes for each in buffers)


@given(VALUES, st.booleans())
def test_values_that_live_at_once_never_share(values: list[Value], keep_all: bool) -> None:
    for buffer in share(values, keep_all):
        for one, other in combinations(buffer.values, 2):
            assert one.last < other.first or other.last < one.first


@given(VALUES, st.booleans())
def test_every_value_has_one_buffer_as_large_as_the_largest_of_its_values(
    values: list[Value], keep_all: bool
) -> None:
    buffers = share(values, keep_all)
    assert sorted(id(each) for buffer in buffers for each in buffer.values) == sorted(map(id, values))
    assert all(buffer.bytes == max(sizes(buffer.values)) for buffer in buffers)


@given(VALUES)
def test_memory_lies_between_what_lives_at_once_and_everything(values: list[Value]) -> None:
    alive = (sizes([v for v in values if v.first <= step <= v.last]) for step in range(20))
    assert max(map(sum, alive)) <= total(share(values, keep_all=False)) <= sum(sizes(values))


@given(VALUES)
def test_kept_values_have_memory_of_their_own(values: list[Value]) -> None:
    assert len(share(values, keep_all=True)) == len(values)


@given(st.integers(2, 30), st.integers(1, 50))
def test_a_chain_takes_two_buffers(length: int, size: int) -> None:
    chain = [value(size, step, 1) for step in range(length)]
    assert total(share(chain, keep_all=False)) == 2 * size


def test_values_that_no_step_writes_take_nothing() -> None:
    assert share([value(5, -1, 0)], keep_all=False) == []


def test_the_smallest_buffer_that_fits_is_taken() -> None:
    large, small, late = value(9, 0, 0), value(5, 0, 0), value(4, 1, 0)
    assert [each.values for each in share([large, small, late], keep_all=False)] == [[large], [small, late]]


def test_the_largest_buffer_grows_if_none_fits() -> None:
    large, small, late = value(9, 0, 0), value(5, 0, 0), value(10, 1, 0)
    buffers = share([large, small, late], keep_all=False)
    assert [(each.bytes, each.values) for each in buffers] == [(10, [large, late]), (5, [small])]
