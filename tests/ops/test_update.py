"""The optimisers' steps against float64, over several steps."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays

SIZES = [0, 1, 15, 17, 40009]


@pytest.mark.parametrize("size", SIZES)
def test_sgd(ops: Ops, arrays: Arrays, size: int) -> None:
    """Darknet's order: decay, step, momentum; the updates carry the momentum into the next sum of gradients."""
    rng = np.random.default_rng(1)
    start, *gradients = rng.normal(size=(4, size)).astype(np.float32)
    rate, momentum, decay = 0.01, 0.9, 0.05
    weights, updates = arrays.plain(start), arrays.plain(np.zeros(size))
    w, u = start.astype(np.float64), np.zeros(size)
    for gradient in gradients:
        updates += gradient
        ops.sgd_update(weights, updates, rate, momentum, decay)
        u += gradient
        u -= decay * w
        w += rate * u
        u *= momentum
    np.testing.assert_allclose(weights, w, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(updates, u, rtol=1e-6, atol=1e-6)


def test_sgd_without_decay_leaves_the_weights_out(ops: Ops, arrays: Arrays) -> None:
    weights, updates = arrays.plain(np.full(5, 8)), arrays.plain(np.full(5, 2))
    ops.sgd_update(weights, updates, 0.5, 0.25, 0.0)
    assert (weights == 9).all()
    assert (updates == 0.5).all()


@pytest.mark.parametrize("size", SIZES)
def test_adam(ops: Ops, arrays: Arrays, size: int) -> None:
    rng = np.random.default_rng(2)
    start, *gradients = rng.normal(size=(4, size)).astype(np.float32)
    rate, b1, b2, epsilon, decay = 0.01, 0.9, 0.999, 1e-7, 0.05
    weights, m, v = arrays.plain(start), arrays.plain(np.zeros(size)), arrays.plain(np.zeros(size))
    w, first, second = start.astype(np.float64), np.zeros(size), np.zeros(size)
    for t, gradient in enumerate(gradients, start=1):
        g = arrays.plain(gradient)
        ops.adam_update(weights, g, m, v, rate, b1, b2, epsilon, decay, t)
        assert not g.any()
        d = gradient - decay * w
        first, second = b1 * first + (1 - b1) * d, b2 * second + (1 - b2) * d**2
        w += rate * (first / (1 - b1**t)) / (np.sqrt(second / (1 - b2**t)) + epsilon)
    # 1 - 0.999 in float32 has a relative error of 1e-5, the same in the correction by t as Darknet has it.
    np.testing.assert_allclose(m, first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(v, second, rtol=5e-5, atol=1e-8)
    np.testing.assert_allclose(weights, w, rtol=1e-5, atol=1e-6)


def test_first_step_of_adam_has_the_length_of_its_rate(ops: Ops, arrays: Arrays) -> None:
    weights, zeros = arrays.plain(np.zeros(3)), [arrays.plain(np.zeros(3)) for _ in range(2)]
    ops.adam_update(weights, arrays.plain(np.array([5.0, -0.01, 1e3])), *zeros, 0.1, 0.9, 0.999, 1e-7, 0.0, 1)
    np.testing.assert_allclose(weights, [0.1, -0.1, 0.1], rtol=1e-4)


def test_arguments(ops: Ops, arrays: Arrays) -> None:
    w, short = arrays.empty(5), arrays.empty(4)
    with pytest.raises(ValueError, match="sgd_update: argument 'updates'"):
        ops.sgd_update(w, short, 1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="sgd_update: argument 'updates': must be an array of its own"):
        ops.sgd_update(w, w, 1.0, 1.0, 1.0)
    usual = {"gradients": arrays.empty(5), "m": arrays.empty(5), "v": arrays.empty(5), "beta1": 0.9, "beta2": 0.999,
             "t": 1, "rate": 0.1, "epsilon": 1e-7, "decay": 0.0}  # fmt: skip
    for name, value in [("gradients", short), ("m", short), ("v", short), ("beta1", 1.0), ("beta2", -0.1), ("t", 0)]:
        with pytest.raises(ValueError, match=f"adam_update: argument '{name}'"):
            ops.adam_update(w, **(usual | {name: value}))
