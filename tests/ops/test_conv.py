"""Convolution: every algorithm of every instruction set against the definition in float64."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pydarknet.layers.convolutional import FOLDED_FILTERS
from tests.lib.convolutions import ANY_SIZE, convolve, exact
from tests.lib.guarded import Arrays
from tests.lib.tolerances import CONV_NORM, conv_tolerance
from tests.reference.conv import conv


def algorithms(ops: Any, shape: Any) -> list[str]:
    return [*shape.algorithms(ANY_SIZE), *shape.algorithms(ANY_SIZE, True)]


def check(ops: Any, numbers: tuple[int, ...], seed: int = 0, with_bias: bool = True) -> None:
    shape = ops.ConvShape(*numbers)
    rng = np.random.default_rng(seed)
    group_c = shape.c // shape.groups
    x = rng.standard_normal((shape.n, shape.c, shape.h, shape.w), np.float32)
    weights = rng.standard_normal((shape.k, group_c, shape.kernel_h, shape.kernel_w), np.float32)
    bias = rng.standard_normal(shape.k, np.float32) if with_bias else None
    expected = conv(x, weights, bias, (shape.stride_y, shape.stride_x), (shape.pad_y, shape.pad_x), shape.groups)
    assert expected.shape == (shape.n, shape.k, shape.out_h, shape.out_w)
    for algorithm in algorithms(ops, shape):
        y = convolve(ops, shape, algorithm, x, weights, bias)
        tolerance = conv_tolerance(algorithm, group_c * shape.kernel_h * shape.kernel_w)
        assert np.abs(y - expected).max() <= tolerance, (algorithm, shape)


# n, c, h, w, k, kernel_h, kernel_w, stride_y, stride_x, pad_y, pad_x, groups
GEOMETRIES = [
    pytest.param((1, 3, 20, 17, 16, 3, 3, 1, 1, 1, 1, 1), id="first layer"),
    pytest.param((2, 3, 19, 20, 33, 7, 7, 2, 2, 3, 3, 1), id="first layer of resnet"),
    pytest.param((1, 3, 35, 31, 5, 11, 11, 4, 4, 2, 2, 1), id="first layer of alexnet"),
    pytest.param((1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1), id="one number"),
    pytest.param((1, 1, 2, 3, 1, 3, 3, 1, 1, 1, 1, 1), id="smaller than a tile"),
    pytest.param((3, 33, 13, 13, 64, 3, 3, 1, 1, 1, 1, 1), id="3x3 of the last layers"),
    pytest.param((1, 17, 26, 26, 31, 3, 3, 1, 1, 1, 1, 1), id="3x3, several tile groups"),
    pytest.param((1, 32, 5, 7, 255, 3, 3, 1, 1, 0, 0, 1), id="3x3 without padding"),
    pytest.param((2, 16, 4, 4, 16, 3, 3, 1, 1, 3, 2, 1), id="3x3, padding of a whole kernel"),
    pytest.param((1, 64, 13, 13, 425, 1, 1, 1, 1, 0, 0, 1), id="1x1 of a head"),
    pytest.param((2, 31, 11, 9, 32, 1, 1, 2, 2, 0, 0, 1), id="1x1, stride 2"),
    pytest.param((1, 4, 6, 6, 5, 1, 1, 1, 1, 1, 1, 1), id="1x1 with padding"),
    pytest.param((1, 5, 19, 18, 17, 3, 3, 2, 2, 1, 1, 1), id="3x3, stride 2"),
    pytest.param((1, 16, 10, 11, 32, 2, 2, 2, 2, 0, 0, 1), id="2x2, stride 2"),
    pytest.param((2, 7, 12, 20, 9, 5, 2, 3, 1, 2, 0, 1), id="uneven kernel and stride"),
    pytest.param((1, 20, 9, 8, 12, 1, 5, 2, 3, 0, 2, 1), id="row kernel"),
    pytest.param((1, 20, 9, 8, 12, 5, 1, 1, 2, 2, 0, 1), id="column kernel"),
    pytest.param((1, 4, 20, 20, 4, 2, 2, 3, 3, 0, 0, 1), id="stride beyond the kernel"),
    pytest.param((1, 64, 7, 7, 33, 7, 7, 1, 1, 0, 0, 1), id="connected"),
    pytest.param((3, 17, 5, 4, 65, 5, 4, 1, 1, 0, 0, 1), id="connected, several images"),
    pytest.param((20, 64, 1, 1, 40, 1, 1, 1, 1, 0, 0, 1), id="connected on vectors, more images than rows"),
    pytest.param((2, 8, 5, 5, 8, 3, 3, 3, 3, 0, 0, 1), id="one output pixel, input not covered"),
    pytest.param((1, 64, 9, 9, 64, 3, 3, 1, 1, 1, 1, 2), id="two groups of whole blocks"),
    pytest.param((1, 96, 9, 9, 32, 1, 1, 1, 1, 0, 0, 2), id="two groups of 48 channels"),
    pytest.param((2, 128, 8, 8, 128, 3, 3, 1, 1, 1, 1, 32), id="resnext"),
    pytest.param((1, 20, 8, 7, 12, 3, 3, 2, 2, 1, 1, 4), id="four groups of five channels"),
    pytest.param((1, 6, 8, 7, 18, 3, 3, 1, 1, 1, 1, 6), id="depthwise, three filters a channel"),
    pytest.param((2, 35, 13, 12, 35, 3, 3, 1, 1, 1, 1, 35), id="depthwise"),
    pytest.param((1, 32, 15, 14, 32, 5, 3, 2, 3, 2, 0, 32), id="depthwise, strided"),
    pytest.param((1, 256, 9, 12, 64, 3, 3, 2, 2, 1, 1, 1), id="stride 2, kernels from memory, each read once"),
]


@pytest.mark.parametrize("numbers", GEOMETRIES)
def test_geometries(ops: Any, numbers: tuple[int, ...]) -> None:
    check(ops, numbers)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 15, 16, 17])
def test_sizes_around_tiles_and_rows(ops: Any, size: int) -> None:
    for stride in (1, 2):
        check(ops, (1, 16, size, size + 1, 32, 3, 3, stride, stride, 1, 1, 1))
    check(ops, (1, 9, size, 14, 17, 1, 1, 1, 1, 0, 0, 1))


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 64])
def test_channels_and_filters_around_blocks(ops: Any, channels: int) -> None:
    check(ops, (1, channels, 6, 5, 65 - channels, 3, 3, 1, 1, 1, 1, 1))


@pytest.mark.parametrize("seed", range(40))
def test_random_geometries(ops: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def pick(*values: int) -> int:
        return int(rng.choice(values))

    groups = pick(1, 1, 1, 2, 4)
    kernel_h, kernel_w = pick(1, 2, 3, 5, 7), pick(1, 2, 3, 5, 7)
    pad_y, pad_x = pick(0, 1, 2, 3), pick(0, 1, 2, 3)
    h, w = max(pick(*range(1, 21)), kernel_h - 2 * pad_y), max(pick(*range(1, 21)), kernel_w - 2 * pad_x)
    c, k = groups * pick(1, 3, 4, 5, 16, 17), groups * pick(1, 3, 4, 5, 16, 17)
    ops.set_num_threads(pick(1, 2, 3, 5))
    check(ops, (pick(1, 2, 3), c, h, w, k, kernel_h, kernel_w, pick(1, 2, 3), pick(1, 2, 3), pad_y, pad_x, groups),
          seed, with_bias=bool(seed % 2))  # fmt: skip


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize(
    "numbers",
    [
        (1, 3, 50, 50, 16, 3, 3, 1, 1, 1, 1, 1),
        (1, 64, 13, 13, 128, 3, 3, 1, 1, 1, 1, 1),
        (1, 16, 60, 60, 32, 3, 3, 1, 1, 1, 1, 1),
        (1, 16, 60, 60, 32, 3, 3, 2, 2, 1, 1, 1),
        (1, 64, 13, 13, 425, 1, 1, 1, 1, 0, 0, 1),
        (2, 32, 7, 7, 100, 7, 7, 1, 1, 0, 0, 1),
        (1, 40, 9, 9, 40, 3, 3, 1, 1, 1, 1, 40),
    ],
)
def test_threads_change_nothing(cpu_ops: Any, numbers: tuple[int, ...], threads: int) -> None:
    ops, shape = cpu_ops, cpu_ops.ConvShape(*numbers)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((shape.n, shape.c, shape.h, shape.w), np.float32)
    weights = rng.standard_normal((shape.k, shape.c // shape.groups, shape.kernel_h, shape.kernel_w), np.float32)
    for algorithm in algorithms(ops, shape):
        ops.set_num_threads(1)
        one = convolve(ops, shape, algorithm, x, weights, None)
        ops.set_num_threads(threads)
        many = convolve(ops, shape, algorithm, x, weights, None)
        tolerance = conv_tolerance(algorithm, weights[0].size)
        np.testing.assert_allclose(many, one, rtol=0, atol=tolerance)


def test_workspace_of_one_thread_serves_when_there_are_more(ops: Any, arrays: Arrays) -> None:
    shape = ops.ConvShape(1, 16, 40, 40, 32, 3, 3, 1, 1, 1, 1, 1)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((1, 16, 40, 40), np.float32)
    weights = rng.standard_normal((32, 16, 3, 3), np.float32)
    for algorithm in shape.algorithms(ANY_SIZE):
        ops.set_num_threads(1)
        made = ops.Conv(shape, algorithm)
        workspace, packed = arrays.empty(made.workspace()), arrays.empty(made.packed_size)
        made.pack(weights, packed)
        ops.set_num_threads(4)
        y = arrays.empty_blocked(1, 32, 40, 40)
        made.forward(arrays.blocked(x), packed, None, y, ops.Activation("linear"), workspace)
        expected = conv(x, weights, None, pad=(1, 1))
        assert np.abs(arrays.channels(y, 32) - expected).max() <= conv_tolerance(algorithm, 16 * 9)


def leaky(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(v > 0, v, 0.1 * v)


ACTIVATIONS = {
    "linear": lambda v: v,
    "leaky": leaky,
    "relu": lambda v: np.maximum(v, 0),
    "logistic": lambda v: 1 / (1 + np.exp(-v)),
    "tanh": np.tanh,
    "relie": lambda v: np.where(v > 0, v, 0.01 * v),
    "ramp": lambda v: np.where(v > 0, v, 0) + 0.1 * v,
    "elu": lambda v: np.where(v >= 0, v, np.expm1(v)),
    "mish": lambda v: v * np.tanh(np.log1p(np.exp(v))),
}


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("groups", [1, 20])
def test_activation_after_bias(ops: Any, activation: str, groups: int) -> None:
    shape = ops.ConvShape(1, 20, 9, 8, 20, 3, 3, 1, 1, 1, 1, groups)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1, 20, 9, 8), np.float32)
    weights = rng.standard_normal((20, 20 // groups, 3, 3), np.float32)
    bias = rng.standard_normal(20, np.float32)
    expected = ACTIVATIONS[activation](conv(x, weights, bias, pad=(1, 1), groups=groups))
    for algorithm in algorithms(ops, shape):
        y = convolve(ops, shape, algorithm, x, weights, bias, activation)
        # 1e-5: what the functions themselves may be off.
        tolerance = conv_tolerance(algorithm, 20 // groups * 9) + 1e-5
        assert np.abs(y - expected).max() <= tolerance, algorithm


def test_resizing_keeps_packed_weights(ops: Any) -> None:
    rng = np.random.default_rng(4)
    for c, kernel, plain_input in ((24, 3, False), (24, 1, False), (3, 3, True)):
        weights = rng.standard_normal((40, c, kernel, kernel), np.float32)
        shapes = [
            ops.ConvShape(n, c, size, size, 40, kernel, kernel, 1, 1, kernel // 2, kernel // 2, 1)
            for n, size in ((1, 13), (3, 26), (1, 40))
        ]
        for algorithm in shapes[0].algorithms(ANY_SIZE, plain_input):
            all_packed = []
            for shape in shapes:
                made = ops.Conv(shape, algorithm)
                all_packed.append(np.empty(made.packed_size, np.float32))
                made.pack(weights, all_packed[-1])
            for packed in all_packed[1:]:
                np.testing.assert_array_equal(packed, all_packed[0])


@pytest.mark.parametrize("channels", [256, 512])
@pytest.mark.parametrize("stride", [1, 2])
def test_error_of_long_reductions_in_the_norm(ops: Any, stride: int, channels: int) -> None:
    rng = np.random.default_rng(5)
    x = leaky(rng.standard_normal((1, channels, 13, 13))).astype(np.float32)
    weights = rng.standard_normal((16, channels, 3, 3), np.float32)
    expected = conv(x, weights, None, (stride, stride), (1, 1))
    shape = ops.ConvShape(1, channels, 13, 13, 16, 3, 3, stride, stride, 1, 1, 1)
    for algorithm in algorithms(ops, shape):
        y = convolve(ops, shape, algorithm, x, weights, None)
        assert np.linalg.norm(y - expected) <= CONV_NORM[algorithm] * np.linalg.norm(expected), algorithm


def test_infinity_and_nan_arrive(ops: Any, arrays: Arrays) -> None:
    shape = ops.ConvShape(1, 1, 3, 3, 1, 1, 1, 1, 1, 0, 0, 1)
    x = np.ones((1, 1, 3, 3), np.float32)
    x[0, 0, 0, 0], x[0, 0, 1, 1] = np.nan, np.inf
    for algorithm in shape.algorithms(ANY_SIZE):
        made = ops.Conv(shape, algorithm)
        packed = arrays.empty(made.packed_size)
        made.pack(np.ones((1, 1, 1, 1), np.float32), packed)
        y = arrays.empty_blocked(1, 1, 3, 3)
        made.forward(arrays.blocked(x), packed, None, y, ops.Activation("leaky"), arrays.empty(made.workspace()))
        result = arrays.lanes(y)[0, 0]
        assert np.isnan(result[0, 0])
        assert result[1, 1] == np.inf
        assert result[2, 2] == 1


def test_budget_leaves_out_large_packings_but_never_all(cpu_ops: Any) -> None:
    shape = cpu_ops.ConvShape(1, 64, 52, 52, 64, 3, 3, 1, 1, 1, 1, 1)
    direct = 4 * cpu_ops.Conv(shape, "direct").packed_size
    packed = {"winograd2", "winograd3", "winograd4", "winograd6"}
    lazy = {"winograd2_lazy", "winograd3_lazy", "winograd4_lazy", "winograd4_few"}
    half = {"winograd4_rows"} & set(shape.algorithms(ANY_SIZE))  # of those with 32 registers
    assert set(shape.algorithms(ANY_SIZE)[: 9 + len(half)]) == {"direct", *packed, *lazy, *half}
    assert shape.algorithms(ANY_SIZE)[0] in packed
    assert set(shape.algorithms(2 * direct)[: 6 + len(half)]) == {"direct", "winograd2", *lazy, *half}
    for budget in (direct, 0):
        assert set(shape.algorithms(budget)) & {"direct", *packed, *lazy} == {"direct", *lazy}
        assert shape.algorithms(budget)[0] in {"direct", *lazy}
    assert shape.algorithms(ANY_SIZE, True) == ["direct_plain"]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(("channels", "size"), [(20, 3), (3, 3), (33, 1)])
def test_packed_filters_follow_each_other(cpu_ops: Any, precision: str, channels: int, size: int) -> None:
    """A layer packs some of them at a time (`Convolution.by_filters`)."""
    weights = np.random.default_rng(0).normal(0, 1, (300, channels, size, size)).astype(np.float32)

    def shape_of(filters: int) -> Any:
        return cpu_ops.ConvShape(1, channels, 13, 13, filters, *[size] * 2, 1, 1, *[size // 2] * 2, 1, precision)

    def packed(name: str, part: np.ndarray) -> np.ndarray:
        shape = cpu_ops.ConvShape(
            1, channels, 13, 13, len(part), size, size, 1, 1, size // 2, size // 2, 1, precision
        )
        conv, arrays = cpu_ops.Conv(shape, name), Arrays(cpu_ops.block)
        to = arrays.empty(conv.packed_size)
        to[...] = 0  # what some algorithm leaves unwritten
        conv.pack(np.ascontiguousarray(part), to)
        return to.view(np.uint8)

    shape = shape_of(300)
    for name in [*shape.algorithms(ANY_SIZE), *(shape.algorithms(ANY_SIZE, True) if channels < 5 else ())]:
        parts = [packed(name, weights[i : i + FOLDED_FILTERS]) for i in range(0, 300, FOLDED_FILTERS)]
        np.testing.assert_array_equal(np.concatenate(parts), packed(name, weights), name)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_weights_of_sixteen_bits_take_half_the_budget(cpu_ops: Any, precision: str) -> None:
    shape = cpu_ops.ConvShape(1, 64, 52, 52, 64, 3, 3, 1, 1, 1, 1, 1, precision)
    names = shape.algorithms(ANY_SIZE)
    stored = {f"{each}_{precision}" for each in ("direct", "winograd2", "winograd3", "winograd4")} & set(names)
    for name in stored:
        size = cpu_ops.Conv(shape, name).packed_size
        assert 2 * size == cpu_ops.Conv(shape, name.split("_")[0]).packed_size
        assert name in shape.algorithms(4 * size)
    coarse = "_bf16" if precision == "fp16" else "_fp16"
    fine = [each for each in names if coarse not in each]
    assert names[: len(fine)] == fine
    assert stored < set(fine)
    assert shape.algorithms(0)[0] in {each for each in names if each.startswith(f"direct_{precision}")}
    assert "direct" in shape.with_precision("fp32").algorithms(0)


def test_packed_size_of_dense_layers_is_that_of_the_weights(cpu_ops: Any) -> None:
    shape = cpu_ops.ConvShape(1, 33, 13, 13, 64, 3, 3, 1, 1, 1, 1, 1)
    assert cpu_ops.Conv(shape, "direct").packed_size == 64 * 33 * 9
    for name in ("winograd2_lazy", "winograd3_lazy", "winograd4_lazy", "winograd4_few"):
        assert cpu_ops.Conv(shape, name).packed_size == 64 * 33 * 9
    assert cpu_ops.Conv(shape, "winograd2").packed_size == 64 * 33 * 16
    assert cpu_ops.Conv(shape, "winograd3").packed_size == 64 * 33 * 25
    assert cpu_ops.Conv(shape, "winograd4").packed_size == 64 * 33 * 36
    assert cpu_ops.Conv(shape, "winograd6").packed_size == 64 * 33 * 64
    if "winograd4_rows" in shape.algorithms(ANY_SIZE):
        assert cpu_ops.Conv(shape, "winograd4_rows").packed_size == 64 * 33 * 18
    shape = cpu_ops.ConvShape(1, 33, 13, 13, 64, 3, 3, 2, 2, 1, 1, 1)
    assert cpu_ops.Conv(shape, "strided3").packed_size == 64 * 33 * 25
    assert cpu_ops.Conv(shape, "strided4").packed_size == 64 * 33 * 36


def test_shape_is_a_value(ops: Any) -> None:
    shape = ops.ConvShape(2, 16, 13, 15, 32, 3, 5, 2, 1, 1, 2, 4)
    assert (shape.out_h, shape.out_w) == (7, 15)
    assert shape.flops == 2 * 2 * 32 * 4 * 15 * 7 * 15
    assert (shape.n, shape.c, shape.h, shape.w, shape.k, shape.groups) == (2, 16, 13, 15, 32, 4)
    assert repr(shape) == "ConvShape(n=2, c=16, h=13, w=15, k=32, kernel=3x5, stride=2x1, pad=1x2, groups=4)"
    copy = pickle.loads(pickle.dumps(shape))
    assert copy == shape
    assert hash(copy) == hash(shape)
    assert shape != ops.ConvShape(1, 16, 13, 15, 32, 3, 5, 2, 1, 1, 2, 4)
    assert shape != 3


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1), "n must be at least 1"),
        ((1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1), "stride_y must be at least 1"),
        ((1, 1, 1, 1, 1, 1, 1, 1, 1, -1, 0, 1), "padding"),
        ((1, 1, 2, 2, 1, 5, 1, 1, 1, 1, 0, 1), "larger than the padded input"),
        ((1, 6, 2, 2, 4, 1, 1, 1, 1, 0, 0, 4), "c must be a multiple"),
        ((1, 8, 2, 2, 6, 1, 1, 1, 1, 0, 0, 4), "k must be a multiple"),
        ((2**31 - 1, 2**24, 2**20, 2**20, 1, 1, 1, 1, 1, 0, 0, 1), "too large"),
        ((1, 1, 2**31 - 1, 1, 1, 1, 1, 1, 1, 2**30, 0, 1), "too large"),
    ],
)
def test_shapes_that_make_no_convolution(ops: Any, numbers: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ops.ConvShape(*numbers)


def test_wrong_arguments_are_named(ops: Any) -> None:
    shape = ops.ConvShape(1, 256, 4, 4, 16, 3, 3, 1, 1, 1, 1, 1)
    block, name, leaky = ops.block, exact(ops, shape), ops.Activation("leaky")
    made = ops.Conv(shape, name)
    good = {
        "x": np.zeros((1, 256 // block, 4, 4, block), np.float32),
        "packed": np.zeros(made.packed_size, np.float32),
        "bias": np.zeros(16, np.float32),
        "y": np.zeros((1, 16 // block, 4, 4, block), np.float32),
        "activation": leaky,
        "workspace": np.zeros(made.workspace(), np.float32),
    }
    made.forward(**good)
    bad = {
        "x": np.zeros((1, 256 // block, 4, 5, block), np.float32),
        "packed": good["packed"][:-1].copy(),
        "bias": np.zeros(15, np.float32),
        "y": np.zeros((2, 16 // block, 4, 4, block), np.float32),
        "activation": "leaky",
        "workspace": np.zeros(0, np.float32),
    }
    for argument, value in bad.items():
        with pytest.raises(ValueError, match=f"conv_forward: argument '{argument}': expected"):
            made.forward(**{**good, argument: value})
    with pytest.raises(ValueError, match="conv_forward: argument 'x': expected 4 dimensions"):
        ops.Conv(shape, f"{name}_plain").forward(**good)
    with pytest.raises(ValueError, match=f"expected one of .*{name}"):
        ops.Conv(shape, "fft")
    with pytest.raises(ValueError, match="conv_pack: argument 'weights'"):
        made.pack(np.zeros(5, np.float32), good["packed"])
    with pytest.raises(ValueError, match=r"depthwise.*can't do"):
        ops.Conv(ops.ConvShape(1, 1, 1, 1, 1, 1, 1), "depthwise")


def test_a_convolution_knows_what_it_was_made_for(ops: Any) -> None:
    shape = ops.ConvShape(1, 3, 9, 8, 20, 3, 3, 1, 1, 1, 1, 1)
    for plain in (False, True):
        for algorithm in shape.algorithms(ANY_SIZE, plain):
            made = ops.Conv(shape, algorithm)
            assert (made.shape, made.algorithm, made.plain) == (shape, algorithm, plain)
            assert made.cost() > 0
    dgrad = ops.ConvDgrad(shape, shape.dgrad_algorithms(ANY_SIZE)[0])
    assert (dgrad.shape, dgrad.algorithm) == (shape, shape.dgrad_algorithms(ANY_SIZE)[0])
    assert [(each.shape, each.plain) for each in (ops.ConvWgrad(shape), ops.ConvWgrad(shape, True))] == [
        (shape, False), (shape, True),
    ]  # fmt: skip


def test_precision_is_one_that_the_build_has(cpu_ops: Any) -> None:
    assert cpu_ops.precisions == ("fp32", "fp16", "bf16")
    numbers = 1, 16, 8, 8, 16, 1, 1, 1, 1, 0, 0, 1
    assert cpu_ops.ConvShape(*numbers).precision == "fp32"
    with pytest.raises(ValueError, match="expected one of fp32, tf32, fp16, bf16"):
        cpu_ops.ConvShape(*numbers, "fp8")
    with pytest.raises(ValueError, match="'tf32' is not available"):
        cpu_ops.ConvShape(*numbers, "tf32")
