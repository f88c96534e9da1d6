"""Softmax over some filters of a 1x1 convolution at some pixels: what the convolution and the softmax give there."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.contents import Refused, contents
from tests.lib.guarded import Arrays, sizes_around
from tests.lib.tolerances import FACTOR_EPSILON

F = np.float32


class Problem:
    """A convolution, and requests for runs of its filters: equal ones side by side and apart, of any size."""

    def __init__(self, ops: Ops, arrays: Arrays, channels: int, filters: int, requests: int, size: int = 3) -> None:
        rng = np.random.default_rng(channels + filters + requests)
        self.ops, self.filters = ops, filters
        self.x = rng.normal(size=(2, channels, size, size + 1)).astype(F)
        self.weights = (rng.normal(size=(filters, channels)) / channels**0.5).astype(F)
        self.bias = rng.normal(size=filters).astype(F)
        self.pixels = rng.integers(0, 2 * size * (size + 1), requests).astype(np.int32)
        ends = np.sort(rng.integers(0, filters, (requests, 2)), axis=1)
        ends[requests // 4 : requests // 2] = ends[requests // 4]
        self.first, self.sizes = ends[:, 0].astype(np.int32), ends[:, 1] - ends[:, 0] + 1
        self.starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.sizes)])
        self.blocked = arrays.blocked(self.x)
        self.values = arrays.empty(int(self.starts[-1]))

    def run(self, precision: str = "fp32") -> list[np.ndarray]:
        # As in a file: somewhere in memory, after a header.
        memory = np.zeros(self.weights.size + 5, F)
        weights = memory[5:].reshape(self.weights.shape)
        weights[...] = self.weights
        self.ops.pointwise_softmax(
            self.blocked, weights, self.bias, self.pixels, self.first, self.starts, self.values, precision
        )
        return np.split(self.values, self.starts[1:-1])

    def whole(self, arrays: Arrays) -> list[np.ndarray]:
        """The convolution of all filters and pixels, and softmax_forward on what was asked for of it."""
        n, c, h, w = self.x.shape
        conv = self.ops.Conv(self.ops.ConvShape(n, c, h, w, self.filters, 1, 1, 1, 1, 0, 0, 1), self.algorithm)
        packed, y = arrays.empty(conv.packed_size), arrays.empty_blocked(n, self.filters, h, w)
        conv.pack(np.ascontiguousarray(self.weights).reshape(self.filters, c, 1, 1), packed)
        conv.forward(
            self.blocked, packed, self.bias, y, self.ops.Activation("linear"), arrays.empty(conv.workspace())
        )
        logits = arrays.channels(y, self.filters).transpose(0, 2, 3, 1).reshape(-1, self.filters)
        found = []
        for pixel, first, size in zip(self.pixels, self.first, self.sizes, strict=True):
            run = logits[pixel, first : first + size]
            planes = np.ascontiguousarray(np.repeat(run[None, :, None, None], 2, axis=3))  # more than one pixel
            self.ops.softmax_forward(planes, planes, 1, 1.0, True)
            found.append(planes[0, :, 0, 0])
        return found

    @property
    def algorithm(self) -> str:
        return "implicit_fp32" if "tf32" in self.ops.precisions else "direct"

    def exact(self) -> list[np.ndarray]:
        columns = self.x.transpose(0, 2, 3, 1).reshape(-1, self.x.shape[1]).astype(np.float64)
        logits = columns @ self.weights.T.astype(np.float64) + self.bias
        rows = [logits[p, a : a + s] for p, a, s in zip(self.pixels, self.first, self.sizes, strict=True)]
        e = [np.exp(row - row.max()) for row in rows]
        return [each / each.sum() for each in e]


@pytest.mark.parametrize("requests", [1, 2, 40])
@pytest.mark.parametrize("channels", [1, 3, 4, 16, 37])
def test_bits_of_the_whole_convolution(cpu_ops: Ops, channels: int, requests: int) -> None:
    arrays = Arrays(cpu_ops.block)
    problem = Problem(cpu_ops, arrays, channels, 45, requests)
    for some, whole in zip(problem.run(), problem.whole(arrays), strict=True):
        np.testing.assert_array_equal(some, whole)
    arrays.check()


@pytest.mark.parametrize("filters", [1, 2, 31, 100])
def test_exact(ops: Ops, arrays: Arrays, filters: int) -> None:
    for channels in sizes_around(ops.block):
        problem = Problem(ops, arrays, channels, filters, 5)
        for some, exact in zip(problem.run(), problem.exact(), strict=True):
            np.testing.assert_allclose(some, exact, rtol=1e-5)  # logits of order 1, rounded `channels` times


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
def test_factors_are_rounded_as_the_convolution_rounds_them(device_ops: Ops, precision: str) -> None:
    arrays = Arrays(device_ops.block)
    problem = Problem(device_ops, arrays, 64, 45, 10)
    found = np.concatenate(problem.run(precision))
    error = np.abs(found / np.concatenate(problem.exact()) - 1).max()
    assert FACTOR_EPSILON[precision] / 10 < error < 6 * FACTOR_EPSILON[precision]


def test_threads_dont_change_a_bit(ops: Ops, arrays: Arrays) -> None:
    problem = Problem(ops, arrays, 37, 45, 33)
    results = []
    for threads in (1, 3):
        ops.set_num_threads(threads)
        results.append(np.concatenate(problem.run()))
    np.testing.assert_array_equal(*results)


def test_without_requests(ops: Ops) -> None:
    none, starts = np.zeros(0, np.int32), np.zeros(1, np.int64)
    x, values = np.zeros((1, 1, 2, 2, ops.block), F), np.zeros(0, F)
    ops.pointwise_softmax(x, np.zeros((3, 2), F), np.zeros(3, F), none, none, starts, values)


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"weights": np.zeros((4, 2), F)}, "weights"), ({"weights": np.zeros(6, F)}, "weights"),
     ({"weights": np.zeros((3, 99), F)}, "weights"), ({"weights": np.zeros((3, 2))}, "weights"),
     ({"filters": np.zeros(1, np.int32)}, "filters"), ({"pixels": np.zeros(2, np.int64)}, "pixels"),
     ({"starts": np.array([0, 3], np.int64)}, "starts"), ({"values": np.zeros(5)}, "values"),
     contents({"pixels": np.array([0, 4], np.int32)}, "pixels"),
     contents({"pixels": np.array([-1, 0], np.int32)}, "pixels"),
     contents({"filters": np.array([-1, 0], np.int32)}, "filters"),
     contents({"filters": np.array([0, 2], np.int32)}, "starts"),
     contents({"starts": np.array([0, 0, 5], np.int64)}, "starts"),
     contents({"starts": np.array([0, 3, 6], np.int64)}, "starts"),
     contents({"starts": np.array([-1, 2, 5], np.int64)}, "starts")],
)  # fmt: skip
def test_arguments(ops: Ops, refused: Refused, change: dict[str, object], argument: str) -> None:
    given = {"x": np.zeros((1, 1, 2, 2, ops.block), F), "weights": np.zeros((3, 2), F), "bias": np.zeros(3, F),
             "pixels": np.array([0, 3], np.int32), "filters": np.array([0, 1], np.int32),
             "starts": np.array([0, 3, 5], np.int64), "values": np.zeros(5, F)}  # fmt: skip
    ops.pointwise_softmax(**given)
    with refused(f"pointwise_softmax: argument '{argument}'"):
        ops.pointwise_softmax(**given | change)
