"""[crop] outside training."""

from __future__ import annotations

import numpy as np
import pytest
from guarded import Arrays
from tolerances import assert_close

from pydarknet.ops import Ops


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
