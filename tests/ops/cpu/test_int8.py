"""Inference in 8 bits: every instruction set and every body gives the very bytes of the naive version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lib.bytes_arrays import ByteArrays
from tests.lib.guarded import Arrays
from tests.reference import int8 as naive
from tests.reference import pool

IMAGE = 4  # lanes


@pytest.fixture(autouse=True)
def matrices(cpu_ops: Any) -> Iterator[None]:
    """AMX is among the bodies, or what it is to compute."""
    if cpu_ops.use_matrices("amx") == "vectors":
        assert cpu_ops.use_matrices("plain") == cpu_ops.int8_bodies()[0].partition("_")[0]
    yield
    cpu_ops.use_matrices("amx")


@pytest.fixture
def made() -> Iterator[ByteArrays]:
    arrays = ByteArrays()
    yield arrays
    arrays.check()


def padded(values: np.ndarray) -> np.ndarray:
    whole = np.zeros(-(-len(values) // 16) * 16, values.dtype)
    whole[: len(values)] = values
    return whole


def check_conv(
    ops: Any, made: ByteArrays, n: int, c: int, h: int, w: int, k: int, kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1), pad: tuple[int, int] = (0, 0), lanes: int = 16, slope: float = 0.1,
) -> None:  # fmt: skip
    """Into bytes and into floats, by every body."""
    random = np.random.default_rng(c * k + h)
    x, zero = random.integers(0, 256, (n, c, h, w)).astype(np.uint8), 17
    weights = random.integers(-127, 128, (k, c, *kernel)).astype(np.int8)
    start = random.integers(-5000, 5000, k).astype(np.int32)
    scale = random.uniform(1e-4, 2e-3, k).astype(np.float32)
    floats = naive.scaled(naive.conv_sums(x, weights, zero, stride, pad), start, scale, slope)
    shape = ops.ConvShape(n, c, h, w, k, *kernel, *stride, *pad, 1)
    for body in ops.int8_bodies():
        conv = ops.Int8Conv(shape, lanes == IMAGE, body)
        packed = made.memory(conv.packed_bytes)
        conv.pack(weights, packed)
        arrays = Arrays(ops.block)
        as_bytes = made.empty(n, k, shape.out_h, shape.out_w)
        as_floats = arrays.empty_blocked(n, k, shape.out_h, shape.out_w)
        for y in (as_bytes, as_floats):
            workspace = made.memory(conv.workspace())
            call = made.blocked(x, lanes), zero, packed, padded(start), padded(scale), slope, y, 30, workspace
            conv.forward(*call)
        arrays.check()
        np.testing.assert_array_equal(made.channels(as_bytes, k), naive.to_bytes(floats, 30), body)
        np.testing.assert_array_equal(arrays.channels(as_floats, k), floats, body)


@pytest.mark.parametrize("size", [(1, 1), (5, 13), (13, 13), (14, 29), (7, 60)])
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 40])
def test_conv_3x3(cpu_ops: Any, made: ByteArrays, size: tuple[int, int], channels: int) -> None:
    check_conv(cpu_ops, made, 2, channels, *size, 33, (3, 3), pad=(1, 1))


@pytest.mark.parametrize("filters", [1, 16, 31, 48, 65])
@pytest.mark.parametrize("size", [(1, 1), (13, 13), (3, 31)])
def test_conv_1x1(cpu_ops: Any, made: ByteArrays, size: tuple[int, int], filters: int) -> None:
    check_conv(cpu_ops, made, 2, 20, *size, filters, (1, 1))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_conv_of_an_image(cpu_ops: Any, made: ByteArrays, channels: int, stride: tuple[int, int]) -> None:
    check_conv(cpu_ops, made, 1, channels, 19, 34, 17, (3, 3), stride, (1, 1), lanes=IMAGE)


@pytest.mark.parametrize(
    ("kernel", "stride", "pad"),
    [((3, 3), (2, 2), (1, 1)), ((1, 1), (2, 2), (0, 0)), ((5, 3), (1, 3), (0, 2)), ((2, 2), (3, 1), (1, 0)),
     ((3, 3), (1, 1), (0, 0)), ((1, 1), (1, 1), (1, 1)), ((6, 5), (1, 1), (0, 0))],
)  # fmt: skip
def test_conv_of_other_geometry(cpu_ops: Any, made: ByteArrays, kernel: Any, stride: Any, pad: Any) -> None:
    check_conv(cpu_ops, made, 2, 18, 6, 5, 20, kernel, stride, pad, slope=0.0)


@pytest.mark.parametrize(("channels", "lanes", "side"), [(3, IMAGE, 3), (16, 16, 3), (40, 16, 3), (40, 16, 1)])
@pytest.mark.parametrize("threads", [1, 3])
def test_conv_that_pools(cpu_ops: Any, made: ByteArrays, channels: int, lanes: int, side: int, threads: int) -> None:
    """The bytes of convolution and max-pooling one by one; in several bands, and in runs of 1 to 7 windows."""
    cpu_ops.set_num_threads(threads)
    random = np.random.default_rng(channels)
    weights = random.integers(-127, 128, (33, channels, side, side)).astype(np.int8)
    start = padded(random.integers(-5000, 5000, 33).astype(np.int32))
    scale = padded(random.uniform(1e-4, 2e-3, 33).astype(np.float32))
    for height, width, stride in ((2, 2, 1), (4, 4, 1), (2, 6, 1), (46, 22, 1), (160, 130, 1), (20, 36, 2)):
        x = made.blocked(random.integers(0, 256, (2, channels, height, width)), lanes)
        shape = cpu_ops.ConvShape(2, channels, height, width, 33, side, side, stride, stride, side // 2, side // 2, 1)
        for body in cpu_ops.int8_bodies():
            conv = cpu_ops.Int8Conv(shape, lanes == IMAGE, body)
            packed, workspace = made.memory(conv.packed_bytes), made.memory(conv.workspace())
            conv.pack(weights, packed)
            whole = made.empty(2, 33, shape.out_h, shape.out_w)
            steps, pooled = (made.empty(2, 33, shape.out_h // 2, shape.out_w // 2) for _ in range(2))
            call = x, 17, packed, start, scale, 0.1
            conv.forward(*call, whole, 30, workspace)
            cpu_ops.narrow_maxpool(whole, steps, 2, (2, 2), 1)
            if stride == 2:  # vectors have kernels for windows of pixels side by side only
                assert conv.pools == (lanes != IMAGE and body in ("amx", "plain_matrices")), body
            if conv.pools:
                conv.forward(*call, pooled, 30, workspace, True)
                np.testing.assert_array_equal(made.channels(pooled, 33), made.channels(steps, 33), body)
            else:
                with pytest.raises(ValueError, match="pools no windows"):
                    conv.forward(*call, pooled, 30, workspace, True)


@pytest.mark.parametrize("size", [(1, 1), (5, 13), (13, 13), (14, 30), (52, 60), (1500, 2)])
@pytest.mark.parametrize(("channels", "pad"), [(5, (1, 1)), (48, (1, 1)), (70, (0, 2))])
@pytest.mark.parametrize("threads", [1, 3])
def test_conv_by_tiles(
    cpu_ops: Any, made: ByteArrays, size: tuple[int, int], channels: int, pad: tuple[int, int], threads: int
) -> None:
    """Into bytes, floats and maxima of windows, by every body; in several groups of tiles."""
    cpu_ops.set_num_threads(threads)
    if min(size) + 2 * pad[0] < 3:
        return
    random = np.random.default_rng(channels)
    x, weights = (
        random.integers(0, 256, (2, channels, *size)).astype(np.uint8),
        random.integers(-127, 128, (37, channels, 3, 3)).astype(np.int8),
    )
    weights[3] //= 100
    start = random.integers(-5000, 5000, 37).astype(np.int32)
    scale = random.uniform(1e-4, 2e-3, 37).astype(np.float32)
    sums, units = naive.tiled_sums(x, weights, 17, pad)
    floats = naive.scaled(sums, start, scale, 0.1)
    shape = cpu_ops.ConvShape(2, channels, *size, 37, 3, 3, 1, 1, *pad, 1)
    for body in cpu_ops.int8_bodies(tiles=True):
        conv = cpu_ops.Int8Conv(shape, False, body, tiles=True)
        packed, workspace, arrays = (
            made.memory(conv.packed_bytes),
            made.memory(conv.workspace()),
            Arrays(cpu_ops.block),
        )
        conv.pack(weights, packed)
        np.testing.assert_array_equal(conv.units(packed), units)
        as_bytes, as_floats = made.empty(*floats.shape), arrays.empty_blocked(*floats.shape)
        call = made.blocked(x), 17, packed, padded(start), padded(scale), 0.1
        for y in (as_bytes, as_floats):
            conv.forward(*call, y, 30, workspace)
        arrays.check()
        np.testing.assert_array_equal(made.channels(as_bytes, 37), naive.to_bytes(floats, 30), body)
        np.testing.assert_array_equal(arrays.channels(as_floats, 37), floats, body)
        if conv.pools:
            pooled = made.empty(2, 37, shape.out_h // 2, shape.out_w // 2)
            conv.forward(*call, pooled, 30, workspace, True)
            want = pool.maxpool(naive.to_bytes(floats, 30), 2, (2, 2), 0)
            np.testing.assert_array_equal(made.channels(pooled, 37), want, body)


def test_conv_in_several_bands(cpu_ops: Any, made: ByteArrays) -> None:
    check_conv(cpu_ops, made, 1, 64, 60, 130, 16, (3, 3), pad=(1, 1), slope=1.0)


@pytest.mark.slow
@settings(max_examples=30)
@given(data=st.data())
def test_any_conv(data: st.DataObject) -> None:
    """Whatever the shape, on the best instruction set of the machine."""
    from pydarknet.backends.base import cpu_backend

    side, few = st.integers(1, 20), st.integers(1, 3)
    made = ByteArrays()
    kernel, stride = data.draw(st.tuples(few, few)), data.draw(st.tuples(few, few))
    h, w = (kernel[0] - 1 + data.draw(side), kernel[1] - 1 + data.draw(side))
    pad = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    channels, filters = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    check_conv(cpu_backend().ops, made, data.draw(few), channels, h, w, filters, kernel, stride, pad)
    made.check()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["amx", "plain"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_conv_by_matrices(cpu_ops: Any, made: ByteArrays, kind: str, threads: int) -> None:
    """Pixels that fill no tile, channels that fill no word, one and two tiles of filters, several bands, images."""
    if not (used := cpu_ops.use_matrices(kind)):
        return  # a build that knows none
    cpu_ops.set_num_threads(threads)
    assert used == "vectors" or cpu_ops.int8_bodies()[0] == {"amx": "amx", "plain": "plain_matrices"}[kind]
    for channels in (1, 16, 17, 32, 33, 64, 65, 100):
        check_conv(cpu_ops, made, 1, channels, 4, 7, 33, (3, 3), pad=(1, 1))
        check_conv(cpu_ops, made, 3, channels, 3, 5, 49, (1, 1))
    for width in (1, 2, 15, 16, 17, 31, 33, 50):
        check_conv(cpu_ops, made, 3, 20, 3, width, 17, (3, 3), pad=(1, 1))
        check_conv(cpu_ops, made, 2, 70, 5, width, 32, (1, 1))
    for size, step in ((2, 1), (2, 3), (3, 2), (5, 1), (5, 3), (1, 2)):
        for channels in (8, 24, 40):
            check_conv(cpu_ops, made, 2, channels, 9, 21, 40, (size, size), (step, step), (size // 2, size // 2))
    check_conv(cpu_ops, made, 2, 128, 36, 120, 64, (3, 3), pad=(1, 1))
    check_conv(cpu_ops, made, 1, 1300, 5, 4, 40, (3, 3), pad=(1, 1))  # whose sums are cut


def test_the_largest_sums(cpu_ops: Any, made: ByteArrays) -> None:
    """Where other schemes saturate: bytes of 255 times weights of 127 and -127."""
    c = 1040
    x, weights = np.full((1, c, 1, 1), 255, np.uint8), np.full((2, c, 1, 1), 127, np.int8)
    weights[1] = -127
    ones = np.ones(16, np.float32)
    for body in cpu_ops.int8_bodies():
        conv = cpu_ops.Int8Conv(cpu_ops.ConvShape(1, c, 1, 1, 2, 1, 1, 1, 1, 0, 0, 1), False, body)
        packed = made.memory(conv.packed_bytes)
        conv.pack(weights, packed)
        y = Arrays(cpu_ops.block).empty_blocked(1, 2, 1, 1)
        conv.forward(
            made.blocked(x), 0, packed, np.zeros(16, np.int32), ones, 1.0, y, 0, made.memory(conv.workspace())
        )
        assert y.reshape(-1)[:2].tolist() == [255 * 127 * c, -255 * 127 * c]


def test_any_number_of_threads_gives_the_same(cpu_ops: Any, made: ByteArrays) -> None:
    for threads in (1, 2, 3):
        cpu_ops.set_num_threads(threads)
        check_conv(cpu_ops, made, 1, 32, 13, 13, 160, (3, 3), pad=(1, 1))


def test_between_floats_and_bytes(cpu_ops: Any, made: ByteArrays) -> None:
    arrays = Arrays(cpu_ops.block)
    x = np.random.default_rng(0).normal(0, 3, (2, 21, 5, 7)).astype(np.float32)
    x[0, 0, 0] = [np.nan, np.inf, -np.inf, 1e38, -1e38, 0.5, 1.5]
    for zero in (0, 40, 255):
        q = made.empty(2, 21, 5, 7)
        cpu_ops.int8_quantize(arrays.blocked(x), q, 10.0, zero)
        np.testing.assert_array_equal(made.channels(q, 21), naive.quantize(x, 10.0, zero))
        y = arrays.empty_blocked(2, 21, 5, 7)
        cpu_ops.int8_dequantize(q, y, 0.1, zero)
        np.testing.assert_array_equal(arrays.channels(y, 21), naive.dequantize(made.channels(q, 21), 0.1, zero))
    arrays.check()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_image_to_bytes(cpu_ops: Any, made: ByteArrays, channels: int) -> None:
    x = np.random.default_rng(0).uniform(-0.1, 1.1, (2, channels, 6, 37)).astype(np.float32)
    y = made.empty(2, channels, 6, 37, lanes=IMAGE)
    cpu_ops.int8_quantize_image(x, y, 255.0, 3)
    np.testing.assert_array_equal(made.channels(y, channels), naive.quantize(x, 255.0, 3))
    assert (made.channels(y, IMAGE)[:, channels:] == 3).all()


@pytest.mark.parametrize(("start", "to", "channels"), [(0, 0, 40), (0, 16, 32), (5, 3, 30), (16, 0, 16), (39, 49, 1)])
@pytest.mark.parametrize(("ratio", "zeros"), [(1.0, (7, 7)), (0.4, (7, 30)), (3.0, (100, 0))])
def test_copy_channels(
    cpu_ops: Any, made: ByteArrays, start: int, to: int, channels: int, ratio: float, zeros: tuple[int, int]
) -> None:
    x = np.random.default_rng(1).integers(0, 256, (2, 40, 3, 5)).astype(np.uint8)
    y = made.empty(2, 50, 3, 5)
    want = made.channels(y, 50).copy()
    want[:, to : to + channels] = naive.rescaled(x[:, start : start + channels], ratio, *zeros)
    cpu_ops.int8_copy_channels(made.blocked(x), y, start, to, channels, ratio, *zeros)
    ours = [c for c in range(50) if not to + channels <= c < -(-(to + channels) // 16) * 16]
    np.testing.assert_array_equal(made.channels(y, 50)[:, ours], want[:, ours])


@pytest.mark.parametrize(("factors", "shift"), [((1 << 19, 300_000), 20), ((-70, 90), 7), ((1 << 21, 1 << 21), 29)])
def test_add(cpu_ops: Any, made: ByteArrays, factors: tuple[int, int], shift: int) -> None:
    a, b = np.random.default_rng(1).integers(0, 256, (2, 2, 18, 3, 5)).astype(np.uint8)
    y = made.empty(2, 18, 3, 5)
    cpu_ops.int8_add(made.blocked(a), 20, factors[0], made.blocked(b), 99, factors[1], y, shift, 55)
    np.testing.assert_array_equal(
        made.channels(y, 18), naive.add(a, (20, factors[0]), b, (99, factors[1]), shift, 55)
    )


def test_wrong_arguments_are_refused(cpu_ops: Any, made: ByteArrays) -> None:
    shape = cpu_ops.ConvShape(1, 16, 4, 4, 16, 3, 3, 1, 1, 1, 1, 1)
    conv, x = cpu_ops.Int8Conv(shape), made.empty(1, 16, 4, 4)
    packed, workspace = made.memory(conv.packed_bytes), made.memory(conv.workspace())
    start, scale, y = np.zeros(16, np.int32), np.ones(16, np.float32), made.empty(1, 16, 4, 4)
    good: list[Any] = [x, 0, packed, start, scale, 0.1, y, 0, workspace]
    wrong: list[tuple[int, Any]] = [
        (0, made.empty(1, 16, 4, 5)), (0, x.astype(np.float32)), (1, 256), (2, packed[:-64]), (3, start[:15]),
        (4, scale.astype(np.float64)), (5, 1.5), (6, made.empty(1, 16, 5, 4)), (6, x), (7, -1), (8, workspace[:8]),
    ]  # fmt: skip
    conv.forward(*good)
    for position, value in wrong:
        with pytest.raises(ValueError, match="int8_conv"):
            conv.forward(*good[:position], value, *good[position + 1 :])
    with pytest.raises(ValueError, match="32 bits"):
        cpu_ops.Int8Conv(cpu_ops.ConvShape(1, 70000, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1))
    with pytest.raises(ValueError, match="32 bits, or it has groups"):
        cpu_ops.Int8Conv(cpu_ops.ConvShape(1, 16, 4, 4, 16, 3, 3, 1, 1, 1, 1, 2))
    with pytest.raises(ValueError, match="has no 'abacus'"):
        cpu_ops.Int8Conv(shape, False, "abacus")
