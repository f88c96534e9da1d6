"""Batch normalisation that is pooled in the pass that makes it: what training learns, and where it must not be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.dialects import dialect
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.plan import pooled
from pydarknet.plan.fuse import Call
from pydarknet.plan.plan import Value
from pydarknet.train.step import Stepper

CFG = """[net]
batch=2
width={size}
height={size}
channels=3
learning_rate=0.01

[convolutional]
batch_normalize=1
filters=12
size=3
pad=1
activation={activation}
{more}

[maxpool]
size={window}
stride={stride}

{after}

[cost]
"""
HALF = {"size": 8, "activation": "leaky", "window": 2, "stride": 2, "more": "", "after": ""}
ROUTE = "[upsample]\nstride=2\n\n[route]\nlayers=-1,{}"


def learnt(monkeypatch: pytest.MonkeyPatch, cfg: str, fuse: bool) -> tuple[np.ndarray, list[int]]:
    """The parameters after two steps, and how many calls were left out."""
    removed = []

    def counted(calls: Sequence[Call], ops: Ops) -> tuple[list[Call], list[Value]]:
        found, deltas = pooled.pooled(calls, ops) if fuse else (list(calls), [])
        removed.append(len(calls) - len(found))
        return found, deltas

    monkeypatch.setattr("pydarknet.plan.plan.pooled", counted)
    stepper, rng = Stepper(Engine(parse_cfg_text(cfg), seed=1), dialect("darknet2018")), np.random.default_rng(0)
    x = rng.standard_normal((2, *stepper.engine.inputs), np.float32)
    truth = rng.standard_normal((2, stepper.engine.outputs.size), np.float32)
    for _ in range(2):
        stepper.mini(x, truth)
        stepper.update()
    return stepper.parameters.values.copy(), removed


@pytest.mark.parametrize(
    ("changed", "removed"),
    [
        ({}, 2),
        ({"activation": "linear"}, 2),
        ({"after": "[conv]\nbatch_normalize=1\nfilters=4\nactivation=relu\n\n[maxpool]\nsize=2\nstride=2"}, 4),
        ({"after": "stopbackward=1\n\n[conv]\nfilters=4"}, 1),  # no way back
        ({"more": "stopbackward=1"}, 0),  # half of the way back
        ({"activation": "mish"}, 0),  # which no normalisation makes
        ({"window": 3}, 0),
        ({"stride": 1}, 0),
        ({"size": 7}, 0),  # isn't halved
        ({"after": ROUTE.format(0)}, 0),  # read twice
        ({"after": ROUTE.format(-3)}, 0),
    ],
)
def test_the_same_is_learnt(monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], removed: int) -> None:
    cfg = CFG.format(**HALF | changed)
    (values, found), (expected, _) = (learnt(monkeypatch, cfg, fuse) for fuse in (True, False))
    assert found == [removed]
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
