"""Memory of a plan is counted in bytes, whatever its values' types; what a layer owns is found by its path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pydarknet.backends.base import backend
from pydarknet.formats.cfg import Section, parse_cfg_text
from pydarknet.graph.graph import Graph
from pydarknet.layers.base import Layer
from pydarknet.layers.convolutional import Convolutional
from pydarknet.plan.plan import Builder, Value, Workspace, share
from pydarknet.plan.shapes import Shape
from pydarknet.train.parameters import Parameters

CFG = "[net]\nwidth=4\nheight=4\nchannels=3\n[convolutional]\nfilters=2\nsize=3\npad=1\nactivation=linear\n"


def value(count: int, first: int, last: int, dtype: str = "float32") -> Value:
    return Value(Shape(count, 1, 1), False, (1, count, 1, 1), first, last, dtype=dtype)


def test_values_of_several_types_share_memory_by_their_bytes() -> None:
    values = [value(8, 0, 1), value(16, 1, 2, "uint8"), value(16, 2, 3, "float16"), value(100, -1, -1)]
    assert [each.bytes for each in values] == [32, 16, 32, 400]
    buffers = share(values, keep_all=False)
    assert [(each.bytes, each.values) for each in buffers] == [(32, [values[0], values[2]]), (16, [values[1]])]
    assert [each.bytes for each in share(values, keep_all=True)] == [32, 16, 32]


def test_a_plan_binds_arrays_of_each_type() -> None:
    p = Builder(backend("cpu"), 2, Shape(3, 2, 2), lambda key, make: make())
    half = p.new(Shape(5, 1, 1), blocked=False)
    half.dtype = "float16"
    seen: list[Any] = []
    p.emit(lambda *arrays: seen.extend(arrays), p.input, half, p.workspace(6), Workspace(3, "uint8"))
    plan = p.finish({}, keep_all=False)
    plan.run()
    assert [(each.dtype.name, each.shape) for each in seen] == [
        ("float32", (2, 3, 2, 2)), ("float16", (2, 5, 1, 1)), ("float32", (6,)), ("uint8", (24,)),
    ]  # fmt: skip
    assert plan.bytes == 4 * 24 + 2 * 10 + 4 * 6


class Twice(Layer):
    """A layer that owns two convolutions, one after the other."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        parts = [Convolutional(section, self.index, self.inputs, previous) for _ in range(2)]
        self.parts = dict(zip(("input", "self"), parts, strict=True))
        for name, part in self.parts.items():
            part.path = self.key(name)
        self.records = [
            record._replace(name=f"{name}.{record.name}")
            for name, part in self.parts.items()
            for record in part.records
        ]

    def plan(self, p: Builder, x: Value) -> Value:
        for part in self.parts.values():
            x = part.plan(p, x)
        return x


@pytest.fixture
def owner() -> Twice:
    section = parse_cfg_text(CFG.replace("filters=2", "filters=3")).sections[0]
    layer = Twice(section, 7, Shape(3, 4, 4), [])
    rng = np.random.default_rng(0)
    for record in layer.records:
        name, _, own = record.name.partition(".")
        layer.parameters[record.name] = rng.normal(size=record.shape).astype(np.float32)
        layer.parts[name].parameters[own] = layer.parameters[record.name]
    return layer


def test_a_layer_may_own_layers(owner: Twice) -> None:
    """Their constants and parameters don't meet, though all have the owner's index."""
    constants: dict[str, Any] = {}

    def constant(key: str, make: Any) -> Any:
        return constants[key] if key in constants else constants.setdefault(key, make())

    cpu = backend("cpu")
    p = Builder(cpu, 1, owner.inputs, constant)
    y = p.plain(owner.plan(p, p.input))
    plan = p.finish({0: y}, keep_all=False)
    assert set(constants) == {"7.input.packed_plain", "7.input.bias", "7.self.packed", "7.self.bias"}
    plan.input[...] = np.random.default_rng(1).normal(size=plan.input.shape)
    plan.run()
    assert np.isfinite(plan.outputs[0]).all()
    learnt = Parameters(cpu, [owner])
    for name, part in owner.parts.items():
        np.testing.assert_array_equal(learnt.value_of(part, "weights"), owner.parameters[f"{name}.weights"])


def test_every_layer_of_a_network_has_a_path_of_its_own() -> None:
    layers = Graph(parse_cfg_text(CFG + CFG[CFG.index("[conv") :])).layers
    assert [layer.path for layer in layers] == ["0", "1"]
    assert layers[1].key("weights") == "1.weights"
