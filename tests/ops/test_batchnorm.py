"""Batch normalisation of inference: one multiplication and one addition per channel."""

from __future__ import annotations

import numpy as np
import pytest
from guarded import Arrays, sizes_around
from tolerances import assert_close

from pydarknet.ops import Ops


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("h", "w"), [(1, 1), (5, 3), (13, 13)])
def test_scale_bias(ops: Ops, arrays: Arrays, h: int, w: int, in_place: bool) -> None:
    rng = np.random.default_rng(1)
    for c in sizes_around(ops.block):
        x = rng.uniform(-3, 3, (2, c, h, w)).astype(np.float32)
        scale, bias = rng.uniform(-3, 3, (2, c)).astype(np.float32)
        source = arrays.blocked(x)
        y = source if in_place else arrays.empty_blocked(2, c, h, w)
        ops.scale_bias(source, arrays.plain(scale), arrays.plain(bias), y)
        channel = (None, slice(None), None, None)
        expected = x.astype(np.float64) * scale[channel] + bias[channel]
        assert_close(arrays.channels(y, c), expected, "scale_bias")
        assert not arrays.lanes(y)[:, c:].any()


@pytest.mark.parametrize(("scales", "biases", "argument"), [(0, 0, "scale"), (99, 99, "scale"), (3, 2, "bias")])
def test_arguments(ops: Ops, arrays: Arrays, scales: int, biases: int, argument: str) -> None:
    x = arrays.empty_blocked(1, 3, 4, 4)
    with pytest.raises(ValueError, match=f"scale_bias: argument '{argument}'"):
        ops.scale_bias(x, arrays.empty(scales), arrays.empty(biases), x)
    with pytest.raises(ValueError, match="scale_bias: argument 'y'"):
        ops.scale_bias(x, arrays.empty(3), arrays.empty(3), arrays.empty_blocked(1, 3, 4, 5))
