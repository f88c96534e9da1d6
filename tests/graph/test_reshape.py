"""`Graph.reshape`: the shapes of a network built for that size, or an error and nothing has changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.graph import Graph
from pydarknet.plan.shapes import Shape
from tests.lib import nets

SIZES = st.integers(1, 40)
TEXTS = {
    kind: nets.CONV.format(filters=8, size=3) + section
    for kind, section in nets.LAYERS.items()
    if section is not None
} | {"crop": "[crop]\ncrop_height=6\ncrop_width=6\n" + nets.CONV.format(filters=4, size=3), "detector": nets.DETECTOR}


def built(layers: str, width: int, height: int) -> Graph:
    net = f"[net]\nwidth={width}\nheight={height}\nchannels=3\n"
    return Graph(parse_cfg_text(net + layers, "small.cfg"))


def facts(graph: Graph) -> tuple[object, ...]:
    """Everything that depends on the size."""
    return graph.inputs, graph.outputs, graph.flops, [(layer.out, layer.flops) for layer in graph.layers]


@pytest.mark.parametrize("kind", sorted(TEXTS))
@given(SIZES, SIZES)
def test_all_is_as_if_built_for_that_size_or_as_before(kind: str, width: int, height: int) -> None:
    graph = built(TEXTS[kind], 16, 16)
    before = facts(graph)
    try:
        graph.reshape(width, height)
    except CfgError:
        assert facts(graph) == before
    else:
        assert facts(graph) == facts(built(TEXTS[kind], width, height))
        graph.reshape(16, 16)
        assert facts(graph) == before


@pytest.mark.parametrize("kind", ["convolutional", "maxpool", "region", "route", "shortcut", "upsample", "yolo"])
def test_these_take_any_size(kind: str) -> None:
    graph = built(TEXTS[kind], 16, 16)
    graph.reshape(24, 8)
    assert graph.inputs == Shape(3, 8, 24)


@pytest.mark.parametrize("size", [(0, 16), (16, 0), (-16, 16)])
def test_no_size(size: tuple[int, int]) -> None:
    graph = built(nets.DETECTOR, 16, 16)
    before = facts(graph)
    with pytest.raises(CfgError, match=f"can't take the input size {size[0]} x {size[1]}: expected positive numbers"):
        graph.reshape(*size)
    assert facts(graph) == before


def test_a_layer_in_the_middle_that_cannot() -> None:
    """The layers before it have been reshaped by then."""
    graph = built(nets.CONV.format(filters=4, size=3) + "[reorg]\nstride=2\n", 16, 16)
    before = facts(graph)
    with pytest.raises(CfgError, match="reorg"):
        graph.reshape(16, 15)
    assert facts(graph) == before


def test_a_size_that_cannot_be_says_what_to_look_at() -> None:
    """Sizes that halve to unequal ones are usually a width that is no multiple of 32."""
    halves = "[maxpool]\nsize=2\nstride=2\n[upsample]\nstride=2\n[route]\nlayers=-1,-3\n"
    graph = built(nets.CONV.format(filters=4, size=3) + halves, 16, 16)
    with pytest.raises(CfgError, match=r"one size; is the network's input a multiple of 32\?"):
        graph.reshape(17, 17)
