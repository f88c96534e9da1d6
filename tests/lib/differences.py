"""Central differences in float64: what a gradient written by hand must equal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def gradient(f: Callable[[Doubles], Doubles], x: Doubles, dy: Doubles, step: float = 1e-5) -> Doubles:
    """d sum(dy * f(x)) / dx, one element after the other; the error is of order step^2 * f'''."""
    dx = np.empty_like(x)
    for i in np.ndindex(x.shape):
        higher, lower = x.copy(), x.copy()
        higher[i] += step
        lower[i] -= step
        dx[i] = (dy * (f(higher) - f(lower))).sum() / (2 * step)
    return dx


def assert_gradient(actual: Doubles, f: Callable[[Doubles], Doubles], x: Doubles, dy: Doubles) -> None:
    """Rounding over the step is of order 1e-11, the truncation of smooth functions of order 1e-10."""
    np.testing.assert_allclose(actual, gradient(f, x, dy), rtol=1e-6, atol=1e-8)
