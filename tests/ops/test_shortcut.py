"""[shortcut] with equal and different sizes and channels."""

from __future__ import annotations

import numpy as np
import pytest
from guarded import Arrays, sizes_around
from reference.shortcut import shortcut
from tolerances import assert_close

from pydarknet.ops import Ops


def run(
    ops: Ops, arrays: Arrays, x: np.ndarray, add: np.ndarray, alpha: float, beta: float, in_place: bool
) -> np.ndarray:
    source = arrays.blocked(x)
    y = source if in_place else arrays.empty_blocked(*x.shape)
    ops.shortcut_forward(source, arrays.blocked(add), y, x.shape[1], add.shape[1], alpha, beta)
    return arrays.channels(y, x.shape[1])


@pytest.mark.parametrize("in_place", [False, True])
def test_every_pair_of_channel_counts(ops: Ops, arrays: Arrays, in_place: bool) -> None:
    rng = np.random.default_rng(1)
    for c in sizes_around(ops.block):
        for add_c in sizes_around(ops.block):
            x = rng.uniform(-3, 3, (2, c, 3, 5)).astype(np.float32)
            add = rng.uniform(-3, 3, (2, add_c, 3, 5)).astype(np.float32)
            y = run(ops, arrays, x, add, 0.75, -1.5, in_place)
            assert_close(y, shortcut(x, add, 0.75, -1.5), "shortcut")
            np.testing.assert_array_equal(y[:, add_c:], x[:, add_c:])


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    ("size", "add_size"),
    [((4, 4), (8, 8)), ((8, 8), (4, 4)), ((5, 7), (2, 3)), ((2, 3), (5, 7)), ((6, 6), (2, 2)), ((1, 1), (4, 4)),
     ((5, 5), (4, 4)), ((4, 5), (5, 4))],
)  # fmt: skip
def test_different_sizes(
    ops: Ops, arrays: Arrays, size: tuple[int, int], add_size: tuple[int, int], in_place: bool
) -> None:
    rng = np.random.default_rng(2)
    c, add_c = ops.block + 3, ops.block + 1
    x = rng.uniform(-3, 3, (2, c, *size)).astype(np.float32)
    add = rng.uniform(-3, 3, (2, add_c, *add_size)).astype(np.float32)
    y = run(ops, arrays, x, add, 2.0, 0.5, in_place)
    assert_close(y, shortcut(x, add, 2.0, 0.5), "shortcut")


@pytest.mark.parametrize(
    ("add", "channels", "argument"),
    [((2, 3, 4, 4), (3, 3), "add"), ((1, 3, 8, 4), (3, 3), "add"), ((1, 3, 0, 4), (3, 3), "add"),
     ((1, 3, 4, 4), (99, 3), "channels_x"), ((1, 3, 4, 4), (3, -1), "channels_add")],
)  # fmt: skip
def test_arguments(
    ops: Ops, arrays: Arrays, add: tuple[int, int, int, int], channels: tuple[int, int], argument: str
) -> None:
    x, y = arrays.empty_blocked(1, 3, 4, 4), arrays.empty_blocked(1, 3, 4, 4)
    with pytest.raises(ValueError, match=f"shortcut_forward: argument '{argument}'"):
        ops.shortcut_forward(x, arrays.empty_blocked(*add), y, *channels, 1.0, 1.0)
