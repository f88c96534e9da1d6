"""Convolutions that pool or add in the pass that writes their output: the bits of steps one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.backends.ops import Ops
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.plan import fuse

CFG = """[net]
width={size}
height={size}
channels=3

[convolutional]
filters=16
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=24
size=3
pad=1
activation={activation}

[maxpool]
size=2
stride=2

[convolutional]
filters=24
size=3
pad=1
activation=leaky

[shortcut]
from={source}
activation=linear
"""


@pytest.mark.parametrize(
    ("size", "activation", "source", "expected"),
    [
        (32, "leaky", -2, 3),
        (32, "mish", -2, 3),
        (30, "leaky", -2, 2),  # 15 x 15 isn't halved
        (32, "leaky", -3, 1),  # a layer that is read twice, and of another size
    ],
)
def test_same_bits_as_step_by_step(
    monkeypatch: pytest.MonkeyPatch, size: int, activation: str, source: int, expected: int
) -> None:
    removed = []

    def counted(calls: Sequence[fuse.Call], ops: Ops) -> list[fuse.Call]:
        found = fuse.fused(calls, ops)
        removed.append(len(calls) - len(found))
        return found

    monkeypatch.setattr("pydarknet.plan.plan.fused", counted)
    net = Network(parse_cfg_text(CFG.format(size=size, activation=activation, source=source)))
    x = np.random.default_rng(0).standard_normal((2, 3, size, size), np.float32)
    y = net.forward(x)
    assert removed == [expected]
    assert np.array_equal(y, net.layer_output(net.layers[-1].index))
