"""Softmax: flat, in groups, per pixel and along trees."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.contents import Refused
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close
from tests.reference import softmax as naive


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.3, 5.0])
@pytest.mark.parametrize(
    ("shape", "groups", "spatial"),
    [((2, 1000, 1, 1), 1, False), ((3, 1, 1, 1), 1, False), ((2, 30, 1, 1), 6, False), ((2, 5, 3, 4), 4, False),
     ((2, 20, 13, 13), 1, True), ((1, 7, 5, 5), 7, True), ((2, 18, 3, 7), 3, True), ((1, 80, 1, 17), 2, True),
     ((1, 15, 1, 1), 1, True), ((1, 16, 1, 1), 1, True), ((1, 17, 1, 1), 1, True),
     ((2, 9000, 1, 1), 3000, False)],  # more groups than a grid on a device has blocks: they go round
)  # fmt: skip
def test_softmax(
    ops: Ops, arrays: Arrays, shape: tuple[int, ...], groups: int, spatial: bool, temperature: float, in_place: bool
) -> None:
    x = np.random.default_rng(1).normal(0, 4 * temperature, shape).astype(np.float32)
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*shape)
    ops.softmax_forward(source, y, groups, temperature, spatial)
    assert_close(y, naive.grouped(x, groups, temperature, spatial), "softmax")


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("h", "w"), [(1, 1), (3, 5), (17, 17)])
@pytest.mark.parametrize("sizes", [[1], [4], [1, 1, 1], [3, 20, 1, 149, 2, 16, 17]])
def test_tree(ops: Ops, arrays: Arrays, sizes: list[int], h: int, w: int, in_place: bool) -> None:
    x = np.random.default_rng(2).normal(0, 4, (2, sum(sizes), h, w)).astype(np.float32)
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*x.shape)
    ops.softmax_tree_forward(source, y, np.array(sizes, np.int32), 1.5)
    assert_close(y, naive.tree(x, sizes, 1.5), "softmax")


@pytest.mark.parametrize("spatial", [False, True])
@pytest.mark.parametrize("c", [3, 50])
def test_extreme_inputs(ops: Ops, arrays: Arrays, c: int, spatial: bool) -> None:
    x = np.full((1, c, 1, 1), -3e38, np.float32)
    x[0, 1] = 3e38
    y = arrays.empty(1, c, 1, 1)
    ops.softmax_forward(arrays.plain(x), y, 1, 1.0, spatial)
    assert y[0, 1, 0, 0] == 1
    assert y.sum() == 1
    ops.softmax_forward(arrays.plain(np.full((1, c, 1, 1), 1e30)), y, 1, 1.0, spatial)
    np.testing.assert_allclose(y, 1 / c, rtol=1e-6)


def test_nothing_to_do(ops: Ops, arrays: Arrays) -> None:
    for shape in [(0, 4, 2, 2), (2, 0, 2, 2), (2, 4, 0, 2)]:
        for spatial in (False, True):
            ops.softmax_forward(arrays.empty(*shape), arrays.empty(*shape), 1, 1.0, spatial)


@pytest.mark.parametrize(
    ("groups", "temperature", "spatial", "argument"),
    [(0, 1, False, "groups"), (7, 1, False, "groups"), (4, 1, True, "groups"), (1, 0, False, "temperature"),
     (1, -1, False, "temperature"), (1, np.nan, False, "temperature")],
)  # fmt: skip
def test_arguments(ops: Ops, arrays: Arrays, groups: int, temperature: float, spatial: bool, argument: str) -> None:
    x = arrays.empty(1, 6, 2, 2)
    with pytest.raises(ValueError, match=f"softmax_forward: argument '{argument}'"):
        ops.softmax_forward(x, arrays.empty(1, 6, 2, 2), groups, temperature, spatial)


@pytest.mark.contents
@pytest.mark.parametrize("sizes", [[], [5], [3, 4], [6, 0], [7, -1], [2**31 - 1, 7]])
def test_tree_arguments(ops: Ops, arrays: Arrays, refused: Refused, sizes: list[int]) -> None:
    x = arrays.empty(1, 6, 2, 2)
    with refused("softmax_tree_forward: argument 'group_sizes'"):
        ops.softmax_tree_forward(x, arrays.empty(1, 6, 2, 2), np.array(sizes, np.int32), 1.0)
