"""Convolutions whose number of threads changes between plan and run: any workspace that was asked for serves."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.lib.convolutions import ANY_SIZE, convolve
from tests.lib.guarded import Arrays
from tests.lib.tolerances import conv_tolerance
from tests.reference.conv import conv

THREADS = (1, 2, 3, 4, 6, 8)


def shapes(ops: Any) -> list[Any]:
    """Layers of published networks and around them, small and large beside their weights."""
    sizes, batches, channels = (4, 7, 13, 20, 26, 28, 38, 52), (1, 2, 3, 4, 8), (16, 32, 64, 128, 256)
    cases = itertools.product(sizes, batches, channels, (1, 2), ((3, 1), (3, 2), (1, 1), (5, 1)))
    return [ops.ConvShape(n, c, size, size, double * c, kernel, kernel, stride, stride, kernel // 2, kernel // 2)
            for size, n, c, double, (kernel, stride) in cases]  # fmt: skip


def forward_needs(ops: Any, shape: Any) -> dict[str, int]:
    plain = (ops.ConvShape(shape.n, 3, shape.h, shape.w, shape.k, 3, 3, 1, 1, 1, 1), True)
    return {
        f"{algorithm} of {s}": ops.Conv(s, algorithm).workspace()
        for s, is_plain in ((shape, False), plain)
        for algorithm in s.algorithms(ANY_SIZE, is_plain)
    }


def gradient_needs(ops: Any, shape: Any) -> dict[str, int]:
    needs = {f"data by {algorithm} of {shape}": ops.ConvDgrad(shape, algorithm).workspace()
             for algorithm in shape.dgrad_algorithms(ANY_SIZE)}  # fmt: skip
    return needs | {f"weights of {shape}": ops.ConvWgrad(shape).workspace()}


@pytest.mark.parametrize("needs", [forward_needs, gradient_needs])
def test_workspace_for_many_threads_is_enough_for_fewer(cpu_ops: Any, needs: Any) -> None:
    for shape in shapes(cpu_ops):
        before: dict[str, int] = {}
        for threads in THREADS:
            cpu_ops.set_num_threads(threads)
            needed = needs(cpu_ops, shape)
            short = {key: (floats, before[key]) for key, floats in needed.items() if floats < before.get(key, 0)}
            assert not short, f"{threads} threads ask for less than fewer: {short}"
            before = needed


# The first three alone need less on two threads than on one: with blocks of 4, 8 and 16 lanes.
RUNS = [(3, 64, 20, 20, 128, 3), (2, 64, 26, 26, 128, 3), (8, 16, 38, 38, 16, 3), (1, 48, 13, 13, 64, 1)]


@pytest.mark.parametrize("numbers", RUNS)
@pytest.mark.parametrize("planned", [1, 2, 3, 5])
def test_any_number_of_threads_runs_in_a_planned_workspace(
    cpu_ops: Any, numbers: tuple[int, ...], planned: int
) -> None:
    ops, (n, c, h, w, k, kernel) = cpu_ops, numbers
    shape = ops.ConvShape(n, c, h, w, k, kernel, kernel, 1, 1, kernel // 2, kernel // 2)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, h, w), np.float32)
    weights = rng.standard_normal((k, c, kernel, kernel), np.float32)
    expected = conv(x, weights, None, pad=(kernel // 2, kernel // 2))
    for algorithm in shape.algorithms(ANY_SIZE):
        arrays = Arrays(ops.block)
        ops.set_num_threads(planned)
        made = ops.Conv(shape, algorithm)
        workspace, packed = arrays.empty(made.workspace()), arrays.empty(made.packed_size)
        made.pack(weights, packed)
        for threads in (1, 2, 3, 8):
            ops.set_num_threads(threads)
            y = arrays.empty_blocked(n, k, h, w)
            made.forward(arrays.blocked(x), packed, None, y, ops.Activation("linear"), workspace)
            arrays.check()
            error = np.abs(arrays.channels(y, k) - expected).max()
            assert error <= conv_tolerance(algorithm, c * kernel * kernel), (algorithm, threads)


# One part of the channels and several, whose last is smaller; several panels and tile groups; groups of channels.
@pytest.mark.parametrize(
    "numbers",
    [(1, 33, 13, 13, 70), (2, 130, 8, 9, 40), (1, 200, 26, 26, 96), (1, 256, 13, 13, 256, 2), (1, 20, 9, 8, 12, 4)],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_kernels_transformed_lazily_give_the_same_bits(cpu_ops: Any, numbers: tuple[int, ...], threads: int) -> None:
    cpu_ops.set_num_threads(threads)
    n, c, h, w, k, *groups = numbers
    shape = cpu_ops.ConvShape(n, c, h, w, k, 3, 3, 1, 1, 1, 1, *groups)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, h, w), np.float32)
    weights, bias = rng.standard_normal((k, c // shape.groups, 3, 3), np.float32), rng.standard_normal(k, np.float32)
    for tile in (2, 3, 4):
        packed, lazy = (
            convolve(cpu_ops, shape, name, x, weights, bias) for name in (f"winograd{tile}", f"winograd{tile}_lazy")
        )
        np.testing.assert_array_equal(lazy, packed, f"{tile}")


def test_the_number_of_threads_decides_no_bit(cpu_ops: Any) -> None:
    """It may decide whether kernels are transformed lazily."""
    layers = [(64, 52, 128), (256, 26, 512), (512, 13, 1024), (1024, 13, 1024), (512, 8, 1024), (256, 14, 512)]
    for c, size, k in layers:
        shape = cpu_ops.ConvShape(1, c, size, size, k, 3, 3, 1, 1, 1, 1, 1)
        chosen = set()
        for threads in (1, 2, 3, 4, 8, 64):
            cpu_ops.set_num_threads(threads)
            chosen.add(shape.algorithms(64 << 20)[0].removesuffix("_lazy"))
        assert len(chosen) == 1, (shape, chosen)


# One to four tiles, of one image and of several, with edges of one to three outputs, and more than one group.
@pytest.mark.parametrize(
    "numbers",
    [(1, 7, 7), (1, 8, 8), (1, 4, 3), (1, 2, 7), (1, 7, 4), (1, 5, 6), (2, 3, 6), (3, 1, 2), (4, 4, 4), (2, 7, 5)],
)
@pytest.mark.parametrize(("channels", "filters", "groups"), [(150, 40, 1), (64, 64, 2), (20, 12, 4)])
def test_few_tiles(cpu_ops: Any, numbers: tuple[int, int, int], channels: int, filters: int, groups: int) -> None:
    n, h, w = numbers
    shape = cpu_ops.ConvShape(n, channels, h, w, filters, 3, 3, 1, 1, 1, 1, groups)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, channels, h, w), np.float32)
    weights = rng.standard_normal((filters, channels // groups, 3, 3), np.float32)
    expected = conv(x, weights, None, pad=(1, 1), groups=groups)
    found = []
    for threads in (1, 2, 3):
        cpu_ops.set_num_threads(threads)
        found.append(convolve(cpu_ops, shape, "winograd4_few", x, weights, None))
        np.testing.assert_array_equal(found[-1], found[0])
    assert np.abs(found[0] - expected).max() <= conv_tolerance("winograd4_few", channels // groups * 9)


def test_a_kernel_of_few_tiles_comes_from_memory_as_nine_floats(cpu_ops: Any) -> None:
    for size in (7, 8):
        shape = cpu_ops.ConvShape(1, 512, size, size, 1024, 3, 3, 1, 1, 1, 1, 1)
        if cpu_ops.block > 4:
            assert shape.algorithms(64 << 20)[0] == "winograd4_few"
        larger = cpu_ops.ConvShape(1, 512, 13, 13, 1024, 3, 3, 1, 1, 1, 1, 1)
        assert larger.algorithms(64 << 20)[0] != "winograd4_few"


def test_every_way_to_share_out_the_work_gives_the_same_bits(cpu_ops: Any) -> None:
    """Few threads transform the input of shared tiles each for itself, many do it together."""
    n, c, h, w, k = 1, 80, 13, 13, 150
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, h, w), np.float32)
    weights, bias = rng.standard_normal((k, c, 3, 3), np.float32), rng.standard_normal(k, np.float32)
    shape = cpu_ops.ConvShape(n, c, h, w, k, 3, 3, 1, 1, 1, 1)
    for algorithm in shape.algorithms(ANY_SIZE):
        found = []
        for threads in (1, 2, 3, 5, 64):
            cpu_ops.set_num_threads(threads)
            found.append(convolve(cpu_ops, shape, algorithm, x, weights, bias))
        for each in found[1:]:
            np.testing.assert_array_equal(each, found[0], algorithm)
