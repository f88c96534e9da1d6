"""Sections that only AlexeyAB's Darknet has: every layer against what his CPU build gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network

from .sections import CASES, GOLDEN, NET

# Up to four float32 layers.
TOLERANCE = 2e-6


@pytest.mark.parametrize("name", CASES)
def test_layer_by_layer(name: str, tmp_path: Path) -> None:
    with np.load(GOLDEN) as golden:
        (tmp_path / "case.weights").write_bytes(golden[f"{name}/weights"].tobytes())
        x = golden[f"{name}/x"]
        expected = [golden[f"{name}/{i}"] for i in range(CASES[name].count("["))]
    cfg = parse_cfg_text(NET + CASES[name], "case.cfg")
    net = Network(cfg, tmp_path / "case.weights", dialect="alexeyab")
    net.forward(x)
    for layer, theirs in zip(net.layers, expected, strict=True):
        difference = np.linalg.norm(layer.output.reshape(-1) - theirs)
        assert difference < TOLERANCE * np.linalg.norm(theirs), layer
