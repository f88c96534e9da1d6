"""`pydarknet info CFG [WEIGHTS]`: the layers of a network, its size, and warnings about it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .. import options

if TYPE_CHECKING:
    from ...graph.graph import Graph
    from ...layers import Layer


FLOAT = 4  # bytes
COLUMNS = (
    f"{'':>5}  {'layer':<15}{'filters':>8}  {'size':<10}{'input':>20}    {'output':>20}  {'GFLOP':>8}{'params':>12}"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files, and another size."""
    parser.add_argument("cfg", metavar="CFG", help=options.CFG)
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="a file, or a name of `pydarknet weights list`")
    options.add_size(parser)
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """0; WeightsError if the weights are not this network's."""
    from ..loading import load_graph

    graph = load_graph(args.cfg, args.quiet, args.size)
    print("\n".join([COLUMNS, *map(row, graph.layers), "", *totals(graph), *heads(graph)]))
    if args.weights is not None:
        print("\n".join(weights(graph, args.weights, args.quiet)))
    return 0


def row(layer: Layer) -> str:
    """One layer as a line; sizes are width x height x channels."""
    filters = layer.out.c if layer.records and layer.type != "batchnorm" else ""
    flops = f"{layer.flops / 1e9:.3f}" if layer.flops else ""
    count = parameters(layer)
    left = f"{layer.index:>5}  {layer.type:<15}{filters:>8}  {geometry(layer):<10}"
    return f"{left}{layer.inputs!s:>20} -> {layer.out!s:>20}  {flops:>8}{f'{count:,}' if count else '':>12}".rstrip()


def geometry(layer: Layer) -> str:
    """The window and stride, or the layers that a layer refers to."""
    number = layer.section.options.get
    if (size := number("size")) and (strides := steps(layer)):
        return f"{size} x {size} / {strides}"
    return next((f"{key}={text}" for key in ("layers", "from", "stride", "size") if (text := number(key))), "")


def steps(layer: Layer) -> str | None:
    """The stride, that across before that down where they differ, and a dilation in brackets."""
    down, across = getattr(layer, "strides", (0, 0))
    if not down:
        return layer.section.options.get("stride")
    dilation = getattr(layer, "dilation", 1)
    return f"{across}" + f" x {down}" * (down != across) + f" ({dilation})" * (dilation > 1)


def parameters(layer: Layer) -> int:
    """How many floats a weights file has for the layer."""
    return sum(record.size for record in layer.records)


def totals(graph: Graph) -> Iterator[str]:
    """Operations, parameters and memory of one image."""
    count = sum(map(parameters, graph.layers))
    kept = sum(layer.out.size for layer in graph.layers) + graph.inputs.size
    passed = (graph.layers[:-2] or graph.layers[:1]) if graph.is_lazy else graph.layers
    least = max(layer.inputs.size + layer.out.size for layer in passed)
    yield f"input        {graph.inputs} (width x height x channels)"
    yield f"output       {graph.outputs}"
    yield f"operations   {graph.flops:,} ({graph.flops / 1e9:.2f} Bn)"
    yield f"parameters   {count:,} ({_mb(count)} in the file, up to twice that in the kernels' layout)"
    yield f"activations  at least {_mb(least)} for an image in detection; {_mb(kept)} with every layer kept"


def heads(graph: Graph) -> Iterator[str]:
    """What each detection head looks for."""
    from ...layers import Head

    for layer in graph.layers:
        if isinstance(layer, Head):
            sizes = "  ".join(f"{w:g},{h:g}" for w, h in layer.anchors)
            anchors = f", anchors {sizes}" if sizes else ""
            yield f"head         {layer.index} {layer.type}: {layer.classes} classes{anchors}"
        if (tree := layer.tree) is not None:
            lazy = ", computed only where a walk looks at them" if graph.is_lazy else ""
            yield f"tree         {layer.index} {layer.type}: {len(tree)} nodes in {len(tree.group_size)} groups{lazy}"


def weights(graph: Graph, name: str, quiet: bool) -> Iterator[str]:
    """What the weights file is; it is read whole and must fit."""
    from ...catalog import find_weights
    from ...formats.int8 import is_int8
    from ...formats.weights import load_weights
    from ..messages import warn

    path = find_weights(name)
    if is_int8(path):
        yield in_8_bits(graph, path)
        return
    result = load_weights(path, graph.layers, sure=graph.dialect_given)
    warn(result.warnings, quiet)
    header = result.header
    version = f"version {header.major}.{header.minor}.{header.revision}"
    yield f"weights      {path}: {version}, trained on {header.seen:,} images, fits"


def in_8_bits(graph: Graph, path: Path) -> str:
    """What a file of 8-bit weights is."""
    from ...formats.int8 import read_int8
    from ...graph.int8 import read_layers

    file = read_int8(path)
    count = len(read_layers(file, graph.layers, graph.cfg.file)[0].convolutions)
    return f"weights      {path}: 8 bits in {count} layers, made from {file.header.get('made_from')!r}, fits"


def _mb(floats: int) -> str:
    size = floats * FLOAT
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
