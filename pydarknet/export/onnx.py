"""Networks as ONNX models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import PurePath
from typing import Any

from .._version import __version__
from ..errors import ExportError
from ..formats.atomic import replacing
from ..layers import Head, Layer
from ..layers.channels import OfChannels
from ..layers.common.product import Product
from ..layers.cost import Cost
from ..layers.dropout import Dropout
from ..layers.empty import Empty
from ..layers.maxpool import MaxPool
from ..layers.reorg import Reorg
from ..layers.route import Route
from ..layers.shortcut import Shortcut
from ..network import Network
from . import heads
from .layers import convert
from .nodes import Nodes, onnx_module

OPSET = 13  # the first whose Softmax, Split and ReduceSum are today's; every runtime in use reads it
MAX_BYTES = 2**31 - 1  # of a protocol buffer
INPUT = "images"


def save(
    network: Network,
    path: str | PathLike[str],
    *,
    batch: int | None = 1,
    opset: int = OPSET,
    boxes: bool = True,
    keep_bn: bool = False,
) -> None:
    """Write `build`'s model. ExportError if the network can't be expressed or the file can't be written."""
    data = build(network, batch=batch, opset=opset, boxes=boxes, keep_bn=keep_bn).SerializeToString(
        deterministic=True
    )
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise ExportError(f"{fspath(path)}: can't write the model: {error.strerror or error}") from error


def build(
    network: Network, *, batch: int | None = 1, opset: int = OPSET, boxes: bool = True, keep_bn: bool = False
) -> Any:
    """An onnx.ModelProto of the network at its present size; the same network always gives the same bytes.

    The input `images` is (N, C, H, W) as for `Network.forward`: RGB, 0..1. `batch` fixes N; None leaves it open.
    With `boxes` a detector has the outputs `boxes` (N, M, 4), centre and size in fractions of the input, and
    `scores` (N, M, classes), neither thresholded nor suppressed. Else, and for a classifier, every head, or
    the last layer, is an output `<section>_<index>` as in Darknet. ExportError.
    """
    onnx = onnx_module()
    newest = onnx.defs.onnx_opset_version()
    if not OPSET <= opset <= newest:
        raise ExportError(f"opset {opset}: expected {OPSET} to {newest}, which the installed onnx knows")
    if batch is not None and batch < 1:
        raise ExportError(f"batch {batch}: expected a positive number, or 'dynamic'")
    _refuse_sums_of_lowest(network)
    g = Nodes(batch, keep_bn)
    outputs = _outputs(network, g, boxes)
    nodes, constants = g.finish({name: value for name, (value, _) in outputs.items()})
    helper, first = onnx.helper, "N" if batch is None else batch

    def info(name: str, shape: Sequence[int]) -> Any:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [first, *shape])

    graph = helper.make_graph(
        nodes,
        PurePath(network.cfg.file).stem or "network",
        [info(INPUT, network.inputs)],
        [info(name, shape) for name, (_, shape) in outputs.items()],
        constants,
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="pydarknet",
        producer_version=__version__,
    )
    helper.set_model_props(model, _metadata(network))
    if model.ByteSize() > MAX_BYTES:
        raise ExportError(f"the model has {model.ByteSize()} bytes; a file in ONNX can't have more than {MAX_BYTES}")
    onnx.checker.check_model(model, full_check=True)
    return model


def _refuse_sums_of_lowest(network: Network) -> None:
    """ExportError if a layer computes with the lowest float32, which [maxpool] gives for windows that lie wholly in
    its padding: such sums overflow in another way in each program."""
    origin: dict[int, int] = {}  # of the lowest numbers in a layer's output
    for layer in network.layers:
        sources = [layer.index - 1] if not isinstance(layer, Route) else [s.index for s in layer.sources]
        if isinstance(layer, (Product, OfChannels)):
            sources.append(layer.source.index)
        if isinstance(layer, Shortcut):
            sources += [source.index for source in layer.sources]
        seen = [origin[i] for i in sources if i in origin]
        own = isinstance(layer, MaxPool) and layer.empty_windows
        blurs = isinstance(layer, MaxPool) and layer.blur is not None
        seen += [layer.index] if own and blurs else []
        if own and not blurs:
            origin[layer.index] = layer.index
        elif seen and not blurs and isinstance(layer, (MaxPool, Route, Reorg, Dropout, Empty, Cost)):
            origin[layer.index] = seen[0]
        elif seen:
            pool = network.layers[seen[0]]
            raise ExportError(
                f"{pool.section.file}:{pool.section.line}: layer {pool.index} [maxpool] has windows that lie wholly "
                f"in its padding, and layer {layer.index} [{layer.type}] computes with what comes of them; expected "
                "a smaller padding="
            )


def _outputs(network: Network, g: Nodes, boxes: bool) -> dict[str, tuple[str, Sequence[int]]]:
    """Name -> (value, shape of one image) of the model's outputs."""
    found = []
    x = INPUT
    for layer in network.layers:
        g.scope = f"layer_{layer.index}"
        if boxes and isinstance(layer, Head):
            found.append(heads.decoded(layer, g, x, network.inputs))
        x = g.outputs[layer.index] = convert(layer, g, x)
    if not found:
        shown: list[Layer] = [*network.heads()] or [network.layers[network.output_index]]
        return {f"{layer.type}_{layer.index}": (g.outputs[layer.index], layer.out) for layer in shown}
    classes = {head.classes for head in network.heads()}
    if len(classes) > 1:
        raise ExportError(f"the heads have different numbers of classes ({sorted(classes)}); export without boxes")
    count = sum(head.boxes for head in network.heads())
    g.scope = "heads"
    whole = [g.add("Concat", *part, axis=1) if len(part) > 1 else part[0] for part in zip(*found, strict=True)]
    return {"boxes": (whole[0], (count, 4)), "scores": (whole[1], (count, classes.pop()))}


def _metadata(network: Network) -> dict[str, str]:
    """What a user of the model needs to know beside its numbers, as JSON where it is more than a word."""
    anchors = {
        f"{head.type}_{head.index}": {"anchors": head.anchors, "unit": head.anchor_unit}
        for head in network.heads()
        if head.anchors
    }
    known = {
        "source": PurePath(network.cfg.file).name,
        "input": "RGB, 0..1, letterboxed",
        "anchors": json.dumps(anchors) if anchors else "",
        "names": json.dumps(network.names) if network.names else "",
    }
    return {key: value for key, value in known.items() if value}
