"""[deconvolutional] against Debian's libdarknet. That can't read its weights (it divides by groups, of which it has
none), so that they go straight into its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine

from .oracle import Oracle

# Two float32 layers without long sums.
TOLERANCE = 2e-6

CASES = {
    "stride 1": "size=3\nstride=1\npad=1\nactivation=leaky",
    "stride 2": "size=3\nstride=2\nactivation=linear",
    "stride 2, padding": "size=4\nstride=2\npadding=1\nactivation=logistic",
    "stride 3": "size=2\nstride=3\nactivation=tanh",
    "batch norm": "size=3\nstride=2\npadding=1\nbatch_normalize=1\nactivation=leaky",
}


@pytest.mark.parametrize("name", CASES)
def test_layer(name: str, cpu_ops: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_ISA", cpu_ops.__name__.removeprefix("pydarknet._cpu_"))
    cfg = tmp_path / "deconvolutional.cfg"
    cfg.write_text(f"[net]\nbatch=1\nchannels=5\nheight=6\nwidth=7\n[deconvolutional]\nfilters=6\n{CASES[name]}\n")
    oracle, engine = Oracle(cfg), Engine(parse_cfg(cfg), dialect="darknet2018")
    rng = np.random.default_rng(1)
    layer = engine.layers[0]
    for record in layer.records:
        values = (
            rng.uniform(0.5, 1.5, record.shape)
            if record.name in ("scales", "rolling_variance")
            else rng.normal(size=record.shape)
        )
        layer.parameters[record.name] = values.astype(np.float32)
        oracle.put(0, record.name, layer.parameters[record.name])
    engine.parameters_changed()
    x = rng.normal(0, 2, (1, 5, 6, 7)).astype(np.float32)
    theirs, ours = oracle.predict(x), engine.forward(x)[0]
    assert oracle.layers[0].out == ours.shape
    assert np.linalg.norm(ours.reshape(-1) - theirs.reshape(-1)) <= TOLERANCE * np.linalg.norm(theirs)
