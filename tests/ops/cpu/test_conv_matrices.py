"""Convolution and its gradients in BF16 by matrix registers, or what they do in plain C++, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pydarknet.backends.base import cpu_backend, multiplier
from pydarknet.errors import DeviceError
from tests.lib.convolutions import ANY_SIZE, Case, convolve, data_gradient, weights_gradient
from tests.lib.tolerances import CONV_NORM
from tests.ops.test_conv_precision import GEOMETRIES, MORE, PAIRS, WGRAD, wrong

ROUNDING = 2e-6  # in the norm: the same products, summed in another order

MATRICES = "direct_bf16_matrices"
# Pixels of 16 and of 32 channels, and rests of them; tiles of pixels that overlap; runs that are no row.
DIRECT = [
    pytest.param((2, 33, 9, 35, 48, 3, 3, 1, 1, 1, 1, 1), id="a channel beyond 32, three tiles of filters"),
    pytest.param((2, 9, 9, 35, 17, 3, 3, 1, 1, 1, 1, 1), id="9 channels"),
    pytest.param((2, 32, 7, 9, 40, 1, 1, 1, 1, 0, 0, 1), id="1x1, pixels of several rows"),
    pytest.param((1, 48, 14, 15, 24, 3, 3, 2, 2, 1, 1, 1), id="stride 2"),
    pytest.param((1, 16, 14, 15, 24, 5, 4, 2, 1, 3, 2, 1), id="5x4, stride 2 down, much padding"),
    pytest.param((2, 600, 5, 6, 40, 3, 3, 1, 1, 1, 1, 1), id="sums in two parts"),
    pytest.param((1, 64, 60, 200, 24, 3, 3, 1, 1, 1, 1, 1), id="several bands", marks=pytest.mark.slow),
]
BY_MATRICES = [
    pytest.param((2, 64, 40, 41, 80, 3, 3, 1, 1, 1, 1, 1), id="few weights, several stretches"),
    pytest.param((1, 16, 40, 60, 24, 3, 3, 1, 1, 1, 1, 1), id="few weights, several splits"),
    pytest.param(
        (2, 288, 85, 88, 288, 1, 1, 1, 1, 0, 0, 1), id="many weights, several stretches", marks=pytest.mark.slow
    ),
    pytest.param((2, 30, 12, 9, 20, 5, 2, 1, 1, 3, 1, 1), id="5x2, padded by 3 and 1"),
    pytest.param((3, 17, 40, 33, 48, 4, 4, 1, 1, 0, 0, 1), id="4x4, no padding"),
]


@pytest.fixture
def pairs_ops() -> Iterator[Any]:
    ops: Any = cpu_backend().ops
    if f"direct{PAIRS}" not in ops.ConvShape(1, 16, 4, 4, 16, 3, 3, 1, 1, 1, 1, 1, "bf16").algorithms(ANY_SIZE):
        pytest.skip("this processor doesn't multiply BF16 in pairs")
    threads = ops.num_threads()
    yield ops
    ops.use_matrices(multiplier())
    ops.set_num_threads(threads)


def matrices(ops: Any) -> list[str]:
    """What there is of them, which is used in turns; the last one is now."""
    return [kind for kind in ("plain", "amx") if ops.use_matrices(kind) == kind]


@pytest.mark.parametrize("numbers", GEOMETRIES)
def test_matrices_agree_with_vectors(pairs_ops: Any, numbers: tuple[int, ...]) -> None:
    kinds = dict.fromkeys(["vectors", "plain", pairs_ops.use_matrices("amx")])  # the last where there is AMX
    case = Case(pairs_ops, numbers, precision="bf16")
    bias = np.random.default_rng(1).standard_normal(case.shape.k, np.float32)
    for algorithm in (name for name in case.shape.algorithms(ANY_SIZE) if name.endswith(PAIRS)):
        by_vectors, *others = (
            convolve(pairs_ops, case.shape, algorithm, case.x, case.weights, bias, "leaky")
            for kind in kinds
            if pairs_ops.use_matrices(kind) == kind
        )
        assert len(others) == len(kinds) - 1
        for found in others:
            assert np.linalg.norm(found - by_vectors) <= ROUNDING * np.linalg.norm(by_vectors)


def test_matrices_are_used(pairs_ops: Any) -> None:
    """Long sums in another order have other bits."""
    case, found = Case(pairs_ops, (1, 256, 4, 4, 16, 3, 3, 1, 1, 1, 1, 1), precision="bf16"), []
    for kind in ("vectors", "plain", "vectors"):
        pairs_ops.use_matrices(kind)
        found.append(convolve(pairs_ops, case.shape, f"direct{PAIRS}", case.x, case.weights, None))
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])


@pytest.mark.parametrize("numbers", GEOMETRIES)
def test_gradients_agree(pairs_ops: Any, numbers: tuple[int, ...]) -> None:
    case = Case(pairs_ops, numbers, precision="bf16")
    before = np.ones_like(case.x)
    for algorithm in (name for name in case.shape.dgrad_algorithms(ANY_SIZE) if name.endswith(PAIRS)):
        found = []
        for kind in ("vectors", "plain"):
            pairs_ops.use_matrices(kind)
            found.append(data_gradient(pairs_ops, case, algorithm, before))
        assert np.linalg.norm(found[0] - found[1]) <= ROUNDING * np.linalg.norm(found[0])


@pytest.mark.parametrize("numbers", [*GEOMETRIES, *MORE, *BY_MATRICES])
def test_weights_gradients_agree(pairs_ops: Any, numbers: tuple[int, ...]) -> None:
    case, found = Case(pairs_ops, numbers, precision="bf16"), []
    for kind in matrices(pairs_ops):
        pairs_ops.use_matrices(kind)
        found.append(weights_gradient(pairs_ops, case, False) - case.before.astype(np.float64))
        assert wrong(found[-1], case.dweights) <= WGRAD
    assert wrong(found[-1], found[0]) <= ROUNDING


@pytest.mark.parametrize("numbers", BY_MATRICES)
def test_threads_change_no_bit_of_gradients_by_matrices(pairs_ops: Any, numbers: tuple[int, ...]) -> None:
    case, found = Case(pairs_ops, numbers, precision="bf16"), []
    pairs_ops.use_matrices(matrices(pairs_ops)[-1])
    for threads in (1, 2, 3, 16):
        pairs_ops.set_num_threads(threads)
        found.append(weights_gradient(pairs_ops, case, False))
    for many in found[1:]:
        np.testing.assert_array_equal(found[0], many)


@pytest.mark.parametrize("activation", ["leaky", "mish"])
@pytest.mark.parametrize("numbers", [*GEOMETRIES, *DIRECT])
def test_direct_sums(pairs_ops: Any, numbers: tuple[int, ...], activation: str) -> None:
    case = Case(pairs_ops, numbers, precision="bf16")
    bias = np.random.default_rng(1).standard_normal(case.shape.k, np.float32)
    expected = convolve(pairs_ops, case.shape, f"direct{PAIRS}", case.x, case.weights, bias, activation)
    seen = case.shape.groups == 1 and case.shape.c > 8
    for kind in matrices(pairs_ops):
        pairs_ops.use_matrices(kind)
        assert (MATRICES in case.shape.algorithms(ANY_SIZE)) == seen
        if seen:
            found = convolve(pairs_ops, case.shape, MATRICES, case.x, case.weights, bias, activation)
            assert wrong(found, expected) <= ROUNDING
    pairs_ops.use_matrices("vectors")
    assert MATRICES not in case.shape.algorithms(ANY_SIZE)


@pytest.mark.parametrize("numbers", DIRECT)
def test_gradients_of_inputs_by_direct_sums(pairs_ops: Any, numbers: tuple[int, ...]) -> None:
    case = Case(pairs_ops, numbers, precision="bf16")
    expected = data_gradient(pairs_ops, case, case.shape.dgrad_algorithms(ANY_SIZE)[-1])
    for kind in matrices(pairs_ops):
        pairs_ops.use_matrices(kind)
        if MATRICES in case.shape.dgrad_algorithms(ANY_SIZE):
            found = data_gradient(pairs_ops, case, MATRICES)
            assert wrong(found, case.dx) <= CONV_NORM[MATRICES]
            assert wrong(found, expected) <= CONV_NORM["winograd3_bf16"]


def test_layers_of_networks_are_summed_directly(pairs_ops: Any) -> None:
    """Winograd's fewer products are worth nothing where most of a step is not products."""
    for kind in matrices(pairs_ops):
        pairs_ops.use_matrices(kind)
        for c, size, k in ((32, 208, 64), (64, 104, 128), (128, 52, 256), (256, 26, 512), (1024, 13, 1024)):
            shape = pairs_ops.ConvShape(4, c, size, size, k, 3, 3, 1, 1, 1, 1, 1, "bf16")
            assert shape.algorithms(ANY_SIZE)[0] == shape.dgrad_algorithms(ANY_SIZE)[0] == MATRICES


def test_names(pairs_ops: Any) -> None:
    assert pairs_ops.use_matrices("amx") in ("amx", "vectors")
    with pytest.raises(ValueError, match="'tiles': expected amx, vectors or plain"):
        pairs_ops.use_matrices("tiles")


@pytest.mark.parametrize(("text", "name"), [("", "amx"), ("1", "amx"), ("0", "vectors"), (" 0 ", "vectors")])
def test_the_variable(monkeypatch: pytest.MonkeyPatch, text: str, name: str) -> None:
    monkeypatch.setenv("PYDARKNET_AMX", text)
    assert multiplier() == name


def test_other_values_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_AMX", "off")
    with pytest.raises(DeviceError, match="PYDARKNET_AMX=off: expected 0 or 1"):
        multiplier()
