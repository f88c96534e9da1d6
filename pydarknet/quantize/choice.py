"""Which layers of a network are computed in 8 bits, and whose outputs are handed on in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import CfgError
from ..graph.graph import Graph
from ..layers import Head, Layer
from ..layers.convolutional import Convolution
from ..layers.narrow.int8 import can_be_in_8_bits, can_have_tiles, hands_bytes_on, sources
from ..layers.route import Route
from ..layers.shortcut import Shortcut

WIDE = 128  # channels
TILED = 128  # channels and filters from which on tiles are worth their transforms


@dataclass(frozen=True)
class Choice:
    """Layers by index: `convolutions` in 8 bits, of which those in `to_bytes` give bytes; `outputs` of others that
    have a scale of their own; `measured`, whose outputs must be known to choose scales (-1: the input)."""

    convolutions: tuple[int, ...]
    to_bytes: frozenset[int]
    outputs: tuple[int, ...]

    @property
    def measured(self) -> frozenset[int]:
        """The layers whose ranges are needed: those of all inputs and outputs."""
        inputs = {index - 1 for index in self.convolutions if index}
        return frozenset({*inputs, *self.to_bytes, *self.outputs})


def choose(graph: Graph, keep: Collection[int] | None = None) -> Choice:
    """All convolutions that can be, but `keep` (default: `usual_keep`). CfgError for what is none."""
    kept = usual_keep(graph) if keep is None else set(keep)
    wrong = next((i for i in sorted(kept) if not _is_convolution(graph, i)), None)
    if wrong is not None:
        raise CfgError(
            graph.cfg.file, None, f"layer {wrong} to keep in floats: there is no convolution of that number"
        )
    chosen = can_be_in_8_bits(graph.layers) - kept
    readers = _readers(graph)
    to_bytes = frozenset(i for i in chosen if _wants_bytes(graph, i, chosen, readers))
    return Choice(tuple(sorted(chosen)), to_bytes, tuple(i for i in range(len(graph.layers)) if _own(graph, i)))


def usual_keep(graph: Graph) -> set[int]:
    """The convolutions whose outputs people see: those before heads, and the last."""
    last = max((layer.index for layer in graph.layers if isinstance(layer, Convolution)), default=-1)
    before = {head.index - 1 for head in graph.heads()}
    return {i for i in (*before, last) if i >= 0 and _is_convolution(graph, i)}


def wide_keep(graph: Graph) -> set[int]:
    """Those of `usual_keep`, and the convolutions of many channels: as fast in BF16 as in 8 bits, if a CPU can."""
    many = {layer.index for layer in graph.layers if isinstance(layer, Convolution) and layer.inputs.c >= WIDE}
    return usual_keep(graph) | many


def worth_tiles(layer: Layer) -> bool:
    """Whether the convolution in 8 bits is faster by tiles."""
    return can_have_tiles(layer) and min(layer.inputs.c, layer.out.c) >= TILED


def _is_convolution(graph: Graph, index: int) -> bool:
    return 0 <= index < len(graph.layers) and isinstance(graph.layers[index], Convolution)


def _own(graph: Graph, index: int) -> bool:
    """Whether the layer brings several inputs to one scale."""
    layer = graph.layers[index]
    several = isinstance(layer, Route) and len(layer.sources) > 1
    return several or (isinstance(layer, Shortcut) and hands_bytes_on(layer))


def _readers(graph: Graph) -> dict[int, list[Layer]]:
    """The layers that read each layer's output."""
    readers: dict[int, list[Layer]] = {}
    for layer in graph.layers:
        for source in sources(layer):
            readers.setdefault(source, []).append(layer)
    return readers


def _wants_bytes(graph: Graph, index: int, chosen: set[int], readers: dict[int, list[Layer]]) -> bool:
    """Whether some convolution in 8 bits reads the output, as it is or handed on."""
    for reader in readers.get(index, ()):
        if isinstance(reader, Head):
            continue
        if reader.index in chosen or (hands_bytes_on(reader) and _wants_bytes(graph, reader.index, chosen, readers)):
            return True
    return False
