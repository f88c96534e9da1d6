"""AlexeyAB's `coordconv`: what his GPU build puts in the place of a convolution's first three channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...backends.ops import Array
from ...plan.plan import Builder, Value
from ...plan.shapes import Shape

PLACES = 3  # channels


def places(shape: Shape) -> npt.NDArray[np.float32]:
    """(C, H, W): for each pixel x and y, from -1 to below 1, and the distance from the middle; no more than there are
    channels."""
    x, y = (2 * np.arange(side, dtype=np.float32) / np.float32(side) - 1 for side in (shape.w, shape.h))
    grid = np.broadcast_arrays(x, y[:, None])
    return np.stack([*grid, np.hypot(*grid)])[: shape.c]


def put_places(p: Builder, key: str, y: Value) -> None:
    """Overwrite the first channels of y, which is blocked."""
    n, shape = y.dims[0], y.shape

    def make() -> npt.NDArray[np.float32]:
        return _blocked(p, n, places(shape))

    clear_places(p, key, y)
    p.emit(p.ops.add_channels, p.constant(f"{key}.places.{n}.{shape}", make), y, 0, 0, min(PLACES, shape.c), True)


def clear_places(p: Builder, key: str, y: Value) -> None:
    """Make the first channels of y 0."""

    def make() -> npt.NDArray[np.float32]:
        others = np.arange(y.shape.c) >= PLACES
        return _blocked(p, y.dims[0], others.astype(np.float32).reshape(-1, 1, 1))

    kept: Array = p.constant(f"{key}.others.{y.dims[0]}", make)
    p.emit(p.ops.multiply_forward, y, kept, y, "channel")


def _blocked(p: Builder, n: int, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """An image (C, H, W) in the kernels' layout, n times."""
    _, blocks, h, w, lanes = p.backend.blocked_shape(n, *image.shape)
    padded = np.zeros((blocks * lanes, h, w), np.float32)
    padded[: len(image)] = image
    return np.repeat(padded.reshape(1, blocks, lanes, h, w).transpose(0, 1, 3, 4, 2), n, axis=0)
