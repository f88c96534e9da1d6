"""Between NCHW and channel blocks: exact, for every channel count and plane size around a block."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays, sizes_around

PLANES = [(1, 1), (1, 3), (5, 3), (4, 4), (3, 5), (1, 17), (7, 9), (13, 13), (26, 26), (1, 257), (31, 37)]


@pytest.mark.parametrize(("h", "w"), PLANES)
def test_round_trip(ops: Ops, arrays: Arrays, h: int, w: int) -> None:
    rng = np.random.default_rng(1)
    for c in sizes_around(ops.block):
        x = rng.normal(size=(2, c, h, w)).astype(np.float32)
        blocked, back = arrays.empty_blocked(2, c, h, w), arrays.empty(2, c, h, w)
        ops.to_blocked(arrays.plain(x), blocked)
        np.testing.assert_array_equal(arrays.lanes(blocked)[:, :c], x)
        assert not arrays.lanes(blocked)[:, c:].any(), "spare lanes must be 0"
        ops.from_blocked(arrays.blocked(x), back)
        np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4), (2, 3, 0, 4), (2, 3, 4, 0)])
def test_nothing_to_do(ops: Ops, arrays: Arrays, shape: tuple[int, int, int, int]) -> None:
    ops.to_blocked(arrays.empty(*shape), arrays.empty_blocked(*shape))
    ops.from_blocked(arrays.empty_blocked(*shape), arrays.empty(*shape))


def test_wrong_shapes(ops: Ops, arrays: Arrays) -> None:
    with pytest.raises(ValueError, match="to_blocked: y must have"):
        ops.to_blocked(arrays.empty(1, 3, 4, 4), arrays.empty_blocked(1, 4 * ops.block, 4, 4))
    with pytest.raises(ValueError, match="from_blocked: x and y differ"):
        ops.from_blocked(arrays.empty_blocked(1, 3, 4, 4), arrays.empty(1, 3, 4, 5))
