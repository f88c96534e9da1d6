"""Convolutions and their gradients by an extension's ops, and what they must be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.lib.guarded import Arrays
from tests.reference.conv_backward import conv_backward

Floats = NDArray[np.float32]
GARBAGE = 3e38  # in spare lanes
ANY_SIZE = 1 << 62


def exact(ops: Any, shape: Any) -> str:
    """The backend's algorithm for any blocked layer in FP32."""
    return next(a for a in shape.algorithms(ANY_SIZE) if a in {"direct", "implicit_fp32"})


def convolve(
    ops: Any, shape: Any, algorithm: str, x: Floats, weights: Floats, bias: Floats | None, activation: str = "linear"
) -> Floats:
    """Packs, runs and unpacks, with guards around everything written and huge numbers in spare lanes."""
    arrays = Arrays(ops.block)
    made = ops.Conv(shape, algorithm)
    assert made.plain == (algorithm in shape.algorithms(ANY_SIZE, True))
    packed = arrays.empty(made.packed_size)
    workspace = arrays.empty(made.workspace())
    y = arrays.empty_blocked(shape.n, shape.k, shape.out_h, shape.out_w)
    made.pack(weights, packed)
    assert np.isfinite(packed).all()
    x = arrays.plain(x) if made.plain else arrays.blocked(x, GARBAGE)
    made.forward(x, packed, bias, y, ops.Activation(activation), workspace)
    arrays.check()
    return arrays.channels(y, shape.k)


class Case:
    """Random x, weights and dy of one geometry, and what their gradients must be."""

    def __init__(self, ops: Any, numbers: tuple[int, ...], seed: int = 0, precision: str = "fp32") -> None:
        self.shape = s = ops.ConvShape(*numbers, precision)
        rng = np.random.default_rng(seed)
        self.x = rng.standard_normal((s.n, s.c, s.h, s.w), np.float32)
        self.weights = rng.standard_normal((s.k, s.c // s.groups, s.kernel_h, s.kernel_w), np.float32)
        self.dy = rng.standard_normal((s.n, s.k, s.out_h, s.out_w), np.float32)
        self.before = rng.standard_normal(self.weights.shape, np.float32)
        arguments = (s.stride_y, s.stride_x), (s.pad_y, s.pad_x), s.groups
        self.dx, self.dweights = conv_backward(self.x, self.weights, self.dy, *arguments)
        _, self.magnitude = conv_backward(abs(self.x), self.weights, abs(self.dy), *arguments)


def data_gradient(ops: Any, case: Case, algorithm: str, before: Floats | None = None) -> Floats:
    arrays, s = Arrays(ops.block), case.shape
    dgrad = ops.ConvDgrad(s, algorithm)
    packed = arrays.empty(dgrad.packed_size)
    dgrad.pack(case.weights, packed)
    assert np.isfinite(packed).all()
    dx = arrays.empty_blocked(s.n, s.c, s.h, s.w) if before is None else arrays.blocked(before)
    workspace = arrays.empty(dgrad.workspace(before is not None))
    dgrad.backward(arrays.blocked(case.dy, GARBAGE), packed, dx, before is not None, workspace)
    arrays.check()
    return arrays.channels(dx, s.c)


def weights_gradient(ops: Any, case: Case, plain: bool) -> Floats:
    """The case's `before` plus the gradient."""
    arrays, s = Arrays(ops.block), case.shape
    dweights = arrays.plain(case.before)
    wgrad = ops.ConvWgrad(s, plain)
    x = arrays.plain(case.x) if plain else arrays.blocked(case.x, GARBAGE)
    wgrad.backward(x, arrays.blocked(case.dy, GARBAGE), dweights, arrays.empty(wgrad.workspace()))
    arrays.check()
    return dweights
