"""Where arrays begin: rows of floats anywhere, blocked arrays where their device can move a pixel's lanes at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from guarded import Arrays, Floats

from pydarknet.ops import Ops

# One call of each op that takes its arrays for rows of floats.
ROWS: dict[str, Callable[[Ops, Floats, Floats], None]] = {
    "fill": lambda ops, x, y: ops.fill(y, 0.5),
    "scale": lambda ops, x, y: ops.scale(y, 0.5),
    "add": lambda ops, x, y: ops.add(x, y),
    "activate": lambda ops, x, y: ops.activate(y, "leaky"),
    "activate_backward": lambda ops, x, y: ops.activate_backward(x, y, "logistic"),
    "dropout_forward": lambda ops, x, y: ops.dropout_forward(x, y, MASK[: y.size], 0.5),
    "dropout_backward": lambda ops, x, y: ops.dropout_backward(x, MASK[: y.size], y, 0.5, True),
    "sgd_update": lambda ops, x, y: ops.sgd_update(y, x, 0.1, 0.9, 0.01),
    "adam_update": lambda ops, x, y: ops.adam_update(y, x, x.copy(), np.abs(x), 0.1, 0.9, 0.999, 1e-7, 0.01, 3),
}
MASK = np.random.default_rng(1).integers(0, 2, 100, np.uint8)


def part(arrays: Arrays, values: Floats, offset: int) -> Floats:
    """The values in an array that begins `offset` floats after one with any alignment."""
    whole = arrays.empty(values.size + offset)
    whole[offset:] = values
    return whole[offset:]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("offsets", [(0, 1), (1, 0), (2, 2), (3, 1)])
def test_rows_begin_anywhere(ops: Ops, arrays: Arrays, name: str, offsets: tuple[int, int]) -> None:
    for size in (1, 3, 4, 67):
        x, y = np.random.default_rng(size).normal(size=(2, size)).astype(np.float32)
        whole_x, whole_y = arrays.plain(x), arrays.plain(y)
        ROWS[name](ops, whole_x, whole_y)
        part_x, part_y = part(arrays, x, offsets[0]), part(arrays, y, offsets[1])
        ROWS[name](ops, part_x, part_y)
        np.testing.assert_array_equal(part_y, whole_y)
        np.testing.assert_array_equal(part_x, whole_x)


def test_blocked_arrays_begin_where_lanes_can_be_moved(ops: Ops, arrays: Arrays) -> None:
    x = np.random.default_rng(2).normal(size=(2, 1, 3, 5, ops.block)).astype(np.float32)
    displaced, y = part(arrays, x.ravel(), 1).reshape(x.shape), arrays.empty(*x.shape)
    if ops.__name__ == "pydarknet._emu":  # type: ignore[attr-defined]
        for given in [(displaced, y), (y, displaced)]:
            with pytest.raises(ValueError, match=r"argument '[xy]': a blocked array must begin on a multiple of 16"):
                ops.upsample_forward(*given, 1, 1.0)
    else:
        ops.upsample_forward(displaced, y, 1, 1.0)
        np.testing.assert_array_equal(y, x)
