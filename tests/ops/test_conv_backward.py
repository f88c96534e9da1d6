"""Gradients of convolution: every algorithm of every instruction set against the definition in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lib.convolutions import ANY_SIZE, Case, data_gradient, exact, weights_gradient
from tests.lib.guarded import Arrays
from tests.lib.tolerances import CONV_NORM, assert_sum_close, conv_tolerance
from tests.reference.conv import conv
from tests.reference.conv_backward import conv_backward


def check_data(ops: Any, case: Case) -> None:
    s = case.shape
    names = set(s.dgrad_algorithms(ANY_SIZE))
    for algorithm in names | {"phases"} if exact(ops, s) == "direct" else names:
        inner = "direct" if algorithm in {"connected", "phases"} else algorithm
        tolerance = conv_tolerance(inner, s.k // s.groups * s.kernel_h * s.kernel_w)
        dx = data_gradient(ops, case, algorithm)
        assert np.abs(dx - case.dx).max() <= tolerance, (algorithm, s)
        dx = data_gradient(ops, case, algorithm, case.x)
        assert np.abs(dx - case.dx - case.x).max() <= tolerance + 2e-6, (algorithm, s, "accumulate")


def check_weights(ops: Any, case: Case) -> None:
    s = case.shape
    for plain in (False, True) if s.groups == 1 else (False,):
        found = weights_gradient(ops, case, plain)
        length = s.n * s.out_h * s.out_w + 1
        if not plain and (s.kernel_h, s.kernel_w, s.stride_y, s.stride_x) == (3, 3, 1, 1):
            # May go through Winograd's transforms, which mix the taps.
            assert np.abs(found - case.dweights - case.before).max() <= conv_tolerance("winograd4", length)
        else:
            assert_sum_close(found, case.dweights + case.before, case.magnitude + abs(case.before), length)


def check(ops: Any, numbers: tuple[int, ...], seed: int = 0) -> None:
    case = Case(ops, numbers, seed)
    check_data(ops, case)
    check_weights(ops, case)


# n, c, h, w, k, kernel_h, kernel_w, stride_y, stride_x, pad_y, pad_x, groups
GEOMETRIES = [
    pytest.param((1, 3, 20, 17, 16, 3, 3, 1, 1, 1, 1, 1), id="first layer"),
    pytest.param((2, 3, 19, 20, 33, 7, 7, 2, 2, 3, 3, 1), id="first layer of resnet"),
    pytest.param((1, 3, 35, 31, 5, 11, 11, 4, 4, 2, 2, 1), id="first layer of alexnet"),
    pytest.param((1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1), id="one number"),
    pytest.param((1, 1, 2, 3, 1, 3, 3, 1, 1, 1, 1, 1), id="smaller than a tile"),
    pytest.param((3, 33, 13, 13, 64, 3, 3, 1, 1, 1, 1, 1), id="3x3 of the last layers"),
    pytest.param((1, 17, 26, 26, 31, 3, 3, 1, 1, 1, 1, 1), id="3x3, several bands"),
    pytest.param((1, 32, 5, 7, 255, 3, 3, 1, 1, 0, 0, 1), id="3x3 without padding"),
    pytest.param((2, 16, 4, 4, 16, 3, 3, 1, 1, 3, 2, 1), id="3x3, padding of a whole kernel"),
    pytest.param((1, 5, 3, 4, 6, 2, 2, 1, 1, 5, 4, 1), id="padding far beyond the kernel"),
    pytest.param((1, 64, 13, 13, 425, 1, 1, 1, 1, 0, 0, 1), id="1x1 of a head"),
    pytest.param((2, 31, 11, 9, 32, 1, 1, 2, 2, 0, 0, 1), id="1x1, stride 2"),
    pytest.param((1, 4, 6, 6, 5, 1, 1, 1, 1, 1, 1, 1), id="1x1 with padding"),
    pytest.param((1, 5, 19, 18, 17, 3, 3, 2, 2, 1, 1, 1), id="3x3, stride 2"),
    pytest.param((1, 16, 10, 11, 32, 2, 2, 2, 2, 0, 0, 1), id="2x2, stride 2"),
    pytest.param((2, 7, 12, 20, 9, 5, 2, 3, 1, 2, 0, 1), id="uneven kernel and stride"),
    pytest.param((1, 20, 9, 8, 12, 1, 5, 2, 3, 0, 2, 1), id="row kernel"),
    pytest.param((1, 20, 9, 8, 12, 5, 1, 1, 2, 2, 0, 1), id="column kernel"),
    pytest.param((1, 4, 20, 20, 4, 2, 2, 3, 3, 0, 0, 1), id="stride beyond the kernel"),
    pytest.param((1, 4, 1, 2, 4, 1, 1, 3, 3, 1, 2, 1), id="residues without any input"),
    pytest.param((1, 3, 2, 4, 4, 2, 2, 1 << 30, 1 << 20, 0, 1, 1), id="stride far beyond the input"),
    pytest.param((1, 64, 7, 7, 33, 7, 7, 1, 1, 0, 0, 1), id="connected"),
    pytest.param((3, 17, 5, 4, 65, 5, 4, 1, 1, 0, 0, 1), id="connected, several images"),
    pytest.param((20, 64, 1, 1, 40, 1, 1, 1, 1, 0, 0, 1), id="connected on vectors"),
    pytest.param((2, 4, 5, 5, 8, 5, 5, 3, 2, 0, 0, 2), id="kernel of the whole input in groups"),
    pytest.param((2, 8, 5, 5, 8, 3, 3, 3, 3, 0, 0, 1), id="one output pixel, input not covered"),
    pytest.param((1, 64, 9, 9, 64, 3, 3, 1, 1, 1, 1, 2), id="two groups of whole blocks"),
    pytest.param((1, 96, 9, 9, 32, 1, 1, 1, 1, 0, 0, 2), id="two groups of 48 channels"),
    pytest.param((2, 128, 8, 8, 128, 3, 3, 1, 1, 1, 1, 32), id="resnext"),
    pytest.param((1, 20, 8, 7, 12, 3, 3, 2, 2, 1, 1, 4), id="four groups of five channels"),
    pytest.param((1, 6, 8, 7, 18, 3, 3, 1, 1, 1, 1, 6), id="depthwise, three filters a channel"),
    pytest.param((2, 35, 13, 12, 35, 3, 3, 1, 1, 1, 1, 35), id="depthwise"),
    pytest.param((1, 32, 15, 14, 32, 5, 3, 2, 3, 2, 0, 32), id="depthwise, strided"),
    pytest.param((1, 200, 4, 4, 220, 3, 3, 1, 1, 1, 1, 1), id="several tiles of channels and filters"),
]


@pytest.mark.parametrize("numbers", GEOMETRIES)
def test_geometries(ops: Any, numbers: tuple[int, ...]) -> None:
    check(ops, numbers)


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 64])
def test_channels_and_filters_around_blocks(ops: Any, channels: int) -> None:
    check(ops, (1, channels, 6, 5, 65 - channels, 3, 3, 1, 1, 1, 1, 1))


@pytest.mark.parametrize("seed", range(60))
def test_random_geometries(ops: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def pick(*values: int) -> int:
        return int(rng.choice(values))

    groups = pick(1, 1, 1, 2, 4)
    kernel_h, kernel_w = pick(1, 2, 3, 5, 7), pick(1, 2, 3, 5, 7)
    pad_y, pad_x = pick(0, 1, 2, 3), pick(0, 1, 2, 3)
    h, w = max(pick(*range(1, 21)), kernel_h - 2 * pad_y), max(pick(*range(1, 21)), kernel_w - 2 * pad_x)
    c, k = groups * pick(1, 3, 5, 16, 17, 33), groups * pick(1, 3, 5, 16, 17, 33)
    ops.set_num_threads(pick(1, 2, 3, 5))
    check(
        ops, (pick(1, 2, 3), c, h, w, k, kernel_h, kernel_w, pick(1, 2, 3), pick(1, 2, 3), pad_y, pad_x, groups), seed
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((1, 16, 220, 200, 32, 3, 3, 1, 1, 1, 1, 1), id="several groups of tiles"),
        pytest.param((2, 33, 26, 26, 65, 3, 3, 1, 1, 1, 1, 1), id="spare lanes"),
        pytest.param((1, 40, 15, 18, 24, 3, 3, 1, 1, 0, 2, 1), id="uneven padding"),
        pytest.param((3, 130, 13, 13, 200, 3, 3, 1, 1, 1, 1, 1), id="several tiles of weights"),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_weights_of_large_3x3_layers(ops: Any, numbers: tuple[int, ...], threads: int) -> None:
    ops.set_num_threads(threads)
    case = Case(ops, numbers)
    found = weights_gradient(ops, case, False).astype(np.float64) - case.before
    # Three times a layer's bound: sums of up to 44,000 pixels are ten times as long as a layer's.
    assert np.linalg.norm(found - case.dweights) <= 3 * CONV_NORM["winograd4"] * np.linalg.norm(case.dweights)


@pytest.mark.parametrize(("rows", "columns"), [(3, 8), (8, 9), (9, 10), (10, 3), (11, 11), (9, 9), (7, 8)])
def test_weights_of_3x3_layers_with_rests(ops: Any, rows: int, columns: int) -> None:
    """Rows and columns that are left after tiles of 4; an odd number of tiles of each kind."""
    case = Case(ops, (5, 64, rows, columns, 65, 3, 3, 1, 1, 1, 1, 1))
    found = weights_gradient(ops, case, False).astype(np.float64) - case.before
    assert np.linalg.norm(found - case.dweights) <= CONV_NORM["winograd4"] * np.linalg.norm(case.dweights)


def test_reference_is_the_derivative() -> None:
    rng = np.random.default_rng(7)
    x, weights = rng.standard_normal((2, 4, 6, 5)), rng.standard_normal((6, 2, 3, 2))
    arguments = ((2, 1), (1, 2), 2)
    y = conv(x, weights, None, *arguments)
    dy = rng.standard_normal(y.shape)
    for value, gradient in zip((x, weights), conv_backward(x, weights, dy, *arguments), strict=True):
        direction = rng.standard_normal(value.shape)
        value += 0.5e-3 * direction
        above = (conv(x, weights, None, *arguments) * dy).sum()
        value -= 1e-3 * direction
        below = (conv(x, weights, None, *arguments) * dy).sum()
        value += 0.5e-3 * direction
        # Bilinear: central differences are exact but for rounding.
        np.testing.assert_allclose((above - below) / 1e-3, (gradient * direction).sum(), rtol=1e-9)


def test_workspace_of_one_thread_serves_when_there_are_more(ops: Any) -> None:
    case = Case(ops, (2, 16, 20, 20, 20, 3, 3, 1, 1, 1, 1, 1))
    ops.set_num_threads(1)
    wgrads = [ops.ConvWgrad(case.shape, plain) for plain in (False, True)]
    dgrads = [ops.ConvDgrad(case.shape, name) for name in case.shape.dgrad_algorithms(ANY_SIZE)]
    least = [each.workspace() for each in wgrads], [each.workspace() for each in dgrads]
    ops.set_num_threads(4)
    arrays = Arrays(ops.block)
    dy = arrays.blocked(case.dy)
    for wgrad, floats in zip(wgrads, least[0], strict=True):
        dweights = arrays.plain(case.before)
        x = arrays.plain(case.x) if wgrad.plain else arrays.blocked(case.x)
        wgrad.backward(x, dy, dweights, arrays.empty(floats))
        np.testing.assert_allclose(dweights, case.dweights + case.before, rtol=0, atol=1e-3)
    for dgrad, floats in zip(dgrads, least[1], strict=True):
        packed = arrays.empty(dgrad.packed_size)
        dgrad.pack(case.weights, packed)
        dx = arrays.empty_blocked(*case.x.shape)
        dgrad.backward(dy, packed, dx, False, arrays.empty(floats))
        assert np.abs(arrays.channels(dx, 16) - case.dx).max() <= conv_tolerance(dgrad.algorithm, 20 * 9)
    arrays.check()


def test_one_thread_and_many_agree_and_repeat_bit_for_bit(ops: Any) -> None:
    case = Case(ops, (2, 20, 30, 30, 20, 3, 3, 1, 1, 1, 1, 1))
    results = []
    for threads in (1, 3, 3):
        ops.set_num_threads(threads)
        results.append((weights_gradient(ops, case, False), weights_gradient(ops, case, True)))
    for one, many, again in zip(*results, strict=True):
        np.testing.assert_allclose(many, one, rtol=0, atol=1e-3)
        np.testing.assert_array_equal(again, many)


def test_residues_without_a_tap_become_zero(ops: Any) -> None:
    case = Case(ops, (1, 3, 7, 7, 4, 1, 1, 3, 3, 0, 0, 1))
    dx = data_gradient(ops, case, case.shape.dgrad_algorithms(ANY_SIZE)[0])
    assert np.count_nonzero(dx) == 3 * 9
    assert (dx[:, :, 1::3] == 0).all()


def test_data_algorithms(cpu_ops: Any) -> None:
    def names(*numbers: int, most: int = ANY_SIZE) -> list[str]:
        return cpu_ops.ConvShape(*numbers).dgrad_algorithms(most)

    small = {"direct", "winograd4_few", "winograd2_lazy", "winograd3_lazy", "winograd4_lazy"}
    winograd = set(names(1, 64, 26, 26, 64, 3, 3, 1, 1, 1, 1, 1)) - {"winograd4_rows"}  # of 32 registers
    assert winograd == small | {"winograd2", "winograd3", "winograd4", "winograd6"}
    assert set(names(1, 64, 26, 26, 64, 3, 3, 1, 1, 1, 1, 1, most=0)) == small
    assert names(1, 64, 26, 26, 64, 3, 3, 2, 2, 1, 1, 1) == ["phases"]
    assert names(1, 64, 7, 7, 64, 7, 7, 1, 1, 0, 0, 1) == ["connected"]
    assert "depthwise" in names(1, 64, 7, 7, 64, 3, 3, 1, 1, 1, 1, 64)


@pytest.mark.slow
@pytest.mark.parametrize(("c", "k", "groups"), [(300, 512, 1), (37, 19, 1), (96, 160, 2)])
def test_packed_weights_bit_for_bit(cpu_ops: Any, c: int, k: int, groups: int) -> None:
    """Those of the data gradient are those of NumPy's turned weights, wherever the array begins; and the direct
    ones are their own in the order [panel][channel block][tap][lane][filter]."""
    ops = cpu_ops
    w = np.random.default_rng(c).standard_normal((k, c // groups, 3, 3)).astype(np.float32)
    shape = ops.ConvShape(1, c, 13, 13, k, 3, 3, 1, 1, 1, 1, groups)
    inner = ops.ConvShape(1, k, 13, 13, c, 3, 3, 1, 1, 1, 1, groups)
    by_group = w.reshape(groups, k // groups, c // groups, 3, 3).swapaxes(1, 2)
    turned = np.ascontiguousarray(by_group.reshape(c, k // groups, 3, 3)[..., ::-1, ::-1])
    for algorithm in ("direct", "winograd2", "winograd3", "winograd4", "winograd4_lazy", "winograd4_few"):
        dgrad, forward = ops.ConvDgrad(shape, algorithm), ops.Conv(inner, algorithm)
        found = np.full(dgrad.packed_size, np.nan, np.float32)
        expected = np.full(forward.packed_size, np.nan, np.float32)
        dgrad.pack(w, found)
        forward.pack(turned, expected)
        np.testing.assert_array_equal(found, expected, strict=True)
        one_float_off = np.full(found.size + 1, np.nan, np.float32)[1:]
        dgrad.pack(w, one_float_off)
        np.testing.assert_array_equal(one_float_off, expected)
        if algorithm == "direct" and groups == 1:
            np.testing.assert_array_equal(found, direct_layout(turned, ops.block))


def direct_layout(w: np.ndarray, block: int) -> np.ndarray:
    """Weights (K, C, R, S) as the direct algorithm wants them, filters filled up with zeros."""
    k, c = w.shape[:2]
    parts = []
    for first in range(0, k, 2 * block):
        filters = min(2 * block, -(-(k - first) // block) * block)
        panel = np.zeros((filters, c, w[0, 0].size), np.float32)
        panel[: k - first] = w[first : first + filters].reshape(-1, c, w[0, 0].size)
        parts += [panel[:, i : i + block].transpose(2, 1, 0).ravel() for i in range(0, c, block)]
    return np.concatenate(parts)


def test_wrong_arguments_are_named(ops: Any) -> None:
    shape = ops.ConvShape(1, 16, 40, 50, 256, 3, 3, 1, 1, 1, 1, 1)
    block, exact_name = ops.block, exact(ops, shape)
    x = np.zeros((1, 16 // block, 40, 50, block), np.float32)
    dy = np.zeros((1, 256 // block, 40, 50, block), np.float32)
    weights = np.zeros((256, 16, 3, 3), np.float32)
    dgrad, wgrad = ops.ConvDgrad(shape, exact_name), ops.ConvWgrad(shape)
    packed = np.zeros(dgrad.packed_size, np.float32)
    space = np.zeros(max(dgrad.workspace(), wgrad.workspace()), np.float32)
    data = {"dy": dy, "packed": packed, "dx": x, "workspace": space}
    for name, bad in {"dy": x, "packed": packed[1:], "dx": dy, "workspace": space[:0]}.items():
        with pytest.raises(ValueError, match=f"conv_backward_data.*{name}"):
            dgrad.backward(**{**data, name: bad}, accumulate=True)
    with pytest.raises(ValueError, match=r"conv_data_pack.*weights"):
        dgrad.pack(weights[:1], packed)
    for name in ("fft", "connected"):
        with pytest.raises(ValueError, match=name):
            ops.ConvDgrad(shape, name)
    good = {"x": x, "dy": dy, "dweights": weights, "workspace": space}
    for name, bad in {"x": dy, "dy": x, "dweights": weights[:1], "workspace": space[:0]}.items():
        with pytest.raises(ValueError, match=f"conv_backward_weights.*{name}"):
            wgrad.backward(**{**good, name: bad})
    with pytest.raises(ValueError, match=r"conv_backward_weights: .*one group"):
        ops.ConvWgrad(ops.ConvShape(1, 16, 40, 50, 256, 3, 3, 1, 1, 1, 1, 2), plain=True)
