"""Inference whose activations are BF16: every instruction set that has the op, against the naive version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pydarknet.backends.base import cpu_backend
from pydarknet.errors import DeviceError
from tests.conftest import BACKENDS, RAN_ON, RUNNABLE, THREADS
from tests.lib.guarded import Arrays
from tests.lib.half_arrays import HalfArrays
from tests.reference import activation as activations
from tests.reference import conv as naive
from tests.reference.bf16 import rounded, widened

# Of a sum rounded once more: half a unit of BF16, and what the order of the sums changes.
ONE_ROUNDING = 2.0**-8


@pytest.fixture
def made() -> Iterator[HalfArrays]:
    arrays = HalfArrays()
    yield arrays
    arrays.check()


def kinds_of(isa: str) -> list[str]:
    """What multiplies there: AMX, and what it is to compute."""
    try:
        ops: Any = cpu_backend(isa).ops
    except DeviceError:  # not built, of which its tests complain
        return ["plain"]
    kinds = [kind for kind in ("plain", "amx") if ops.use_matrices(kind) == kind]
    ops.use_matrices("amx")
    return kinds


MULTIPLIED = [(isa, kind) for isa in RUNNABLE if isa in BACKENDS for kind in kinds_of(isa)]


@pytest.fixture(params=MULTIPLIED, ids="-".join)
def matrix_ops(request: pytest.FixtureRequest) -> Iterator[Any]:
    isa, kind = request.param
    ops: Any = cpu_backend(isa).ops
    request.node.user_properties.append((RAN_ON, isa))
    threads = ops.num_threads()
    ops.set_num_threads(THREADS)
    ops.use_matrices(kind)
    yield ops
    ops.use_matrices("amx")
    ops.set_num_threads(threads)


class Case:
    """A convolution of random numbers, and what it is to give in float64 before its activation."""

    def __init__(self, ops: Any, made: HalfArrays, numbers: tuple[int, ...]) -> None:
        self.ops, self.made = ops, made
        self.shape = ops.ConvShape(*numbers)
        (algorithm,) = ops.bf16_algorithms(self.shape)
        self.conv = ops.Bf16Conv(self.shape, algorithm)
        n, c, h, w, k, kernel_h, kernel_w, stride_y, stride_x, pad_y, pad_x = numbers[:11]
        random = np.random.default_rng(c * k + h)
        x = rounded(random.standard_normal((n, c, h, w)))
        weights = random.standard_normal((k, c, kernel_h, kernel_w)).astype(np.float32)
        weights /= np.sqrt(weights[0].size)
        self.bias = random.standard_normal(k).astype(np.float32)
        near = widened(rounded(weights))
        self.expected = naive.conv(widened(x), near, self.bias, (stride_y, stride_x), (pad_y, pad_x))
        self.x: Any = made.halves(x)
        self.pack(weights)

    def pack(self, weights: Any) -> None:
        self.packed = self.made.memory(4 * self.conv.packed_size).view(np.float32)
        self.conv.pack(weights, self.packed)
        self.workspace = self.made.memory(4 * self.conv.workspace()).view(np.float32)

    def out(self, shrink: int = 1) -> Any:
        s = self.shape
        return self.made.empty_halves(s.n, s.k, s.out_h // shrink, s.out_w // shrink)

    def run(self, y: Any, activation: str = "leaky", **tail: Any) -> Any:
        call = self.x, self.packed, self.bias, y, self.ops.Activation(activation), self.workspace
        self.conv.forward_then(*call, **tail) if tail else self.conv.forward(*call)
        return y

    def found(self, y: Any) -> Any:
        return widened(self.made.of_halves(y, self.shape.k))


def leaky(x: Any) -> Any:
    return np.maximum(x, 0.1 * x)


SHAPES = [
    (2, 3, 5, 13, 33, 3, 3, 1, 1, 1, 1, 1),
    (1, 32, 13, 13, 32, 3, 3, 1, 1, 1, 1, 1),
    (2, 40, 14, 29, 65, 3, 3, 1, 1, 1, 1, 1),
    (1, 64, 1, 1, 20, 3, 3, 1, 1, 1, 1, 1),
    (2, 70, 13, 13, 31, 1, 1, 1, 1, 0, 0, 1),
    (1, 96, 26, 26, 160, 1, 1, 1, 1, 0, 0, 1),
    (1, 33, 17, 18, 48, 3, 3, 2, 2, 1, 1, 1),
    (2, 32, 6, 5, 20, 1, 1, 2, 2, 0, 0, 1),
    (1, 18, 6, 5, 20, 5, 3, 1, 3, 0, 2, 1),
    (1, 18, 6, 5, 20, 2, 2, 3, 1, 1, 0, 1),
    (1, 35, 6, 5, 257, 1, 1, 1, 1, 1, 1, 1),
    (3, 40, 7, 7, 50, 7, 7, 1, 1, 0, 0, 1),
    (1, 640, 4, 5, 40, 3, 3, 1, 1, 1, 1, 1),  # whose sums are cut
]


@pytest.mark.parametrize("numbers", SHAPES, ids=str)
def test_conv(matrix_ops: Any, made: HalfArrays, numbers: tuple[int, ...]) -> None:
    """Into BF16 and into floats."""
    case = Case(matrix_ops, made, numbers)
    expected = leaky(case.expected)
    np.testing.assert_allclose(case.found(case.run(case.out())), expected, rtol=ONE_ROUNDING, atol=1e-4)
    arrays, s = Arrays(matrix_ops.block), case.shape
    y = case.run(arrays.empty_blocked(s.n, s.k, s.out_h, s.out_w))
    arrays.check()
    np.testing.assert_allclose(arrays.channels(y, s.k), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("activation", ["linear", "relu", "mish", "logistic", "swish", "selu"])
def test_activations(matrix_ops: Any, made: HalfArrays, activation: str) -> None:
    case = Case(matrix_ops, made, (1, 40, 9, 9, 45, 3, 3, 1, 1, 1, 1, 1))
    expected = activations.activate(case.expected, activation)
    found = case.found(case.run(case.out(), activation))
    np.testing.assert_allclose(found, expected, rtol=ONE_ROUNDING, atol=5e-4)


@pytest.mark.parametrize("numbers", [SHAPES[1], SHAPES[2], SHAPES[4], SHAPES[6], SHAPES[10]], ids=str)
def test_addition(matrix_ops: Any, made: HalfArrays, numbers: tuple[int, ...]) -> None:
    """In float32, rounded once."""
    case = Case(matrix_ops, made, numbers)
    assert case.conv.does(add=True)
    other = rounded(np.random.default_rng(3).standard_normal(case.expected.shape))
    found = case.found(case.run(case.out(), add=made.halves(other)))
    expected = leaky(case.expected) + widened(other)
    np.testing.assert_allclose(found, expected, rtol=ONE_ROUNDING, atol=1e-4)


@pytest.mark.parametrize(
    "numbers",
    [(2, 40, h, w, 65, 3, 3, 1, 1, 1, 1, 1) for h, w in ((2, 2), (4, 4), (2, 6), (46, 22), (12, 130))]
    + [(1, 40, 20, 36, 33, 3, 3, 2, 2, 1, 1, 1), (1, 70, 8, 10, 33, 1, 1, 1, 1, 0, 0, 1)],
    ids=str,
)  # fmt: skip
def test_pooling(matrix_ops: Any, made: HalfArrays, numbers: tuple[int, ...]) -> None:
    """The bits of convolution and max-pooling one by one: rounding keeps the order."""
    case = Case(matrix_ops, made, numbers)
    assert case.conv.does(pool=True)
    whole = case.found(case.run(case.out()))
    n, k, h, w = whole.shape
    expected = whole.reshape(n, k, h // 2, 2, w // 2, 2).max((3, 5))
    np.testing.assert_array_equal(case.found(case.run(case.out(2), pool=True)), expected)


IMAGES = [
    (2, 3, 13, 21, 33, 3, 3, 1, 1, 1, 1, 1),
    (1, 3, 64, 130, 32, 3, 3, 1, 1, 1, 1, 1),
    (1, 1, 17, 16, 16, 5, 5, 1, 1, 2, 2, 1),
    (1, 2, 9, 7, 20, 1, 1, 1, 1, 0, 0, 1),
    (2, 4, 19, 34, 48, 3, 3, 2, 2, 1, 1, 1),
    (1, 3, 30, 30, 64, 7, 7, 2, 2, 3, 3, 1),
    (1, 3, 6, 5, 20, 2, 4, 3, 1, 1, 0, 1),
]


class ImageCase(Case):
    """Of plain floats, by weights as they are."""

    def __init__(self, ops: Any, made: HalfArrays, numbers: tuple[int, ...]) -> None:
        self.ops, self.made = ops, made
        self.shape = ops.ConvShape(*numbers)
        (algorithm,) = ops.bf16_image_algorithms(self.shape)
        self.conv = ops.Bf16ImageConv(self.shape, algorithm)
        n, c, h, w, k, kernel_h, kernel_w, stride_y, stride_x, pad_y, pad_x = numbers[:11]
        random = np.random.default_rng(c * k + h)
        image = random.random((n, c, h, w), np.float32)
        weights = random.standard_normal((k, c, kernel_h, kernel_w)).astype(np.float32)
        self.bias = random.standard_normal(k).astype(np.float32)
        self.expected = naive.conv(image, weights, self.bias, (stride_y, stride_x), (pad_y, pad_x))
        self.x: Any = Arrays(ops.block).plain(image)
        self.pack(weights)


@pytest.mark.parametrize("numbers", IMAGES, ids=str)
@pytest.mark.parametrize("threads", [1, 3])
def test_conv_of_an_image(matrix_ops: Any, made: HalfArrays, numbers: tuple[int, ...], threads: int) -> None:
    """Factors have 16 bits, so that sums are near those of float32; pooled, the bits of steps one by one."""
    matrix_ops.set_num_threads(threads)
    case = ImageCase(matrix_ops, made, numbers)
    arrays, s = Arrays(matrix_ops.block), case.shape
    y = case.run(arrays.empty_blocked(s.n, s.k, s.out_h, s.out_w), "linear")
    arrays.check()
    found = arrays.channels(y, s.k)
    assert np.linalg.norm(found - case.expected) < 2.0**-16 * np.linalg.norm(case.expected)
    whole = case.found(case.run(case.out(), "linear"))
    np.testing.assert_array_equal(whole, widened(rounded(found)))
    if s.out_h % 2 == 0 and s.out_w % 2 == 0:
        n, k, h, w = whole.shape
        pooled = case.found(case.run(case.out(2), "linear", pool=True))
        np.testing.assert_array_equal(pooled, whole.reshape(n, k, h // 2, 2, w // 2, 2).max((3, 5)))


def test_images_have_few_channels(matrix_ops: Any, made: HalfArrays) -> None:
    shape = matrix_ops.ConvShape(1, 5, 8, 8, 16, 3, 3)
    assert matrix_ops.bf16_image_algorithms(shape) == []
    (algorithm,) = matrix_ops.bf16_image_algorithms(matrix_ops.ConvShape(1, 4, 8, 8, 16, 3, 3))
    with pytest.raises(ValueError, match="at most 4 channels"):
        matrix_ops.Bf16ImageConv(shape, algorithm)


@pytest.mark.slow
def test_tiles_and_their_rests(matrix_ops: Any, made: HalfArrays) -> None:
    """Widths around a tile's, channels that fill no pixel, one tile of filters and two, strides, several images."""
    shapes = [(2, 24, 3, w, 17, 3, 3, 1, 1, 1, 1, 1) for w in (1, 2, 7, 15, 16, 17, 31, 33, 50)]
    shapes += [(1, c, 4, 9, 33, 3, 3, 1, 1, 1, 1, 1) for c in (1, 8, 9, 16, 17, 32, 64, 100)]
    shapes += [(3, 20, 9, 21, k, 1, 1, 1, 1, 0, 0, 1) for k in (1, 16, 48, 65)]
    shapes += [(1, 12, 9, 21, 20, i, i, s, s, i // 2, i // 2, 1) for i in (1, 2, 3, 5) for s in (1, 2, 3)]
    for numbers in shapes:
        case = Case(matrix_ops, made, numbers)
        np.testing.assert_allclose(
            case.found(case.run(case.out())), leaky(case.expected), rtol=ONE_ROUNDING, atol=1e-4, err_msg=str(numbers)
        )


@pytest.mark.parametrize("numbers", [SHAPES[2], SHAPES[6], SHAPES[12]], ids=str)
def test_whole_numbers_are_summed_exactly(matrix_ops: Any, made: HalfArrays, numbers: tuple[int, ...]) -> None:
    """So plain matrices are the processor's, bit by bit."""
    random = np.random.default_rng(0)
    whole = random.integers(0, 8, numbers[:4]).astype(np.float32)
    weights = random.integers(-3, 4, (numbers[4], numbers[1], *numbers[5:7])).astype(np.float32)
    case = Case(matrix_ops, made, numbers)
    case.x, case.bias = made.halves(rounded(whole)), np.zeros_like(case.bias)
    case.conv.pack(weights, case.packed)
    expected = naive.conv(whole, weights, case.bias, numbers[7:9], numbers[9:11])
    np.testing.assert_array_equal(case.found(case.run(case.out(), "linear")), widened(rounded(expected)))


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("numbers", [SHAPES[2], SHAPES[5], SHAPES[11]], ids=str)
def test_threads_change_no_bit(matrix_ops: Any, made: HalfArrays, threads: int, numbers: tuple[int, ...]) -> None:
    matrix_ops.set_num_threads(1)
    alone = Case(matrix_ops, made, numbers)
    expected = alone.run(alone.out())
    matrix_ops.set_num_threads(threads)
    case = Case(matrix_ops, made, numbers)
    np.testing.assert_array_equal(case.run(case.out()), expected)
    case.workspace = alone.workspace  # of one thread
    np.testing.assert_array_equal(case.run(case.out()), expected)


def test_weights_of_more_filters_follow_each_other(matrix_ops: Any, made: HalfArrays) -> None:
    """So they are packed by a few filters at a time."""
    whole = matrix_ops.ConvShape(1, 40, 5, 5, 300, 3, 3, 1, 1, 1, 1, 1)
    weights = np.random.default_rng(5).standard_normal((300, 40, 3, 3)).astype(np.float32)
    (algorithm,) = matrix_ops.bf16_algorithms(whole)

    def packed(filters: slice) -> Any:
        part = np.ascontiguousarray(weights[filters])
        conv = matrix_ops.Bf16Conv(matrix_ops.ConvShape(1, 40, 5, 5, len(part), 3, 3, 1, 1, 1, 1, 1), algorithm)
        memory = made.memory(4 * conv.packed_size)
        conv.pack(part, memory.view(np.float32))
        return memory

    parts = [packed(slice(i, i + 128)) for i in range(0, 300, 128)]
    np.testing.assert_array_equal(np.concatenate(parts), packed(slice(None)))


def test_bad_arguments(matrix_ops: Any, made: HalfArrays) -> None:
    case = Case(matrix_ops, made, SHAPES[1])
    activation = matrix_ops.Activation("linear")
    call = case.x, case.packed, case.bias, case.out(), activation, case.workspace
    for index, wrong in enumerate((case.x[:, :, :5], case.packed[1:-1], case.bias[:3], case.out()[:, :, 1:])):
        with pytest.raises(ValueError, match="bf16_conv"):
            case.conv.forward(*call[:index], wrong, *call[index + 1 :])
    odd = Case(matrix_ops, made, (1, 32, 5, 5, 32, 1, 1, 1, 1, 0, 0, 1))
    with pytest.raises(ValueError, match="can't do this"):
        odd.run(odd.out(2), pool=True)
    long_sums = matrix_ops.ConvShape(1, 33_000_000, 1, 1, 1, 150, 150, 1, 1, 75, 75, 1)
    with pytest.raises(ValueError, match="too large"):
        _ = matrix_ops.Bf16Conv(long_sums, case.conv.algorithm).packed_size
    with pytest.raises(ValueError, match="groups"):
        matrix_ops.Bf16Conv(matrix_ops.ConvShape(1, 32, 5, 5, 32, 3, 3, 1, 1, 1, 1, 2), case.conv.algorithm)
    with pytest.raises(ValueError, match="there is no"):
        matrix_ops.Bf16Conv(case.shape, "winograd4")


@pytest.mark.parametrize("channels", [1, 5, 16, 31, 32, 33, 70])
def test_conversions(cpu_ops: Any, made: HalfArrays, channels: int) -> None:
    """To the nearest, ties to even, whatever lies in the lanes past the channels; and back, exactly."""
    arrays = Arrays(cpu_ops.block)
    x = np.random.default_rng(1).standard_normal((2, channels, 3, 5)).astype(np.float32)
    x[0, 0, 0] = np.array([0x3F808000, 0x3F818000, 0x7F7FFFFF, 0xFF800000, 0x00008000], np.uint32).view(np.float32)
    x[1, -1, -1, -1] = np.nan
    source, y = arrays.blocked(x, noise=3e38), made.empty_halves(*x.shape)
    cpu_ops.bf16_from_blocked(source, y, channels)
    np.testing.assert_array_equal(made.of_halves(y, channels), rounded(x))
    back = arrays.empty_blocked(*x.shape)
    cpu_ops.bf16_to_blocked(y, back)
    np.testing.assert_array_equal(arrays.channels(back, channels), widened(rounded(x)))
    arrays.check()


def test_add(cpu_ops: Any, made: HalfArrays) -> None:
    a, b = rounded(np.random.default_rng(1).standard_normal((2, 2, 40, 3, 5)))
    y = made.empty_halves(2, 40, 3, 5)
    cpu_ops.bf16_add(made.halves(a), made.halves(b), y)
    np.testing.assert_array_equal(made.of_halves(y, 40), rounded(widened(a) + widened(b)))


def test_bad_arguments_of_conversions(cpu_ops: Any, made: HalfArrays) -> None:
    arrays = Arrays(cpu_ops.block)
    floats, halves = arrays.empty_blocked(1, 32, 3, 5), made.empty_halves(1, 40, 3, 5)
    for call in (
        lambda: cpu_ops.bf16_from_blocked(floats, halves, 32),
        lambda: cpu_ops.bf16_from_blocked(floats, halves[:, :1], 33),
        lambda: cpu_ops.bf16_to_blocked(halves, floats),
        lambda: cpu_ops.bf16_to_blocked(floats, floats),
        lambda: cpu_ops.bf16_add(halves, halves, halves[:, :1]),
    ):
        with pytest.raises(ValueError, match="bf16_"):
            call()


def test_none_without_matrices(cpu_ops: Any) -> None:
    cpu_ops.use_matrices("vectors")
    try:
        assert cpu_ops.bf16_algorithms(cpu_ops.ConvShape(1, 32, 5, 5, 32, 1, 1)) == []
    finally:
        cpu_ops.use_matrices("amx")
