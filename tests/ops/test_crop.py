"""[crop] outside training and in it."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close


@pytest.mark.parametrize(
    ("size", "out"), [((7, 9), (7, 9)), ((7, 9), (4, 4)), ((256, 256), (224, 224)), ((5, 5), (1, 2))]
)
def test_crop(ops: Ops, arrays: Arrays, size: tuple[int, int], out: tuple[int, int]) -> None:
    x = np.random.default_rng(1).uniform(0, 1, (2, 3, *size)).astype(np.float32)
    top, left = (size[0] - out[0]) // 2, (size[1] - out[1]) // 2
    middle = x[:, :, top : top + out[0], left : left + out[1]]
    y = arrays.empty(2, 3, *out)
    ops.crop_forward(arrays.plain(x), y, True)
    np.testing.assert_array_equal(y, middle)
    ops.crop_forward(arrays.plain(x), y, False)
    assert_close(y, 2 * middle.astype(np.float64) - 1, "crop")


@pytest.mark.parametrize("shape", [(1, 3, 6, 5), (1, 3, 5, 6), (2, 3, 5, 5), (1, 2, 5, 5)])
def test_arguments(ops: Ops, arrays: Arrays, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="crop_forward: argument 'y'"):
        ops.crop_forward(arrays.empty(1, 3, 5, 5), arrays.empty(*shape), False)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (2, 0), (1, 3), (2, 4)])
def test_crop_train(ops: Ops, arrays: Arrays, top: int, left: int, flip: bool) -> None:
    """Darknet mirrors the whole image before it cuts."""
    x = np.random.default_rng(2).uniform(0, 1, (2, 3, 7, 9)).astype(np.float32)
    source = x[:, :, :, ::-1] if flip else x
    part = source[:, :, top : top + 5, left : left + 5]
    y = arrays.empty(2, 3, 5, 5)
    ops.crop_train(arrays.plain(x), y, top, left, flip, True)
    np.testing.assert_array_equal(y, part)
    ops.crop_train(arrays.plain(x), y, top, left, flip, False)
    assert_close(y, 2 * part.astype(np.float64) - 1, "crop")


@pytest.mark.parametrize(
    ("top", "left", "argument"), [(-1, 0, "top"), (2, 0, "top"), (0, -1, "left"), (0, 3, "left"), (0, 0, "y")]
)
def test_crop_train_arguments(ops: Ops, arrays: Arrays, top: int, left: int, argument: str) -> None:
    y = arrays.empty(1, 3, 4, 3 if argument != "y" else 6)
    with pytest.raises(ValueError, match=f"crop_train: argument '{argument}'"):
        ops.crop_train(arrays.empty(1, 3, 5, 5), y, top, left, False, False)
