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
    return next(a for a in ops.conv_algorithms(shape, ANY_SIZE) if a in {"direct", "implicit_fp32"})


def convolve(
    ops: Any, shape: Any, algorithm: str, x: Floats, weights: Floats, bias: Floats | None, activation: str = "linear"
) -> Floats:
    """Packs, runs and unpacks, with guards around everything written and huge numbers in spare lanes."""
    arrays = Arrays(ops.block)
    takes_plain = algorithm in ops.conv_algorithms(shape, ANY_SIZE, True)
    packed = arrays.empty(ops.conv_packed_size(shape, algorithm))
    workspace = arrays.empty(ops.conv_workspace(shape, algorithm))
    y = arrays.empty_blocked(shape.n, shape.k, shape.out_h, shape.out_w)
    ops.conv_pack(shape, algorithm, weights, packed)
    assert np.isfinite(packed).all()
    forward = ops.conv_forward_plain if takes_plain else ops.conv_forward
    x = arrays.plain(x) if takes_plain else arrays.blocked(x, GARBAGE)
    forward(shape, algorithm, x, packed, bias, y, activation, workspace)
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
    packed = arrays.empty(ops.conv_data_packed_size(s, algorithm))
    ops.conv_data_pack(s, algorithm, case.weights, packed)
    assert np.isfinite(packed).all()
    dx = arrays.empty_blocked(s.n, s.c, s.h, s.w) if before is None else arrays.blocked(before)
    workspace = arrays.empty(ops.conv_data_workspace(s, algorithm, before is not None))
    ops.conv_backward_data(s, algorithm, arrays.blocked(case.dy, GARBAGE), packed, dx, before is not None, workspace)
    arrays.check()
    return arrays.channels(dx, s.c)


def weights_gradient(ops: Any, case: Case, plain: bool) -> Floats:
    """The case's `before` plus the gradient."""
    arrays, s = Arrays(ops.block), case.shape
    dweights = arrays.plain(case.before)
    workspace = arrays.empty(ops.conv_weights_workspace(s, plain))
    dy = arrays.blocked(case.dy, GARBAGE)
    if plain:
        ops.conv_backward_weights_plain(s, arrays.plain(case.x), dy, dweights, workspace)
    else:
        ops.conv_backward_weights(s, arrays.blocked(case.x, GARBAGE), dy, dweights, workspace)
    arrays.check()
    return dweights
