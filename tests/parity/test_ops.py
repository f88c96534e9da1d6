"""Every non-recurrent cfg of Debian's package: the shapes and the operation count that `darknet ops` prints."""

from __future__ import annotations

import math

import pytest

from pydarknet.graph.graph import Graph

from .ops_table import load_golden
from .oracle_library import SHARE

GOLDEN = load_golden()


def test_all_42_are_here() -> None:
    assert len(GOLDEN) == 42


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_shapes_and_operations(name: str) -> None:
    graph = Graph(SHARE / "cfg" / f"{name}.cfg")
    assert graph.flops == GOLDEN[name]["operations"]
    assert len(graph.layers) == len(GOLDEN[name]["layers"])
    for layer, (kind, shape, _) in zip(graph.layers, GOLDEN[name]["layers"], strict=True):
        flat = kind in ("cost", "softmax", "dropout", "detection", "connected")  # Darknet keeps no shape there
        if shape is not None:
            assert (layer.out.size if flat else tuple(layer.out)) == (math.prod(shape) if flat else tuple(shape))
