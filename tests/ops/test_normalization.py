"""[normalization] and [l2norm]."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close
from tests.reference import normalization as naive


@pytest.mark.parametrize("size", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 7, 3, 5), (1, 3, 4, 4), (2, 32, 13, 13)])
def test_lrn(ops: Ops, arrays: Arrays, shape: tuple[int, ...], size: int) -> None:
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    y = arrays.empty(*shape)
    # Darknet's lost channel can make a sum negative; alpha and kappa keep the base of the power positive.
    ops.lrn_forward(arrays.plain(x), y, size, 1e-3, 0.75, 1.0)
    assert_close(y, naive.lrn(x, size, 1e-3, 0.75, 1.0), "lrn")


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    "shape",
    # The last one has more images than a grid on a device has blocks: they go round.
    [(1, 1, 1, 1), (2, 7, 3, 5), (2, 300, 4, 4), (1, 20, 1, 17), (5000, 3, 1, 1)],
)
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


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("size", [1, 4, 5])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 7, 3, 5), (2, 32, 13, 13)])
def test_lrn_backward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], size: int, accumulate: bool) -> None:
    rng = np.random.default_rng(3)
    x, dy = rng.normal(0, 3, (2, *shape)).astype(np.float32)
    gradient = arrays.plain(dy)
    dx = gradient if accumulate else arrays.empty(*shape)
    ops.lrn_backward(arrays.plain(x), gradient, dx, size, 1e-3, 0.75, 1.0, accumulate)
    assert_close(dx, naive.lrn_backward(x, dy, size, 1e-3, 0.75, 1.0) + dy * accumulate, "lrn")


def test_lrn_backward_is_the_derivative_of_held_norms() -> None:
    rng = np.random.default_rng(4)
    x, dy = rng.normal(size=(2, 1, 6, 2, 3))
    factors = naive.lrn_factors(x, 5, 1e-2, 0.75, 1.0)
    assert_gradient(naive.lrn_backward(x, dy, 5, 1e-2, 0.75, 1.0), lambda x: x * factors, x, dy)
    # With a small alpha it is near the whole derivative too.
    near = naive.lrn_backward(x, dy, 5, 1e-8, 0.75, 1.0)
    assert_gradient(near, lambda x: naive.lrn(x, 5, 1e-8, 0.75, 1.0), x, dy)


def test_lrn_backward_arguments(ops: Ops, arrays: Arrays) -> None:
    x, dy, dx = (arrays.empty(1, 6, 2, 2) for _ in range(3))
    for name, given in [
        ("dy", (x, arrays.empty(1, 5, 2, 2), dx, 5)), ("dx", (x, dy, arrays.empty(1, 5, 2, 2), 5)),
        ("dx", (x, dy, x, 5)), ("size", (x, dy, dx, 0)),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"lrn_backward: argument '{name}'"):
            ops.lrn_backward(*given, 1e-4, 0.75, 1.0, False)
