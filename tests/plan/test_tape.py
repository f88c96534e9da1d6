"""The tape of a training step: whose delta is whose, how contributions add up, and what losses agree on."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet import CfgError
from pydarknet.backends.base import cpu_backend
from pydarknet.dialects import DEFAULT, dialect
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.plan.activations import ACTIVATIONS, SLOPE_OF_INPUT
from pydarknet.plan.plan import Value
from pydarknet.plan.shapes import Shape
from pydarknet.plan.tape import State, Tape, once_each

SHAPE = Shape(3, 2, 4)
BATCH = 2
SECTION = parse_cfg_text("[net]\nwidth=1\nheight=1\nchannels=1\n[softmax]\n", "a.cfg").sections[0]


def make() -> Tape:
    backend = cpu_backend()
    parameters = SimpleNamespace(value_of=lambda layer, name: name, update_of=lambda layer, name: name + "'")
    return Tape(backend, BATCH, SHAPE, parameters, dialect(DEFAULT), State())


def learnt(tape: Tape, blocked: bool = True) -> Value:
    """A value that some layer has written."""
    value = tape.new(SHAPE, blocked)
    tape.emit(lambda array: array.fill(0), value)
    return value


def layer(activation: str = "linear") -> Any:
    return SimpleNamespace(path="0", section=SECTION, activation=activation, parameters={})


def test_only_what_learns_wants_a_delta() -> None:
    tape = make()
    value = learnt(tape)
    assert not tape.wants_delta(tape.input)
    assert not tape.wants_delta(tape.blocked(tape.input))
    assert tape.wants_delta(value)
    assert tape.wants_delta(tape.plain(value))


@given(st.booleans(), st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5))
def test_contributions_add_up_in_whatever_layout_they_come(
    blocked: bool, contributions: list[tuple[bool, bool]]
) -> None:
    """Each from a reader of the value or of its copy in the other layout."""
    tape = make()
    value = learnt(tape, blocked)
    copy = tape.plain(value) if blocked else tape.blocked(value)
    for i, (own_layout, of_copy) in enumerate(contributions):
        delta = tape.new(SHAPE, blocked is own_layout)
        tape.emit(lambda array, number=2.0**i: array.fill(number), delta)
        tape.add_delta(copy if of_copy else value, delta)
    total = tape.delta(value)
    assert total is not None
    assert total.blocked is blocked
    plan = tape.finish({0: tape.plain(total)}, keep_all=False)
    plan.run()
    assert np.array_equal(plan.outputs[0], np.full((BATCH, *SHAPE), 2.0 ** len(contributions) - 1))


def test_the_first_contribution_is_the_delta() -> None:
    tape = make()
    value, delta = learnt(tape), learnt(tape)
    assert tape.delta(value) is None
    tape.add_delta(value, delta)
    assert tape.delta(value) is delta


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_keeps_its_input_only_where_the_slope_needs_it(activation: str) -> None:
    """Seen from outside: the delta through the tape is that of the op, from the input or from the output."""
    tape = make()
    x, which = learnt(tape), layer(activation)
    numbers = np.linspace(-3, 3, int(np.prod(x.dims)), dtype=np.float32)
    tape.emit(lambda array: np.copyto(array, numbers.reshape(array.shape)), x)
    y = tape.activate(which, x)
    dy = tape.new(SHAPE)
    tape.emit(lambda array: array.fill(1), dy)
    tape.activate_backward(which, y, dy)
    assert (y is x) is (activation not in SLOPE_OF_INPUT)
    plan = tape.finish({0: y, 1: dy}, keep_all=False)
    plan.run()
    ops = tape.ops
    before, slope = numbers.reshape(x.dims).copy(), np.ones(x.dims, np.float32)
    after = before.copy()
    if activation != "linear":
        ops.activate(after, ops.Activation(activation))
        ops.activate_backward(before if activation in SLOPE_OF_INPUT else after, slope, ops.Activation(activation))
    assert np.array_equal(plan.outputs[0], after)
    assert np.array_equal(plan.outputs[1], slope)


def test_losses_share_the_truth() -> None:
    tape = make()
    truth = tape.want_truth(layer(), (BATCH, 6), labels=3)
    other = tape.want_truth(layer(), (BATCH, 2, 3), labels=3)
    assert np.shares_memory(truth, other)
    assert (truth.shape, other.shape) == ((BATCH, 6), (BATCH, 2, 3))


def test_losses_that_disagree_on_the_truth_are_named() -> None:
    tape = make()
    tape.want_truth(layer(), (BATCH, 6), labels=3)
    with pytest.raises(CfgError, match=r"a\.cfg:5: \[softmax\].* expects 10 numbers of truth, an earlier loss 12"):
        tape.want_truth(layer(), (BATCH, 5), labels=3)
    with pytest.raises(CfgError, match="knows 4 classes, an earlier loss 3"):
        tape.want_truth(layer(), (BATCH, 6), labels=4)


def test_refreshing_is_no_step_of_the_plan() -> None:
    tape = make()
    calls: list[str] = []
    tape.refresh(calls.append, "weights")
    plan = tape.finish({}, keep_all=False)
    plan.run()
    assert calls == []
    for step in tape.refresh_steps:
        step()
    assert calls == ["weights"]


def test_parameters_are_those_that_learn() -> None:
    tape = make()
    assert tape.parameter(layer(), "biases") == "biases"
    assert tape.update_of(layer(), "biases") == "biases'"


def test_constants_of_a_tape_are_made_once_each() -> None:
    constant = once_each()
    made: list[str] = []
    for key in ("a", "b", "a"):
        constant((key,), partial(made.append, key))
    assert made == ["a", "b"]
