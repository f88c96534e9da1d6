"""What a convolution does to its output in the same pass, against the ops that do it afterwards: the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lib.convolutions import ANY_SIZE
from tests.lib.guarded import Arrays


def both(ops: Any, numbers: tuple[int, ...], algorithm: str, pool: bool, activation: str = "leaky") -> None:
    """forward_then against forward and maxpool_forward or shortcut_forward."""
    shape, rng = ops.ConvShape(*numbers), np.random.default_rng(0)
    conv, arrays = ops.Conv(shape, algorithm), Arrays(ops.block)
    x = rng.standard_normal((shape.n, shape.c, shape.h, shape.w), np.float32)
    x[0, 0, 1, 1] = np.nan
    x = arrays.plain(x) if conv.plain else arrays.blocked(x)
    packed, workspace = arrays.empty(conv.packed_size), arrays.empty(conv.workspace())
    conv.pack(rng.standard_normal((shape.k, shape.c, shape.kernel_h, shape.kernel_w), np.float32), packed)
    y = arrays.empty_blocked(shape.n, shape.k, shape.out_h, shape.out_w)
    common = x, packed, rng.standard_normal(shape.k, np.float32)
    tail = ops.Activation(activation), workspace
    conv.forward(*common, y, *tail)
    add = None if pool else arrays.blocked(rng.standard_normal((shape.n, shape.k, *y.shape[2:4]), np.float32))
    sides = (shape.out_h // 2, shape.out_w // 2) if pool else (shape.out_h, shape.out_w)
    expected, found = (arrays.empty_blocked(shape.n, shape.k, *sides) for _ in range(2))
    if pool:
        ops.maxpool_forward(y, expected, 2, (2, 2), 1)
    else:
        ops.shortcut_forward(y, add, expected, shape.k, shape.k, 1.0, 1.0)
    conv.forward_then(*common, found, *tail, add, pool)
    arrays.check()
    one, other = (arrays.lanes(each)[:, : shape.k] for each in (found, expected))  # spare lanes: of the NaN, too
    assert np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((1, 3, 30, 26, 40, 3, 3, 1, 1, 1, 1, 1), id="first layer"),
        pytest.param((2, 3, 40, 44, 17, 7, 7, 2, 2, 3, 3, 1), id="first layer with stride"),
        pytest.param((1, 3, 6, 4, 20, 5, 5, 1, 1, 2, 2, 1), id="narrow first layer"),
        pytest.param((2, 17, 26, 14, 40, 3, 3, 1, 1, 1, 1, 1), id="edges of two"),
        pytest.param((1, 16, 52, 60, 32, 3, 3, 1, 1, 1, 1, 1), id="several tile groups"),
        pytest.param((1, 16, 52, 60, 32, 3, 3, 2, 2, 1, 1, 1), id="several tile groups with stride"),
    ],
)
def test_max_pooling(cpu_ops: Any, numbers: tuple[int, ...], threads: int) -> None:
    cpu_ops.set_num_threads(threads)
    shape = cpu_ops.ConvShape(*numbers)
    names = shape.algorithms(ANY_SIZE, numbers[1] == 3)
    pooling = [name for name in names if cpu_ops.Conv(shape, name).does(pool=True)]
    assert {"direct_plain", "winograd2", "winograd4", "strided4"} & set(names) <= set(pooling)
    for name in pooling:
        for activation in ("leaky", "mish"):
            both(cpu_ops, numbers, name, pool=True, activation=activation)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky", "mish", "swish", "logistic"])
@pytest.mark.parametrize("size", [13, 16])
def test_adding(cpu_ops: Any, size: int, activation: str) -> None:
    numbers = (2, 17, size, size + 1, 40, 3, 3, 1, 1, 1, 1, 1)
    for name in ("winograd2", "winograd3", "winograd4", "winograd4_lazy", "winograd4_few"):
        both(cpu_ops, numbers, name, pool=False, activation=activation)


def test_what_cannot_be_done_is_refused(ops: Any) -> None:
    arrays = Arrays(ops.block)
    shape = ops.ConvShape(1, 16, 13, 13, 16, 3, 3, 1, 1, 1, 1, 1)
    for name in shape.algorithms(ANY_SIZE):
        conv = ops.Conv(shape, name)
        assert not conv.does(pool=True)  # 13 is odd
        assert not conv.does(add=True, pool=True)
        x, packed = arrays.empty_blocked(1, 16, 13, 13), arrays.empty(conv.packed_size)
        y = arrays.empty_blocked(1, 16, 6, 6)
        with pytest.raises(ValueError, match="can't do this"):
            conv.forward_then(x, packed, None, y, ops.Activation("leaky"), arrays.empty(0), None, True)
