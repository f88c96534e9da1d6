"""The one table of tolerances: how far a float32 op may be from its float64 reference, and why.

Data movement (layouts, route, reorg, crop without scaling, maxpool, flatten) has no entry: it must be exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Tolerance(NamedTuple):
    """|actual - expected| <= absolute + relative * |expected|."""

    relative: float
    absolute: float


EPSILON = 2.0**-24  # largest relative error of one float32 rounding

TOLERANCES = {
    # A polynomial of degree 7 after an exact reduction: one or two units in the last place.
    "exp": Tolerance(2e-7, 0.0),
    # On devices: the table of CUDA's programming guide has expf 2 units in the last place off the rounded result at
    # most, as its authors' tests found, not guaranteed; together 2.5 of 2^-23. Then an addition and a division.
    "device exp": Tolerance(2.5 * 2 * EPSILON + 2 * EPSILON + 2e-8, 0.0),
    # The same. Below 1e-37 floats lose digits.
    "logistic": Tolerance(2.5 * 2 * EPSILON + 2 * EPSILON + 2e-8, 1e-37),
    # A logistic (or a normal number, up to 20) times at most 2, less at most a half: relative to the terms.
    "spread": Tolerance(4e-7, 2 * 3e-7),
    # expm1, an addition and a division; around 0 the relative precision stays.
    "tanh": Tolerance(5e-7, 0.0),
    # At most five roundings, constants included.
    "piecewise": Tolerance(5 * EPSILON, 1e-37),
    # They subtract: the error is relative to the terms, of order 1 around 0.
    "cancelling": Tolerance(1e-6, 2e-7),
    # x (1 + tanh): below 0 the sum cancels, and the error is relative to |x| * EPSILON.
    "gelu": Tolerance(1e-6, 1e-6),
    # The quotient e(e + 2) / (e(e + 2) + 2) on top of exp: where that is small it doubles the error of e (2.5 of
    # 2^-23 by that table), and five operations round.
    "mish": Tolerance(2 * 2.5 * 2 * EPSILON + 5 * EPSILON, 1e-37),
    # Two roundings, relative to the terms, which are of order 1 to 10 in the tests.
    "scale_bias": Tolerance(2 * EPSILON, 10 * EPSILON),
    # The mean rounds to float, then three roundings; normalised numbers of order 1 to 15 after scaling.
    "batchnorm": Tolerance(6 * EPSILON, 150 * EPSILON),
    # One rounding of a gradient of order 1, one of its sum with another.
    "accumulate": Tolerance(3 * EPSILON, 8 * EPSILON),
    "shortcut": Tolerance(3 * EPSILON, 10 * EPSILON),
    # 2x - 1: the error is relative to the terms.
    "crop": Tolerance(2 * EPSILON, 2 * EPSILON),
    # Two exps, each 2.5 of 2^-23 off by that table, a sum, a division and a product; before them the reduction by
    # the maximum and the temperature round the argument, of order 20, three times.
    "softmax": Tolerance(2 * 2.5 * 2 * EPSILON + 6 * EPSILON + 3 * 20 * EPSILON, 1e-37),
    # A running sum of squares, then a power of at most 1.
    "lrn": Tolerance(2e-6, 1e-7),
    "l2norm": Tolerance(1e-6, 0.0),
}

# Convolutions of standard normal numbers: the largest absolute error in units of EPSILON for each product
# summed. Sums in order lose less than one each, products another where they aren't fused with the sum (4.1 seen
# in a sanitizer build); Winograd's transforms amplify rounding before and after.
CONV_ROUNDINGS = {
    "direct": 5.0,
    "direct_plain": 5.0,
    "depthwise": 5.0,
    "winograd2": 12.0,
    "winograd3": 24.0,
    "winograd4": 48.0,
    "winograd4_few": 48.0,
    "winograd6": 200.0,
    "strided3": 16.0,
    "strided4": 36.0,
    "implicit_fp32": 5.0,
    "implicit_fp32_plain": 5.0,
}

# Largest relative error of rounding a factor to 11 or 8 bits.
FACTOR_EPSILON = {"fp32": 0.0, "tf32": 2.0**-11, "fp16": 2.0**-11, "bf16": 2.0**-8}

# The same, relative in the norm over a whole layer at the lengths that networks have.
CONV_NORM = {"direct": 2e-6, "direct_plain": 2e-6, "depthwise": 2e-6, "winograd2": 2e-6, "winograd3": 2e-6,
             "winograd4": 3e-6, "winograd4_few": 3e-6, "winograd6": 9e-6, "strided3": 2e-6,
             "strided4": 3e-6}  # fmt: skip
CONV_NORM |= {f"winograd{m}_lazy": CONV_NORM[f"winograd{m}"] for m in (2, 3, 4)}
CONV_NORM["winograd4_rows"] = CONV_NORM["winograd4"]
# With coarser factors, their rounding counts: of random sign, 0.42 of the largest one in the mean, in both factors,
# together 0.6. The rest is for TF32, which one instruction rounds 5 % worse, and for scatter where weights are few.
for _precision, _largest in FACTOR_EPSILON.items():
    CONV_NORM[f"implicit_{_precision}"] = CONV_NORM[f"implicit_{_precision}_plain"] = 2e-6 + _largest

# What the CPU's algorithms make of roundings of their factors, in the norm and at most in one place: for matrices
# A^T, G and B^T of one dimension the sum over i of A_ki^2 |G_i|^2 |B_i|^2 is so many times the 3 of the direct sum,
# for the outputs k of a tile in the mean and at most; two dimensions square it, and errors are roots.
AMPLIFIED = {"direct": (1.0, 1.0), "winograd2": (1.67, 1.67), "winograd3": (2.7, 3.4), "winograd4": (5.1, 8.2),
             "strided3": (1.7, 2.4), "strided4": (2.9, 5.5)}  # fmt: skip
for _algorithm, (_mean, _) in AMPLIFIED.items():
    for _kind in ("fp16", "bf16", "bf16_pairs", "bf16_matrices"):
        _largest = FACTOR_EPSILON[_kind.split("_")[0]]
        CONV_NORM[f"{_algorithm}_{_kind}"] = CONV_NORM[_algorithm] + _mean * _largest


def conv_tolerance(algorithm: str, length: int) -> float:
    """Largest absolute error of a convolution that sums `length` products of standard normal numbers."""
    algorithm = algorithm.removesuffix("_lazy").removesuffix("_rows")
    if algorithm in CONV_ROUNDINGS:
        return CONV_ROUNDINGS[algorithm] * EPSILON * max(length, 16)
    # Errors of random sign grow with the root of the length; six times one of them are nine standard deviations.
    name, precision, *_ = algorithm.split("_")
    amplified = AMPLIFIED[name][1] if name in AMPLIFIED else 1.0
    return 6 * amplified * FACTOR_EPSILON[precision] * max(length, 16) ** 0.5


def assert_close(actual: npt.NDArray[Any], expected: npt.NDArray[Any], name: str) -> None:
    """Fails unless `actual` is within TOLERANCES[name] of `expected`, NaN where that is NaN."""
    relative, absolute = TOLERANCES[name]
    np.testing.assert_allclose(actual, expected, rtol=relative, atol=absolute, err_msg=name)


def assert_sum_close(
    actual: npt.NDArray[Any], expected: npt.NDArray[Any], magnitude: npt.NDArray[Any], length: int
) -> None:
    """For sums of `length` products whose absolute values add up to `magnitude`.

    The error of a sum in any order is at most length * EPSILON * magnitude; random signs make it grow with the
    root of the length, and a few times that is a bound which a wrong summand still breaks.
    """
    bound = (4 + 4 * np.sqrt(length)) * EPSILON * magnitude + 1e-37
    excess = np.abs(actual - expected) - bound
    assert (excess <= 0).all(), f"error exceeds its bound by {excess.max()} of {bound.max()}"


def assert_delta_close(actual: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    """For deltas of losses: a few roundings of differences and scaled IoUs, relative to the largest one."""
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-6 * max(float(np.abs(expected).max()), 1))
