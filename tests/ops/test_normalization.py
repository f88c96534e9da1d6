"""[normalization], [l2norm], and shares of a sum: activations across channels, and weights of a [shortcut]."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.differences import assert_gradient
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close
from tests.reference import normalization as naive
from tests.reference.normalize_channels import backward as shares_backward
from tests.reference.normalize_channels import shares


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


# Shares

KINDS = ["relu", "softmax", "softmax_top"]
SHAPES = [(1, 1, 1, 1), (2, 7, 3, 5), (1, 33, 1, 17), (2, 4, 13, 13)]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_shares(ops: Ops, arrays: Arrays, shape: tuple[int, ...], kind: str, in_place: bool) -> None:
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    x[0, :, 0, 0] = -1  # nothing above 0
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*shape)
    ops.normalize_channels_forward(source, y, kind)
    assert_close(y, shares(x, 1, kind), "softmax")


def test_large_numbers_need_the_top(ops: Ops, arrays: Arrays) -> None:
    x, y = arrays.plain(np.array([100.0, 0, -100], np.float32).reshape(1, 3, 1, 1)), arrays.empty(1, 3, 1, 1)
    ops.normalize_channels_forward(x, y, "softmax_top")
    np.testing.assert_allclose(y.ravel(), [1 / 1.0001, 0, 0], rtol=1e-6, atol=1e-20)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_shares_backward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], kind: str) -> None:
    rng = np.random.default_rng(2)
    y = rng.uniform(0, 1, shape).astype(np.float32) * (rng.random(shape) < 0.6)
    dy = rng.normal(0, 1, shape).astype(np.float32)
    given = arrays.plain(dy)
    ops.normalize_channels_backward(arrays.plain(y), given, kind)
    np.testing.assert_allclose(given, shares_backward(y, dy, kind), rtol=1e-5, atol=2e-5)  # sums of up to 33 products


@pytest.mark.parametrize("kind", ["none", *KINDS])
@pytest.mark.parametrize(("terms", "channels"), [(1, 1), (2, 5), (3, 33), (9, 300)])
@pytest.mark.parametrize("each", [False, True])
def test_weights_of_a_shortcut(ops: Ops, arrays: Arrays, terms: int, channels: int, each: bool, kind: str) -> None:
    weights = np.random.default_rng(3).normal(0, 2, (terms, channels if each else 1)).astype(np.float32)
    scales = arrays.empty(terms, channels)
    ops.shortcut_weights(arrays.plain(weights), scales, terms, kind)
    assert_close(scales, np.broadcast_to(shares(weights, 0, kind), scales.shape), "softmax")


def test_shares_arguments(ops: Ops, arrays: Arrays) -> None:
    x, y = arrays.empty(1, 6, 2, 2), arrays.empty(1, 6, 2, 2)
    for call, name in [
        (lambda: ops.normalize_channels_forward(x, arrays.empty(1, 5, 2, 2), "relu"), "y"),
        (lambda: ops.normalize_channels_forward(x, y, "none"), "kind"),
        (lambda: ops.normalize_channels_backward(x, arrays.empty(1, 5, 2, 2), "relu"), "dy"),
        (lambda: ops.normalize_channels_backward(x, x, "relu"), "dy"),
        (lambda: ops.shortcut_weights(arrays.empty(3), arrays.empty(4), 3, "relu"), "scales"),
        (lambda: ops.shortcut_weights(arrays.empty(4), arrays.empty(6), 3, "relu"), "weights"),
        (lambda: ops.shortcut_weights(arrays.empty(3), arrays.empty(6), 0, "relu"), "terms"),
        (lambda: ops.shortcut_weights(arrays.empty(3), arrays.empty(6), 3, "max"), "kind"),
    ]:
        with pytest.raises(ValueError, match=f": argument '{name}'"):
            call()
