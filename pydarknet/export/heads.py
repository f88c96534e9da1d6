"""The heads as ONNX nodes: what they give in Darknet, and the boxes and scores that this means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from ..errors import ExportError
from ..layers import Head, Layer
from ..layers.detection import Detection
from ..layers.gaussian_yolo import GaussianYolo
from ..layers.region import Region
from ..layers.yolo import Yolo
from ..plan.shapes import Shape
from .layers import convert
from .nodes import Nodes
from .softmax import absolute, tree_softmax


@dataclass(frozen=True)
class Cells:
    """The values of a region or yolo head, activated, each (N, anchors, values, cells).

    `objectness` is None where there is none to multiply with; `rest` are the parts the output has between
    sizes and classes.
    """

    xy: str
    wh: str
    rest: list[str]
    objectness: str | None
    classes: str | None


@singledispatch
def decoded(layer: Head, g: Nodes, x: str, network: Shape) -> tuple[str, str]:
    """Boxes (N, M, 4), centre and size in fractions of the input, and scores (N, M, classes).

    A score is objectness times class probability, in a tree the absolute one. Boxes are ordered by anchor,
    row and column; those of a [detection] by row, column and number. ExportError if they have no meaning.
    """
    raise ExportError(f"layer {layer.index} [{layer.type}]: boxes can't be expressed; export it without")


@decoded.register
def _(layer: Yolo, g: Nodes, x: str, network: Shape) -> tuple[str, str]:
    cells = _yolo_cells(layer, g, x)
    scores = _rows(g, _times(g, cells.objectness, _some(layer, cells.classes)), layer.classes)
    return _boxes(g, cells, layer.out, layer.anchors, network.w, network.h, layer.new_coords), scores


@decoded.register
def _(layer: GaussianYolo, g: Nodes, x: str, network: Shape) -> tuple[str, str]:
    if layer.to_centre:
        where = f"{layer.section.file}:{layer.section.line}: layer {layer.index}"
        raise ExportError(f"{where} [Gaussian_yolo] boxes with a yolo_point other than center can't be exported")
    x, sx, y, sy, w, sw, h, sh, objectness, *classes = _gaussian_parts(layer, g, x)
    xy, wh = (g.add("Concat", *pair, axis=2) for pair in ((x, y), (w, h)))
    sure = g.add("Sub", g.floats(1), g.scale(g.add("Sum", sx, sy, sw, sh), 0.25))
    cells = Cells(xy, wh, [], g.add("Mul", objectness, sure), classes[0] if classes else None)
    scores = _rows(g, _times(g, cells.objectness, _some(layer, cells.classes)), layer.classes)
    return _boxes(g, cells, layer.out, layer.anchors, network.w, network.h), scores


@convert.register
def _(layer: GaussianYolo, g: Nodes, x: str) -> str:
    return g.reshape(g.add("Concat", *_gaussian_parts(layer, g, x), axis=2), *layer.out)


def _gaussian_parts(layer: GaussianYolo, g: Nodes, x: str) -> list[str]:
    """x, y, w and h, each with its uncertainty behind it, objectness, and classes if there are any, activated."""
    _, h, w = layer.out
    sizes = [1] * 9 + [layer.classes] * (layer.classes > 0)
    parts = g.parts(g.reshape(x, len(layer.mask), sum(sizes), h * w), 2, sizes)
    parts = [part if i in (4, 6) else g.add("Sigmoid", part) for i, part in enumerate(parts)]
    for i in (0, 2):
        parts[i] = _stretched(layer, g, parts[i])
    return parts


@convert.register
def _(layer: Region, g: Nodes, x: str) -> str:
    return _joined(g, _region_cells(layer, g, x), layer.out)


@convert.register
def _(layer: Yolo, g: Nodes, x: str) -> str:
    return _joined(g, _yolo_cells(layer, g, x), layer.out)


@convert.register
def _(layer: Detection, g: Nodes, x: str) -> str:
    parts = _detection_parts(layer, g, x)
    flat = [g.reshape(part, -1) for part in parts]
    return g.reshape(g.add("Concat", *flat, axis=1), *layer.out)


def _cells(
    g: Nodes, x: str, layer: Region | Yolo, anchors: int, coords: int, classify: Callable[[str], str],
    activated: bool = False,
) -> Cells:  # fmt: skip
    """The usual head: logistic on all but the sizes, unless it's `activated`, and `classify` on the classes."""
    _, h, w = layer.out
    sizes = [size for size in (2, 2, coords - 4, 1, layer.classes) if size]
    xy, wh, *rest = g.parts(g.reshape(x, anchors, sum(sizes), h * w), 2, sizes)
    classes = classify(rest.pop()) if layer.classes else None
    if not activated:
        xy, *rest = (g.add("Sigmoid", part) for part in (xy, *rest))
    return Cells(xy, wh, rest, rest[-1], classes)


def _yolo_cells(layer: Yolo, g: Nodes, x: str) -> Cells:
    """With new_coords the layer before has activated all; scale_x_y stretches centres about the middle."""

    def classify(value: str) -> str:
        return value if layer.new_coords else g.add("Sigmoid", value)

    cells = _cells(g, x, layer, len(layer.mask), 4, classify, layer.new_coords)
    return replace(cells, xy=_stretched(layer, g, cells.xy))


def _stretched(layer: Yolo, g: Nodes, centre: str) -> str:
    """scale_x_y, about the middle."""
    if layer.scale_x_y == 1:
        return centre
    return g.add("Sub", g.scale(centre, layer.scale_x_y), g.floats((layer.scale_x_y - 1) / 2))


def _region_cells(layer: Region, g: Nodes, x: str) -> Cells:
    if layer.background:
        return _background_cells(layer, g, x)

    def classify(value: str) -> str:
        if layer.tree is not None:
            last = g.reshape(g.add("Transpose", value, perm=[0, 1, 3, 2]), -1, layer.classes)
            last = g.reshape(tree_softmax(g, last, layer.tree), layer.num, layer.out.h * layer.out.w, layer.classes)
            return g.add("Transpose", last, perm=[0, 1, 3, 2])
        return g.add("Softmax", value, axis=2) if layer.softmax else g.add("Sigmoid", value)

    return _cells(g, x, layer, layer.num, layer.coords, classify)


def _background_cells(layer: Region, g: Nodes, x: str) -> Cells:
    """No objectness: a softmax takes it in as the first class."""
    if layer.tree is not None or not layer.softmax or not layer.classes:
        where = f"{layer.section.file}:{layer.section.line}: layer {layer.index}"
        raise ExportError(
            f"{where} [region] background=1 can be exported with softmax=1, without a tree, with classes"
        )
    _, h, w = layer.out
    sizes = [size for size in (2, 2, layer.coords - 4, 1 + layer.classes) if size]
    xy, wh, *mask, classes = g.parts(g.reshape(x, layer.num, sum(sizes), h * w), 2, sizes)
    background, classes = g.parts(g.add("Softmax", classes, axis=2), 2, [1, layer.classes])
    rest = [*(g.add("Sigmoid", part) for part in mask), background]
    return Cells(g.add("Sigmoid", xy), wh, rest, None, classes)


def _joined(g: Nodes, cells: Cells, out: Shape) -> str:
    """The head's output as Darknet has it."""
    parts = [cells.xy, cells.wh, *cells.rest, *([cells.classes] if cells.classes else [])]
    return g.reshape(g.add("Concat", *parts, axis=2), *out)


@decoded.register
def _(layer: Region, g: Nodes, x: str, network: Shape) -> tuple[str, str]:
    cells = _region_cells(layer, g, x)
    boxes = _boxes(g, cells, layer.out, layer.anchors, layer.out.w, layer.out.h)
    classes = _some(layer, cells.classes)
    if layer.tree is None:
        return boxes, _rows(g, _times(g, cells.objectness, classes), layer.classes)
    probabilities = absolute(g, _rows(g, classes, layer.classes), layer.tree)
    return boxes, _times(g, _rows(g, _some(layer, cells.objectness), 1), probabilities)


def _boxes(
    g: Nodes, cells: Cells, out: Shape, anchors: Sequence[tuple[float, float]], unit_w: int, unit_h: int,
    squares: bool = False,
) -> str:  # fmt: skip
    """Boxes (N, M, 4); the anchors are in units of which the input has unit_w x unit_h."""
    row, column = np.divmod(np.arange(out.h * out.w), out.w)
    corner = g.add("Add", cells.xy, g.floats(np.stack([column, row])[None, None]))
    centre = g.add("Div", corner, g.floats(np.reshape([out.w, out.h], (1, 1, 2, 1))))
    unit = np.array(anchors, np.float64).reshape(1, -1, 2, 1) / np.reshape([unit_w, unit_h], (2, 1))
    if squares:
        size = g.add("Mul", g.add("Mul", cells.wh, cells.wh), g.floats(4 * unit))
    else:
        size = g.add("Mul", g.add("Exp", cells.wh), g.floats(unit))
    return _rows(g, g.add("Concat", centre, size, axis=2), 4)


def _rows(g: Nodes, x: str, values: int) -> str:
    """(N, anchors, values, cells) as (N, boxes, values)."""
    return g.reshape(g.add("Transpose", x, perm=[0, 1, 3, 2]), -1, values)


def _times(g: Nodes, objectness: str | None, classes: str) -> str:
    return g.add("Mul", classes, objectness) if objectness else classes


def _some(layer: Layer, value: str | None) -> str:
    if value is None:
        raise ExportError(f"layer {layer.index} [{layer.type}] has no classes, so that its boxes have no scores; "
                          "export it without boxes")  # fmt: skip
    return value


def _detection_parts(layer: Detection, g: Nodes, x: str) -> tuple[str, str, str]:
    """Classes (N, cells, 1, classes), objectness (N, cells, num, 1), coordinates (N, cells, num, coords)."""
    cells, num = layer.side * layer.side, layer.num
    sizes = [cells * layer.classes, cells * num, cells * num * layer.coords]
    classes, objectness, coords = g.parts(g.reshape(x, layer.inputs.size), 1, sizes)
    classes = g.reshape(classes, cells, 1, layer.classes)
    if layer.softmax:
        classes = g.add("Softmax", classes, axis=3)
    return classes, g.reshape(objectness, cells, num, 1), g.reshape(coords, cells, num, layer.coords)


@decoded.register
def _(layer: Detection, g: Nodes, x: str, network: Shape) -> tuple[str, str]:
    if layer.coords != 4:
        raise ExportError(f"layer {layer.index} [detection] coords={layer.coords}: boxes need 4; export it without")
    classes, objectness, coords = _detection_parts(layer, g, x)
    xy, wh = g.parts(coords, 3, [2, 2])
    row, column = np.divmod(np.arange(layer.side**2), layer.side)
    corner = g.add("Add", xy, g.floats(np.stack([column, row], axis=1)[None, :, None]))
    size = g.add("Mul", wh, wh) if layer.square else wh
    boxes = g.add("Concat", g.add("Div", corner, g.floats(layer.side)), size, axis=3)
    return g.reshape(boxes, -1, 4), g.reshape(g.add("Mul", classes, objectness), -1, layer.classes)
