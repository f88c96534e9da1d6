"""Shares of a sum: activations across channels, and the weights of a weighted [shortcut]."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close
from tests.reference.normalize_channels import backward, shares

KINDS = ["relu", "softmax", "softmax_top"]
SHAPES = [(1, 1, 1, 1), (2, 7, 3, 5), (1, 33, 1, 17), (2, 4, 13, 13)]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_forward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], kind: str, in_place: bool) -> None:
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
def test_backward(ops: Ops, arrays: Arrays, shape: tuple[int, ...], kind: str) -> None:
    rng = np.random.default_rng(2)
    y = rng.uniform(0, 1, shape).astype(np.float32) * (rng.random(shape) < 0.6)
    dy = rng.normal(0, 1, shape).astype(np.float32)
    given = arrays.plain(dy)
    ops.normalize_channels_backward(arrays.plain(y), given, kind)
    np.testing.assert_allclose(given, backward(y, dy, kind), rtol=1e-5, atol=2e-5)  # sums of up to 33 products


@pytest.mark.parametrize("kind", ["none", *KINDS])
@pytest.mark.parametrize(("terms", "channels"), [(1, 1), (2, 5), (3, 33), (9, 300)])
@pytest.mark.parametrize("each", [False, True])
def test_weights_of_a_shortcut(ops: Ops, arrays: Arrays, terms: int, channels: int, each: bool, kind: str) -> None:
    weights = np.random.default_rng(3).normal(0, 2, (terms, channels if each else 1)).astype(np.float32)
    scales = arrays.empty(terms, channels)
    ops.shortcut_weights(arrays.plain(weights), scales, terms, kind)
    assert_close(scales, np.broadcast_to(shares(weights, 0, kind), scales.shape), "softmax")


def test_arguments(ops: Ops, arrays: Arrays) -> None:
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
