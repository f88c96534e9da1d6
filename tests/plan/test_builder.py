"""Plans from the steps that layers describe: what they compute, whatever shares memory."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.backends.base import cpu_backend
from pydarknet.plan.plan import Builder, Value
from pydarknet.plan.shapes import Shape
from pydarknet.plan.tape import once_each

SHAPE = Shape(3, 2, 4)
BATCH = 2


def make() -> Builder:
    return Builder(cpu_backend(), BATCH, SHAPE, once_each())


def mix(a: Any, b: Any, out: Any) -> None:
    """A step whose result tells its operands and their order."""
    np.subtract(2 * a, b, out=out)


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Steps that each mix two earlier values; 0 is the input."""
    length = draw(st.integers(1, 12))
    return [(draw(st.integers(0, i)), draw(st.integers(0, i))) for i in range(length)]


@given(programs(), st.sets(st.integers(1, 12)), st.booleans())
def test_outputs_are_those_of_steps_that_share_no_memory(
    program: list[tuple[int, int]], wanted: set[int], keep_all: bool
) -> None:
    builder = make()
    values = [builder.input]
    for a, b in program:
        values.append(builder.new(SHAPE, blocked=False))
        builder.emit(mix, values[a], values[b], values[-1])
    outputs = {i: values[i] for i in wanted | {len(program)} if i < len(values)}
    plan = builder.finish(outputs, keep_all)
    for seed in range(2):  # as good as new the second time
        image = np.random.default_rng(seed).random(plan.input.shape).astype(np.float32)
        plan.input[...] = image
        plan.run()
        expected = [image]
        for a, b in program:
            expected.append(2 * expected[a] - expected[b])
        assert np.array_equal(plan.input, image)  # outlives the run
        assert all(np.array_equal(plan.outputs[i], expected[i]) for i in outputs)


def test_a_value_is_converted_once_and_only_if_it_must_be() -> None:
    builder = make()
    blocked = builder.blocked(builder.input)
    assert builder.plain(builder.input) is builder.input
    assert builder.blocked(builder.input) is blocked
    assert builder.blocked(blocked) is blocked
    plan = builder.finish({0: builder.plain(blocked)}, keep_all=False)
    plan.input[...] = np.arange(plan.input.size).reshape(plan.input.shape)
    plan.run()
    assert np.array_equal(plan.outputs[0], plan.input)


def test_steps_share_scratch_memory_as_large_as_the_largest() -> None:
    builder = make()
    seen: list[Any] = []
    for floats in (7, 30, 5):
        builder.emit(seen.append, builder.workspace(floats))
    plan = builder.finish({}, keep_all=False)
    plan.run()
    assert [each.shape for each in seen] == [(30,)] * 3
    assert all(np.shares_memory(each, seen[0]) for each in seen)
    assert plan.bytes == plan.input.nbytes + seen[0].nbytes


def test_a_constant_is_made_once() -> None:
    builder = make()
    made: list[str] = []

    def constant(name: str) -> Any:
        return builder.constant((0, name), lambda: made.append(name) or np.zeros(3, np.float32))

    assert constant("a") is constant("a")
    assert constant("b") is not constant("a")
    assert made == ["a", "b"]


@pytest.mark.parametrize("images", [None, 5])
def test_a_value_has_the_images_of_the_batch_or_its_own(images: int | None) -> None:
    value = make().new(SHAPE, blocked=False, images=images)
    assert value.dims == (images or BATCH, 3, 2, 4)


def test_arrays_are_gone_with_the_plan() -> None:
    """At once, by reference counting, although steps may know the builder."""

    def used() -> weakref.ref[Any]:
        builder = make()
        builder.emit(lambda _: builder.batch, builder.input)
        return weakref.ref(builder.finish({}, keep_all=False).input)

    gc.disable()
    try:
        assert used()() is None
    finally:
        gc.enable()


def test_a_value_lives_from_its_first_step_to_its_last() -> None:
    builder = make()
    values = [builder.new(Shape(1, 1, 1), blocked=False) for _ in range(3)]
    for step in ((0, 1), (1,), (1, 2)):
        builder.emit(print, *(values[i] for i in step))

    def life(value: Value) -> tuple[int, int]:
        return value.first, value.last

    assert [life(each) for each in values] == [(0, 0), (0, 2), (2, 2)]
