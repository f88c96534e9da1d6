"""Where arrays begin: rows of floats anywhere, blocked arrays, packed weights and workspaces where their device can
move 16 bytes at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays, Floats

# One call of each op that takes its arrays for rows of floats.
ROWS: dict[str, Callable[[Ops, Floats, Floats], None]] = {
    "fill": lambda ops, x, y: ops.fill(y, 0.5),
    "scale": lambda ops, x, y: ops.scale(y, 0.5),
    "add": lambda ops, x, y: ops.add(x, y),
    "activate": lambda ops, x, y: ops.activate(y, ops.Activation("leaky")),
    "activate_backward": lambda ops, x, y: ops.activate_backward(x, y, ops.Activation("logistic")),
    "dropout_forward": lambda ops, x, y: ops.dropout_forward(x, y, MASK[: y.size], 0.5),
    "dropout_backward": lambda ops, x, y: ops.dropout_backward(x, MASK[: y.size], y, 0.5, True),
    "sgd_update": lambda ops, x, y: ops.sgd_update(y, x, 0.1, 0.9, 0.01),
    "adam_update": lambda ops, x, y: ops.adam_update(y, x, x.copy(), np.abs(x), 0.1, 0.9, 0.999, 1e-7, 0.01, 3),
}
MASK: np.ndarray = np.random.default_rng(1).integers(0, 2, 100, np.uint8)


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
    if ops.alignment > x.itemsize:
        for given in [(displaced, y), (y, displaced)]:
            with pytest.raises(ValueError, match=r"argument '[xy]': the array must begin on a multiple of 16 bytes"):
                ops.upsample_forward(*given, 1, 1.0)
    else:
        ops.upsample_forward(displaced, y, 1, 1.0)
        np.testing.assert_array_equal(y, x)


def convolution(ops: Ops, arrays: Arrays, step: str, displaced: str) -> None:
    """A call of a step of a 3x3 convolution, one of whose arrays begins where no device can move 16 bytes."""
    shape = ops.ConvShape(1, 8, 6, 6, 8, 3, 3, 1, 1, 1, 1, 1)
    x, y = (arrays.blocked(np.ones((1, 8, 6, 6), np.float32)) for _ in range(2))
    weights = arrays.plain(np.ones((8, 8, 3, 3), np.float32))
    conv, wgrad = ops.Conv(shape, shape.algorithms(1 << 20)[0]), ops.ConvWgrad(shape)
    dgrad = ops.ConvDgrad(shape, shape.dgrad_algorithms(1 << 20)[0])
    sizes = {"packed": max(conv.packed_size, dgrad.packed_size),
             "workspace": max(conv.workspace(), dgrad.workspace(), wgrad.workspace(), 4)}  # fmt: skip
    packed, workspace = (
        part(arrays, np.zeros(size, np.float32), int(name == displaced)) for name, size in sizes.items()
    )
    {
        "conv_pack": lambda: conv.pack(weights, packed),
        "conv_forward": lambda: conv.forward(x, packed, None, y, ops.Activation("linear"), workspace),
        "conv_data_pack": lambda: dgrad.pack(weights, packed),
        "conv_backward_data": lambda: dgrad.backward(y, packed, x, False, workspace),
        "conv_backward_weights": lambda: wgrad.backward(x, y, weights, workspace),
    }[step]()


@pytest.mark.parametrize(
    ("step", "displaced"),
    [("conv_pack", "packed"), ("conv_forward", "packed"), ("conv_forward", "workspace"), ("conv_data_pack", "packed"),
     ("conv_backward_data", "packed"), ("conv_backward_data", "workspace"), ("conv_backward_weights", "workspace")],
)  # fmt: skip
def test_packed_weights_and_workspaces_too(ops: Ops, arrays: Arrays, step: str, displaced: str) -> None:
    convolution(ops, arrays, step, "")
    if ops.alignment > np.float32().itemsize:
        with pytest.raises(
            ValueError, match=f"{step}: argument '{displaced}': the array must begin on a multiple of"
        ):
            convolution(ops, arrays, step, displaced)
    else:
        convolution(ops, arrays, step, displaced)


def test_no_array_begins_inside_an_element(ops: Ops) -> None:
    x = np.zeros(9, np.uint8)[1:].view("<f4")
    with pytest.raises(ValueError, match="fill: argument 'x': the array must begin on a multiple of 4 bytes"):
        ops.fill(x, 0.0)
