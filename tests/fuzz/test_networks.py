"""A short, seeded run of random networks; the long one is `python -m tests.fuzz.run --networks 5000`."""

from __future__ import annotations

from collections import Counter
from random import Random

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.formats.cfg_keys import canonical
from pydarknet.graph.graph import Graph
from pydarknet.layers import REGISTRY
from pydarknet.plan.activations import ACROSS_CHANNELS, ACTIVATIONS

from . import networks, run

COUNT = 150


def test_random_networks_run_and_learn() -> None:
    outcome = run.run("networks", "run", COUNT, seed=1)
    assert outcome.failures == []
    assert outcome.accepted > COUNT / 2  # the others can't be trained


def test_every_type_of_layer_occurs() -> None:
    types: Counter[str] = Counter()
    activations: set[str] = set()
    for number in range(300):
        graph = Graph(parse_cfg_text(networks.network(Random(f"1/{number}"))))
        types.update(canonical(layer.type) for layer in graph.layers)
        activations.update(getattr(layer, "activation", "linear") for layer in graph.layers)
    assert types.keys() == {canonical(name) for name in REGISTRY}
    assert activations == {*ACTIVATIONS, *ACROSS_CHANNELS}
