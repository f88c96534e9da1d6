"""Convolution in each precision of the factors: on devices with its gradients, on the CPU with what is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lib.convolutions import ANY_SIZE, Case, Floats, convolve, data_gradient, weights_gradient
from tests.lib.tolerances import AMPLIFIED, CONV_NORM, FACTOR_EPSILON, conv_tolerance
from tests.reference.conv import conv

PRECISIONS = sorted(FACTOR_EPSILON)
PAIRS = "_bf16_pairs"

# n, c, h, w, k, kernel_h, kernel_w, stride_y, stride_x, pad_y, pad_x, groups
GEOMETRIES = [
    pytest.param((1, 16, 7, 6, 24, 1, 1, 1, 1, 0, 0, 1), id="1x1"),
    pytest.param((2, 12, 9, 10, 20, 3, 3, 1, 1, 1, 1, 1), id="3x3"),
    pytest.param((1, 3, 17, 19, 10, 7, 7, 2, 2, 3, 3, 1), id="7x7, stride 2"),
    pytest.param((2, 10, 8, 7, 10, 3, 3, 1, 1, 1, 1, 10), id="depthwise"),
    pytest.param((1, 12, 8, 7, 18, 3, 3, 2, 1, 1, 1, 3), id="groups narrower than a block"),
    pytest.param((1, 40, 6, 5, 24, 3, 3, 1, 1, 1, 1, 2), id="groups"),
    pytest.param((3, 7, 11, 5, 9, 3, 5, 2, 1, 1, 2, 1), id="odd sizes"),
    pytest.param((2, 9, 4, 5, 40, 4, 5, 1, 1, 0, 0, 1), id="connected"),
    pytest.param((1, 256, 4, 4, 16, 3, 3, 1, 1, 1, 1, 1), id="long sum in parts"),
    pytest.param((1, 32, 93, 93, 128, 1, 1, 1, 1, 0, 0, 1), id="large tiles of pixels"),
    pytest.param((1, 128, 4, 4, 1024, 3, 3, 1, 1, 1, 1, 1), id="large tiles of weights"),
    *(pytest.param((1, c, 5, 6, 8, 3, 3, 1, 1, 1, 1, 1), id=f"C={c}") for c in (1, 3, 5, 255, 425)),
    *(pytest.param((1, 8, 5, 6, k, 3, 3, 1, 1, 1, 1, 1), id=f"K={k}") for k in (1, 3, 5, 255, 425)),
]


def assert_close(found: Any, expected: Any, algorithm: str, length: int) -> None:
    error = found - expected
    assert np.abs(error).max() <= conv_tolerance(algorithm, length)
    assert np.linalg.norm(error) <= CONV_NORM[algorithm] * np.linalg.norm(expected)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("numbers", GEOMETRIES)
def test_every_precision(device_ops: Any, numbers: tuple[int, ...], precision: str) -> None:
    ops, case, name = device_ops, Case(device_ops, numbers, precision=precision), f"implicit_{precision}"
    s = case.shape
    expected = conv(case.x, case.weights, None, (s.stride_y, s.stride_x), (s.pad_y, s.pad_x), s.groups)
    for algorithm in (name, f"{name}_plain") if s.groups == 1 else (name,):
        y = convolve(ops, s, algorithm, case.x, case.weights, None)
        assert_close(y, expected, algorithm, case.weights[0].size)
    assert_close(data_gradient(ops, case, name), case.dx, name, case.weights[:, 0].size // s.groups)
    if precision == "fp32" and "winograd4" in s.algorithms(ANY_SIZE):
        y = convolve(ops, s, "winograd4", case.x, case.weights, None)
        assert_close(y, expected, "winograd4", case.weights[0].size)
        assert_close(data_gradient(ops, case, "winograd4"), case.dx, "winograd4", case.weights[:, 0].size)
    for plain in (False, True) if s.groups == 1 else (False,):
        found = weights_gradient(ops, case, plain) - case.before.astype(np.float64)
        assert_close(found, case.dweights, name, s.n * s.out_h * s.out_w)


@pytest.mark.parametrize(
    ("precision", "fine_enough"),
    [
        ("fp32", {"winograd4", "implicit_fp32"}),
        ("tf32", {"winograd4", "implicit_fp32", "implicit_tf32"}),
        ("fp16", {"winograd4", "implicit_fp32", "implicit_tf32", "implicit_fp16"}),
        ("bf16", {"winograd4", "implicit_fp32", "implicit_tf32", "implicit_bf16"}),
    ],
)
def test_algorithms_that_are_too_coarse_come_last(device_ops: Any, precision: str, fine_enough: set[str]) -> None:
    shape = device_ops.ConvShape(8, 256, 52, 52, 512, 3, 3, 1, 1, 1, 1, 1, precision)
    assert shape.precision == precision
    for names in (shape.algorithms(ANY_SIZE), shape.dgrad_algorithms(ANY_SIZE)):
        assert set(names) == {"winograd4", *(f"implicit_{p}" for p in PRECISIONS)}
        assert set(names[: len(fine_enough)]) == fine_enough
        assert names[0] == ("winograd4" if precision == "fp32" else f"implicit_{precision}")
    picture = device_ops.ConvShape(8, 3, 416, 416, 32, 3, 3, 1, 1, 1, 1, 1, precision)
    plain = picture.algorithms(ANY_SIZE, True)
    assert set(plain) == {f"implicit_{p}_plain" for p in PRECISIONS}
    assert plain[-1] != f"implicit_{precision}_plain"


def test_depthwise_layers_are_read_once(device_ops: Any) -> None:
    for precision in PRECISIONS:
        shape = device_ops.ConvShape(1, 64, 52, 52, 64, 3, 3, 1, 1, 1, 1, 64, precision)
        assert shape.algorithms(ANY_SIZE)[0] == "depthwise"
        assert shape.dgrad_algorithms(ANY_SIZE)[0] == "depthwise"


def test_winograd_is_for_3x3_layers_with_enough_tiles(device_ops: Any) -> None:
    def names(*numbers: int) -> list[str]:
        return device_ops.ConvShape(*numbers).algorithms(ANY_SIZE)

    assert names(1, 256, 26, 26, 512, 3, 3, 1, 1, 1, 1, 1)[0] == "winograd4"
    # Sixteen tiles fill a quarter of a block's pixels; eight images fill two blocks.
    assert names(1, 512, 13, 13, 1024, 3, 3, 1, 1, 1, 1, 1)[0] == "implicit_fp32"
    assert names(8, 512, 13, 13, 1024, 3, 3, 1, 1, 1, 1, 1)[0] == "winograd4"
    for others in ((3, 3, 2, 2, 1, 1, 1), (3, 3, 1, 1, 0, 0, 1), (3, 3, 1, 1, 1, 1, 2), (5, 3, 1, 1, 1, 1, 1)):
        assert "winograd4" not in names(1, 256, 26, 26, 512, *others)


def test_winograd_in_chunks_of_tiles_changes_nothing(device_ops: Any) -> None:
    # 2025 tiles an image of 6912 bytes: two chunks, which meet within the third image; one image is one chunk.
    image = (16, 178, 180, 32, 3, 3, 1, 1, 1, 1, 1)
    batch, alone = device_ops.ConvShape(5, *image), device_ops.ConvShape(1, *image)
    workspaces = [4 * device_ops.Conv(shape, "winograd4").workspace() for shape in (batch, alone)]
    assert workspaces == [6912 * -(-5 * 2025 // 2), 6912 * 2025]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 16, 178, 180), np.float32)
    weights = rng.standard_normal((32, 16, 3, 3), np.float32)
    y = convolve(device_ops, batch, "winograd4", x, weights, None)
    for i in (2, 4):
        expected = convolve(device_ops, alone, "winograd4", x[i : i + 1], weights, None)
        np.testing.assert_array_equal(y[i : i + 1], expected)


@pytest.mark.parametrize("n", [1, 8, 64, 500])
@pytest.mark.parametrize("image", [(32, 208, 208, 64), (128, 52, 52, 256), (512, 13, 13, 1024), (64, 304, 304, 32)])
def test_workspace_of_winograd_is_bounded(device_ops: Any, n: int, image: tuple[int, ...]) -> None:
    shape = device_ops.ConvShape(n, *image, 3, 3, 1, 1, 1, 1, 1)
    assert 4 * device_ops.Conv(shape, "winograd4").workspace() <= 64 << 20
    assert 4 * device_ops.ConvDgrad(shape, "winograd4").workspace(False) <= 64 << 20


def test_a_small_budget_leaves_the_precision_alone(device_ops: Any) -> None:
    shape = device_ops.ConvShape(1, 64, 13, 13, 64, 3, 3, 1, 1, 1, 1, 1, "tf32")
    assert shape.algorithms(0)[0] == "implicit_tf32"
    half, whole = (device_ops.Conv(shape, f"implicit_{each}").packed_size for each in ("fp16", "tf32"))
    assert half * 2 == whole


@pytest.mark.parametrize("precision", PRECISIONS)
def test_sums_in_parts_repeat_bit_for_bit(device_ops: Any, precision: str) -> None:
    case, name = Case(device_ops, (1, 256, 4, 4, 16, 3, 3, 1, 1, 1, 1, 1)), f"implicit_{precision}"
    assert device_ops.Conv(case.shape, name).workspace() > 0
    first, second = (convolve(device_ops, case.shape, name, case.x, case.weights, None) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_gradients_take_blocked_algorithms(device_ops: Any) -> None:
    shape = device_ops.ConvShape(1, 3, 8, 8, 8, 3, 3, 1, 1, 1, 1, 1)
    with pytest.raises(ValueError, match="implicit_fp32_plain"):
        device_ops.ConvDgrad(shape, "implicit_fp32_plain")


def bf16(values: Floats) -> Floats:
    """Rounded to nearest, ties to even."""
    bits = values.view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(values), values, rounded)


def fp16(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


ROUNDED = {"direct_fp16": fp16, "direct_bf16": bf16}


@pytest.mark.parametrize("algorithm", ROUNDED)
def test_weights_are_rounded_to_nearest(cpu_ops: Any, algorithm: str) -> None:
    rng = np.random.default_rng(0)
    anything = rng.standard_normal(4000) * 2.0 ** rng.integers(-40, 15, 4000)
    ends = [0.0, -0.0, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-8, 1 + 3 * 2**-8, 2**-24, 2**-25, 3 * 2**-25, 2**-14,
            65504.0, -65504.0, 65519.0, 65520.0, -1e5, 3.3e38]  # fmt: skip
    weights = np.array([*anything, *ends], np.float32)
    shape = cpu_ops.ConvShape(1, 1, 1, 1, len(weights), 1, 1)
    # What lies before the last bits of the sum is the product with 1 alone.
    y = apply(cpu_ops, shape, algorithm, weights)
    np.testing.assert_array_equal(y, ROUNDED[algorithm](weights))


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_not_a_number_stays_none(cpu_ops: Any, bits: int) -> None:
    weights = np.array([1, bits], np.uint32).view(np.float32)
    weights[0] = 1.0
    shape = cpu_ops.ConvShape(1, 1, 1, 1, 2, 1, 1)
    for algorithm in shape.algorithms(ANY_SIZE):
        y = apply(cpu_ops, shape, algorithm, weights)
        assert (np.isnan(y) == [False, True]).all(), algorithm


def apply(ops: Any, shape: Any, algorithm: str, weights: Floats) -> Floats:
    """What a pixel of 1 gives."""
    made = ops.Conv(shape, algorithm)
    packed = np.empty(made.packed_size, np.float32)
    made.pack(weights.reshape(-1, 1, 1, 1), packed)
    x = np.zeros((1, 1, 1, 1, ops.block), np.float32)
    x[..., 0], x[..., 1:] = 1.0, np.finfo(np.float32).max  # in spare lanes, which BF16 could make infinite
    y = np.empty((1, -(-shape.k // ops.block), 1, 1, ops.block), np.float32)
    made.forward(x, packed, None, y, ops.Activation("linear"), np.empty(made.workspace(), np.float32))
    return y.reshape(-1)[: shape.k]


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    "numbers",
    [
        (1, 64, 13, 13, 128, 3, 3, 1, 1, 1, 1, 1),
        (1, 17, 60, 60, 32, 3, 3, 1, 1, 1, 1, 1),
        (1, 64, 13, 13, 425, 1, 1, 1, 1, 0, 0, 1),
        (2, 33, 20, 20, 24, 3, 3, 2, 2, 1, 1, 1),
    ],
)
def test_threads_change_no_bit(cpu_ops: Any, numbers: tuple[int, ...], threads: int) -> None:
    shape = cpu_ops.ConvShape(*numbers)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((shape.n, shape.c, shape.h, shape.w), np.float32)
    weights = rng.standard_normal((shape.k, shape.c, shape.kernel_h, shape.kernel_w), np.float32)
    for algorithm in shape.algorithms(ANY_SIZE):
        found = []
        for count in (1, threads):
            cpu_ops.set_num_threads(count)
            found.append(convolve(cpu_ops, shape, algorithm, x, weights, None))
        np.testing.assert_array_equal(found[0], found[1], err_msg=algorithm)


@pytest.mark.parametrize("layer", [(1, 1, 1, 1, 0, 0), (3, 3, 2, 2, 1, 1), (3, 3, 1, 1, 0, 1)])
@pytest.mark.parametrize("threads", [1, 2])
def test_images_of_a_large_batch_are_those_alone(cpu_ops: Any, layer: tuple[int, ...], threads: int) -> None:
    # More than 4 MB, which is copied to BF16 in small bands, and asked for by tiles before they read and write.
    n, c, size, k = 5, 20, 104, 24
    batch, alone = (cpu_ops.ConvShape(images, c, size, size, k, *layer, 1) for images in (n, 1))
    assert n * c * size**2 > 1 << 20 > c * size**2
    rng = np.random.default_rng(2)
    x = rng.standard_normal((n, c, size, size), np.float32)
    weights = rng.standard_normal((k, c, *layer[:2]), np.float32)
    cpu_ops.set_num_threads(threads)
    for algorithm in batch.algorithms(ANY_SIZE):
        y = convolve(cpu_ops, batch, algorithm, x, weights, None)
        for i in range(n):
            expected = convolve(cpu_ops, alone, algorithm, x[i : i + 1], weights, None)
            np.testing.assert_array_equal(y[i : i + 1], expected, err_msg=algorithm)


def test_mish_is_as_exact_as_the_precision_asks_for(cpu_ops: Any) -> None:
    x = np.append(np.linspace(-30, 30, 4097), [0.0, -1e-3, -88.0, -1e30, 1e30]).astype(np.float32)
    exact = x.astype(np.float64)
    with np.errstate(all="ignore"):
        exact = exact * np.tanh(np.log1p(np.exp(np.minimum(exact, 40))))
    for precision, error in (("fp32", 2.0**-20), ("bf16", 2.0**-13)):
        shape = cpu_ops.ConvShape(1, 1, 1, x.size, 1, 1, 1, 1, 1, 0, 0, 1, precision)
        y = convolve(
            cpu_ops, shape, "direct", x.reshape(1, 1, 1, -1), np.ones((1, 1, 1, 1), np.float32), None, "mish"
        )
        np.testing.assert_allclose(y.reshape(-1), exact, rtol=error, atol=1e-37, err_msg=precision)


# Transposed, the matrices of F(4x4, 3x3) make of a rounding what they make forward.
WGRAD = CONV_NORM["winograd4"] + AMPLIFIED["winograd4"][0] * FACTOR_EPSILON["bf16"]
MORE = [
    pytest.param((2, 32, 26, 27, 48, 3, 3, 1, 1, 1, 1, 1), id="Winograd"),
    pytest.param((1, 17, 61, 50, 33, 3, 3, 1, 1, 1, 1, 1), id="an odd number of tiles, several splits"),
    pytest.param((3, 130, 13, 13, 200, 3, 3, 1, 1, 1, 1, 1), id="Winograd, several tiles of weights"),
    pytest.param((3, 40, 13, 11, 65, 1, 1, 1, 1, 0, 0, 1), id="1x1, an odd number of images"),
    pytest.param((4, 33, 15, 14, 24, 3, 3, 2, 2, 1, 1, 1), id="stride 2, pairs of images"),
    pytest.param((2, 8, 5, 5, 8, 3, 3, 3, 3, 0, 0, 1), id="input not covered"),
    pytest.param((5, 64, 9, 10, 65, 3, 3, 1, 1, 1, 1, 1), id="rests of 1 and 2 after Winograd's tiles"),
    pytest.param((5, 64, 10, 11, 65, 3, 3, 1, 1, 1, 1, 1), id="rests of 2 and 3"),
    pytest.param((5, 64, 3, 9, 65, 3, 3, 1, 1, 1, 1, 1), id="rests of 3 and 1, no whole tile"),
]


def wrong(found: Any, expected: Any) -> float:
    """The error in the norm."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("numbers", [*GEOMETRIES, *MORE])
def test_gradients_in_bf16(cpu_ops: Any, numbers: tuple[int, ...]) -> None:
    case = Case(cpu_ops, numbers, precision="bf16")
    for algorithm in case.shape.dgrad_algorithms(ANY_SIZE):
        if algorithm == "phases" or "bf16" in algorithm:
            inner = "direct_bf16" if algorithm == "phases" else algorithm
            assert wrong(data_gradient(cpu_ops, case, algorithm), case.dx) <= CONV_NORM[inner]
    for plain in (False, True) if case.shape.groups == 1 else (False,):
        found = weights_gradient(cpu_ops, case, plain) - case.before.astype(np.float64)
        assert wrong(found, case.dweights) <= WGRAD


def test_fp32_rounds_nothing_and_bf16_does_where_the_processor_multiplies_it(cpu_ops: Any) -> None:
    numbers = (2, 32, 13, 13, 64, 3, 3, 1, 1, 1, 1, 1)
    shape = cpu_ops.ConvShape(*numbers, "bf16")
    pairs = "direct_bf16_pairs" in shape.algorithms(ANY_SIZE)
    assert ("direct_bf16_pairs" in shape.dgrad_algorithms(ANY_SIZE)) == pairs
    assert not [a for a in cpu_ops.ConvShape(*numbers).dgrad_algorithms(ANY_SIZE) if "16" in a]
    for kernel, pad in ((3, 1), (1, 0)):
        sizes = (*numbers[:5], kernel, kernel, 1, 1, pad, pad, 1)
        errors = []
        for precision in ("fp32", "bf16"):
            case = Case(cpu_ops, sizes, precision=precision)
            found = weights_gradient(cpu_ops, case, False) - case.before.astype(np.float64)
            errors.append(wrong(found, case.dweights))
        assert errors[0] < 1e-5
        assert (errors[1] > 1e-4) == pairs


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_change_no_bit_of_gradients(cpu_ops: Any, threads: int) -> None:
    for case in (Case(cpu_ops, each.values[0], precision="bf16") for each in MORE):
        names = case.shape.dgrad_algorithms(ANY_SIZE)
        found = []
        for count in (1, threads):
            cpu_ops.set_num_threads(count)
            gradients = [data_gradient(cpu_ops, case, name) for name in names]
            found.append([*gradients, weights_gradient(cpu_ops, case, False)])
        for one, many in zip(*found, strict=True):
            np.testing.assert_array_equal(one, many)
