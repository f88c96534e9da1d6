"""[normalization] and [l2norm]."""

from __future__ import annotations

import numpy as np
import pytest
from guarded import Arrays
from reference import normalization as naive
from tolerances import assert_close

from pydarknet.ops import Ops


@pytest.mark.parametrize("size", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 7, 3, 5), (1, 3, 4, 4), (2, 32, 13, 13)])
def test_lrn(ops: Ops, arrays: Arrays, shape: tuple[int, ...], size: int) -> None:
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    y = arrays.empty(*shape)
    # Darknet's lost channel can make a sum negative; alpha and kappa keep the base of the power positive.
    ops.lrn_forward(arrays.plain(x), y, size, 1e-3, 0.75, 1.0)
    assert_close(y, naive.lrn(x, size, 1e-3, 0.75, 1.0), "lrn")


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 7, 3, 5), (2, 300, 4, 4), (1, 20, 1, 17)])
def test_l2norm(ops: Ops, arrays: Arrays, shape: tuple[int, ...], in_place: bool) -> None:
    x = np.random.default_rng(2).normal(0, 3, shape).astype(np.float32)
    x[0, :, 0, 0] = 0
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*shape)
    ops.l2norm_forward(source, y)
    assert_close(y, naive.l2norm(x), "l2norm")


def test_arguments(ops: Ops, arrays: Arrays) -> None:
    x = arrays.empty(1, 6, 2, 2)
    with pytest.raises(ValueError, match="lrn_forward: argument 'size'"):
        ops.lrn_forward(x, arrays.empty(1, 6, 2, 2), 0, 1e-4, 0.75, 1.0)
    with pytest.raises(ValueError, match="lrn_forward: argument 'y'"):
        ops.lrn_forward(x, x, 5, 1e-4, 0.75, 1.0)
    with pytest.raises(ValueError, match="l2norm_forward: argument 'y'"):
        ops.l2norm_forward(x, arrays.empty(1, 5, 2, 2))
