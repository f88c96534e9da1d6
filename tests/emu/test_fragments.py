"""Tensor-core products of the emulator, whose fragments the kernels fill by hand, against NumPy."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
import pytest

Floats = npt.NDArray[np.float32]
RNG = np.random.default_rng(5)


def pointer(x: Floats) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


def rounded_tf32(x: Floats) -> Floats:
    """Ten bits of mantissa, ties away from zero."""
    return ((x.view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


def rounded_bf16(x: Floats) -> Floats:
    """Seven bits of mantissa, ties to even."""
    words = x.view(np.uint32)
    return ((words + np.uint32(0x7FFF) + (words >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def rounded_half(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float32)


ROUNDED = {"tf32": rounded_tf32, "half": rounded_half, "bf16": rounded_bf16}


def product(planted: ctypes.CDLL, format: str, a: Floats, b: Floats, shift: int = 0) -> Floats:
    c = np.full((16, 8), np.nan, np.float32)
    planted.multiply(format.encode(), pointer(a), pointer(b), pointer(c), shift)
    return c


def factors(format: str) -> tuple[Floats, Floats]:
    depth = 8 if format == "tf32" else 16
    return RNG.standard_normal((16, depth), np.float32), RNG.standard_normal((depth, 8), np.float32)


@pytest.mark.parametrize("format", ROUNDED)
def test_products_of_whole_numbers_are_exact(planted: ctypes.CDLL, format: str) -> None:
    a, b = (np.round(4 * x) for x in factors(format))
    np.testing.assert_array_equal(product(planted, format, a, b), a @ b)


@pytest.mark.parametrize("format", ROUNDED)
def test_products(planted: ctypes.CDLL, format: str) -> None:
    a, b = factors(format)
    exact = ROUNDED[format](a).astype(np.float64) @ ROUNDED[format](b).astype(np.float64)
    # The factors are rounded alike; what remains is the order of at most 16 float32 additions.
    np.testing.assert_allclose(product(planted, format, a, b), exact, rtol=0, atol=16 * 16 * 2**-24)


@pytest.mark.parametrize("format", ROUNDED)
def test_a_wrong_fragment_index_is_found(planted: ctypes.CDLL, format: str) -> None:
    a, b = factors(format)
    assert np.abs(product(planted, format, a, b, shift=1) - a @ b).max() > 0.1


def test_roundings(planted: ctypes.CDLL) -> None:
    words = RNG.integers(0, 2**32, 100_000, np.uint32)
    ties = np.float32(1) + np.arange(4096, dtype=np.float32) * np.float32(2**-12)
    small = np.float32(2**-24) * np.arange(0, 3000, dtype=np.float32) / 4
    edges = np.array([0, -0.0, 65504, 65519.9, 65520, -65520, 1e30, np.inf, -np.inf, 2**-14, 2**-25], np.float32)
    x = np.concatenate([words.view(np.float32), ties, -ties, small, edges])
    x = x[~np.isnan(x) & ~(np.abs(x) > 3e38)]  # rounding the largest floats up gives infinity, here and there
    x = np.concatenate([x, np.array([np.inf, -np.inf], np.float32)])
    out = [np.empty_like(x) for _ in range(3)]
    planted.round_all(pointer(x), *map(pointer, out), len(x))
    finite = np.isfinite(x)
    np.testing.assert_array_equal(out[0][finite], rounded_tf32(x[finite]))
    np.testing.assert_array_equal(out[1], rounded_half(x))
    np.testing.assert_array_equal(out[2], rounded_bf16(x))
