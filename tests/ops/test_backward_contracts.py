"""What holds for all gradients: checked arrays, empty batches, any thread count, spare lanes without meaning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays

Call = Callable[[Ops, np.ndarray, np.ndarray, np.ndarray, bool], None]
Shape = tuple[int, int, int]

C = 20
ONES = np.linspace(0.5, 2, C, dtype=np.float32)


def batchnorm(ops: Ops, x: np.ndarray, dy: np.ndarray, dx: np.ndarray, accumulate: bool) -> None:
    sums, leaky = (ONES.copy(), ONES.copy()), ops.Activation("leaky")
    ops.batchnorm_backward(x, ONES, ONES, ONES, ONES, dy, dx, *sums, 1e-6, False, 1e-5, False, C, leaky)


def activate(ops: Ops, x: np.ndarray, dy: np.ndarray, dx: np.ndarray, accumulate: bool) -> None:
    ops.activate_backward(x, dy, ops.Activation("leaky"))
    dx[...] = dy


# One call for each op, with x (2, 20, 6, 6) and dy of the given channels, height and width, both blocked. Of
# x only those that look at it take notice.
BLOCKED: dict[str, tuple[Call, Shape]] = {
    "activate_backward": (activate, (C, 6, 6)),
    "batchnorm_backward": (batchnorm, (C, 6, 6)),
    "batchnorm_backward, pooled": (batchnorm, (C, 3, 3)),
    "maxpool_backward": (lambda ops, x, dy, dx, add: ops.maxpool_backward(x, dy, dx, 3, 1, 2, add), (C, 6, 6)),
    "avgpool_backward": (lambda ops, x, dy, dx, add: ops.avgpool_backward(dy, dx, add), (C, 1, 1)),
    "local_avgpool_backward": (
        lambda ops, x, dy, dx, add: ops.local_avgpool_backward(dy, dx, 3, 1, 2, add), (C, 6, 6),
    ),
    "multiply_backward": (
        lambda ops, x, dy, dx, add: ops.multiply_backward(x, dy, dx, C, "number", add), (C, 6, 6),
    ),
    "upsample_backward": (lambda ops, x, dy, dx, add: ops.upsample_backward(dy, dx, 2, 1.0, add), (C, 12, 12)),
    "reorg_backward": (lambda ops, x, dy, dx, add: ops.reorg_backward(dy, dx, C, 2, add), (80, 3, 3)),
    "add_channels": (lambda ops, x, dy, dx, add: ops.add_channels(dy, dx, 3, 0, C, add), (C + 3, 6, 6)),
    "shortcut_backward": (
        lambda ops, x, dy, dx, add: ops.shortcut_backward(dy, None, dx, C, C, 1.0, 0.5, False, add), (C, 6, 6),
    ),
}  # fmt: skip
ACCUMULATING = sorted(BLOCKED.keys() - {"activate_backward", "batchnorm_backward", "batchnorm_backward, pooled"})
# Gradients of ops on plain arrays, sums, and those that pass on what they get, are tested in their own files.
ELSEWHERE = {
    "bias_backward",
    "depth_pool_backward",
    "dropout_backward",
    "l2norm_backward",
    "local_backward",
    "lrn_backward",
    "normalize_channels_backward",
}


def make(arrays: Arrays, name: str, n: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x, dy = rng.normal(size=(n, C, 6, 6)), rng.normal(size=(n, *BLOCKED[name][1]))
    return arrays.blocked(x, noise=1), arrays.blocked(dy, noise=1), arrays.empty_blocked(n, C, 6, 6)


def test_every_op_is_here(ops: Ops) -> None:
    named = {name for name in dir(ops) if name.endswith("_backward") and not name.startswith("conv_")}
    assert named <= BLOCKED.keys() | ELSEWHERE


@pytest.mark.parametrize("name", BLOCKED)
def test_threads_dont_change_a_bit(ops: Ops, arrays: Arrays, name: str) -> None:
    results = []
    for threads in (1, 3):
        ops.set_num_threads(threads)
        x, dy, dx = make(arrays, name)
        BLOCKED[name][0](ops, x, dy, dx, False)
        results.append(arrays.channels(dx, C))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", ACCUMULATING)
def test_accumulate_adds(ops: Ops, arrays: Arrays, name: str) -> None:
    x, dy, dx = make(arrays, name)
    BLOCKED[name][0](ops, x, dy, dx, False)
    once = arrays.channels(dx, C).copy()
    BLOCKED[name][0](ops, x, dy, dx, True)
    # Sums of several gradients round in another order.
    np.testing.assert_allclose(arrays.channels(dx, C), 2 * once, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BLOCKED)
def test_empty_batch(ops: Ops, arrays: Arrays, name: str) -> None:
    BLOCKED[name][0](ops, *make(arrays, name, n=0), False)


@pytest.mark.parametrize("name", BLOCKED)
def test_spare_lanes_dont_matter(ops: Ops, arrays: Arrays, name: str) -> None:
    results = []
    for noise in (0.0, 12345.0):
        x, dy, dx = make(arrays, name)
        for array, c in [(x, C), (dy, BLOCKED[name][1][0])]:
            array.transpose(0, 1, 4, 2, 3)[:, -1, (c - 1) % ops.block + 1 :] = noise
        BLOCKED[name][0](ops, x, dy, dx, False)
        results.append(arrays.channels(dx, C))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", BLOCKED)
def test_arrays_are_checked(ops: Ops, arrays: Arrays, name: str) -> None:
    x, dy, dx = make(arrays, name)
    call = BLOCKED[name][0]
    for wrong in (dy.astype(np.float64), None, dy[..., :1], np.concatenate([dy, dy])):
        with pytest.raises(ValueError, match=f"{name.partition(',')[0]}: argument "):
            call(ops, x, wrong, dx, False)
    if name != "activate_backward":
        dx.flags.writeable = False
        with pytest.raises(ValueError, match=f"{name.partition(',')[0]}: argument '.*': the array is read-only"):
            call(ops, x, dy, dx, False)


@pytest.mark.parametrize("name", ["bias_backward", "batchnorm_train", "local_backward"])
def test_threads_dont_change_a_sum(ops: Ops, arrays: Arrays, name: str) -> None:
    results = []
    for threads in (1, 3):
        ops.set_num_threads(threads)
        x, dy, dx = make(arrays, "maxpool_backward", n=5)
        total = np.zeros((4, C), np.float32)
        if name == "bias_backward":
            ops.bias_backward(dy, total[0], C)
        elif name == "batchnorm_train":
            ops.batchnorm_train(x, dx, *total, ONES, ONES, 1e-6, False, 0.9, C, ops.Activation("linear"))
        else:
            total = local_gradients(ops)
        results.append(np.asarray(total).copy())
    np.testing.assert_array_equal(*results)


def local_gradients(ops: Ops) -> np.ndarray:
    rng = np.random.default_rng(7)
    x, weights = (
        rng.normal(size=(2, 5, 4, 4)).astype(np.float32),
        rng.normal(size=(16, 3, 5, 3, 3)).astype(np.float32),
    )
    dx, dweights, dbiases = np.empty_like(x), np.zeros_like(weights), np.zeros((3, 4, 4), np.float32)
    ops.local_backward(
        x, weights, rng.normal(size=(2, 3, 4, 4)).astype(np.float32), dx, dweights, dbiases, 3, 1, 1, False
    )
    return np.concatenate([dx.ravel(), dweights.ravel(), dbiases.ravel()])
