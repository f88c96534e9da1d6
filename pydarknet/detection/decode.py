"""From the outputs of a network's heads to candidate boxes, and from those to detections.

The outputs are plain arrays that the head's forward op has activated already. Everything is sparse: only
boxes above the threshold are looked at, so that a head with 9,418 classes costs no more than one with 20.
Arithmetic is Darknet's: float32, with the exponential of a box in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from ..backends.base import Backend
from ..backends.ops import Array
from ..formats.data import class_name
from ..formats.tree import Tree
from .boxes import Boxes, Fit
from .conditional import Conditional, Given, descend
from .nms import GREEDY_BETA, Kind, distance_exponent, nms_obj, nms_sort
from .options import DetectOptions, Ints
from .results import Box, Detection, reported

Floats = npt.NDArray[np.float32]
Anchors = Sequence[tuple[float, float]]

CHUNK = 64  # boxes whose whole tree is multiplied out at once


@dataclass(frozen=True)
class Found:
    """M boxes of one image in the output of a [region] or [yolo] head of `height` x `width` cells.

    Box m stands at `anchor[m]` (M,) in `cell[m]` (M,), counted row by row; `values` (M, E) are all its entries, but
    for the classes where `conditional` has these.
    """

    anchor: Ints
    cell: Ints
    values: Floats
    width: int
    height: int
    conditional: Conditional | None = None


def find(
    backend: Backend, output: Array, anchors: int, objectness: int | None, thresh: float, by_cell: bool
) -> list[Found]:
    """Of each image in a head's activated output (N, C, H, W), an array of the backend, the boxes whose entry
    `objectness` is above `thresh`; None: it counts as 1. Anchor by anchor, or `by_cell`: cell by cell. Nothing else
    comes to the host."""
    n, channels, height, width = output.shape
    cells = height * width
    found, starts = backend.empty((n * anchors * cells,), "int32"), backend.empty((n + 1,), "int32")
    entry = -1 if objectness is None else objectness
    backend.ops.find_boxes(output, anchors, entry, thresh, by_cell, found, starts)
    begins = backend.to_host(starts).tolist()
    chosen, values = found[: begins[-1]], backend.empty((begins[-1], channels // anchors))
    if begins[-1]:
        backend.ops.gather_boxes(output, anchors, chosen, values)
    anchor, cell = np.divmod(backend.to_host(chosen) % (anchors * cells), cells)
    rows = backend.to_host(values)
    return [Found(anchor[b:e], cell[b:e], rows[b:e], width, height) for b, e in pairwise(begins)]


@dataclass(frozen=True)
class Candidates:
    """M boxes of one image and their P (box, class, probability) entries, in Darknet's order of boxes.

    `boxes` (M, 4) are centre and size in fractions of the network's input, `objectness` is (M,). Entry p
    says that box `index[p]` is of class `class_id[p]` with `probability[p]`, the number Darknet reports. A
    box without entries still takes part in suppression by objectness. `along` (P, D), where walks down a tree led to
    the classes: the absolute probabilities of the nodes of depth 1 to D on the path, 0 behind its end.
    """

    boxes: Boxes
    objectness: Floats
    index: Ints
    class_id: Ints
    probability: Floats
    along: Floats | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def dense(self, classes: int) -> Floats:
        """The probabilities as a table (M, classes), 0 where there is no entry."""
        table = np.zeros((len(self), classes), np.float32)
        table[self.index, self.class_id] = self.probability
        return table

    def classless(self, thresh: float) -> Candidates:
        """One entry for each box whose objectness is above `thresh`, of class 0."""
        index = np.flatnonzero(self.objectness > np.float32(thresh))
        return Candidates(self.boxes, self.objectness, index, np.zeros_like(index), self.objectness[index])

    def suppressed(
        self, thresh: float, kind: Kind = "sort", backend: Backend | None = None, beta: float = GREEDY_BETA,
        image: tuple[int, int] = (1, 1),
    ) -> Candidates:  # fmt: skip
        """Without the entries that non-maximum suppression removes, on a backend. A thresh of 0 removes nothing.

        `beta` is that of diounms. `image`: width and height of the image, in whose unit the boxes are.
        """
        if kind not in get_args(Kind):
            raise ValueError(f"nms kind must be one of {', '.join(get_args(Kind))}, not {kind!r}")
        if not thresh:
            return self
        if kind == "obj":
            kept = nms_obj(self.boxes, self.objectness, thresh, backend)[self.index]
        else:
            exponent = distance_exponent(kind, beta)
            unit = np.float32(1) if exponent is None else np.array([*image, *image], np.float32)
            boxes: Boxes = self.boxes / unit
            kept = nms_sort(boxes, self.index, self.class_id, self.probability, thresh, backend, exponent)
        entries = self.index[kept], self.class_id[kept], self.probability[kept]
        return Candidates(self.boxes, self.objectness, *entries, None if self.along is None else self.along[kept])

    def darknet_ranks(self, options: DetectOptions) -> Ints:
        """The place of each box, (M,), among Darknet's when it has suppressed these candidates under the options.

        Of kind "obj" it sorts boxes by objectness; of the others by one class after the other, so that the last
        class counts first, and classes that fall are still there to be sorted by. Without suppression nothing is
        sorted.
        """
        if not options.nms:
            return np.arange(len(self))
        by_objectness = options.nms_kind == "obj"
        order: Ints = np.argsort(-self.objectness, kind="stable") if by_objectness else self._by_last_classes()
        return np.argsort(order)

    def _by_last_classes(self) -> Ints:
        rows: list[list[tuple[int, float]]] = [[] for _ in range(len(self))]
        entries = np.lexsort((-self.class_id, self.index))
        columns = self.index[entries].tolist(), self.class_id[entries].tolist(), self.probability[entries].tolist()
        for i, class_id, probability in zip(*columns, strict=True):
            rows[i].append((-class_id, -probability))
        for row in rows:
            row.append((1, 0.0))  # a box that has another class stands before one that has none
        return np.array(sorted(range(len(self)), key=rows.__getitem__), np.intp)


_FLOATS, _INTS = np.zeros(0, np.float32), np.zeros(0, np.intp)
NOTHING = Candidates(_FLOATS.reshape(0, 4), _FLOATS, _INTS, _INTS, _FLOATS)


def join(parts: Sequence[Candidates]) -> Candidates:
    """The candidates of several heads of one network as one set."""
    parts = [part for part in parts if len(part)]  # most heads find nothing in most images
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    starts = np.cumsum([0, *(len(part) for part in parts)])
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.objectness for part in parts]),
        np.concatenate([part.index + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.class_id for part in parts]),
        np.concatenate([part.probability for part in parts]),
        _stacked([part.along for part in parts], [len(part.index) for part in parts]),
    )


def decode_region(
    found: Found,
    anchors: Anchors,
    classes: int,
    options: DetectOptions,
    *,
    coords: int = 4,
    background: bool = False,
    tree: Tree | None = None,
) -> Candidates:
    """Candidates of boxes found in a [region] output, of coords + 1 + classes entries; anchors in grid cells.

    Flat: a class is kept if objectness * probability > thresh. With a tree a box has one class, the node where
    the walk down stops, with the objectness as its probability; with a `map` too, entry j is objectness *
    absolute probability of node map[j], kept if > thresh. With `background` there is no objectness: it counts as 1.
    """
    values = found.values
    kept = np.ones(len(values), np.float32) if background else np.ascontiguousarray(values[:, coords])
    boxes = _boxes(found, anchors, found.width, found.height)
    given = np.ones_like(kept) if options.region_rule == "class" else kept
    if tree is None:
        return Candidates(boxes, given, *_above(kept[:, None] * values[:, coords + 1 :], options.thresh))
    # Without an objectness plane the tree begins one plane earlier; Darknet's map doesn't know that.
    first = coords if background else coords + 1
    nodes = found.conditional or Given(values[:, first : first + classes], tree)
    if options.map is None:
        return Candidates(boxes, given, *_walked(nodes, kept, tree, options))
    return Candidates(boxes, given, *_mapped(nodes, kept, tree, np.asarray(options.map, np.intp), options.thresh))


def decode_yolo(
    found: Found, anchors: Anchors, net_w: int, net_h: int, thresh: float, new_coords: bool = False
) -> Candidates:
    """Candidates of boxes found in a [yolo] output, of 5 + classes entries.

    `anchors` are those of the head's mask, in pixels of the network's input. With `new_coords` sizes are the
    anchor's times (2 v)^2, not e^v.
    """
    if not len(found.cell):
        return NOTHING
    boxes = _boxes(found, anchors, net_w, net_h, new_coords)
    kept = np.ascontiguousarray(found.values[:, 4])
    return Candidates(boxes, kept, *_above(kept[:, None] * found.values[:, 5:], thresh))


def decode_gaussian(
    found: Found, anchors: Anchors, net_w: int, net_h: int, thresh: float, to_centre: int = 0
) -> Candidates:
    """Candidates of boxes found in a [Gaussian_yolo] output, of 9 + classes entries: x, y, w and h, each with its
    uncertainty behind it, objectness, classes.

    Probabilities are lessened by the mean uncertainty. `to_centre`: halves of the box from (x, y) to its centre.
    """
    values = found.values
    boxes = _boxes(replace(found, values=values[:, 0:8:2]), anchors, net_w, net_h)
    boxes[:, :2] += boxes[:, 2:] * np.float32(to_centre / 2)
    total = values[:, 1] + values[:, 3] + values[:, 5] + values[:, 7]
    sure = 1 - (total / np.float32(4)).astype(np.float64)
    kept = np.ascontiguousarray(values[:, 8])
    products = (kept[:, None] * values[:, 9:] * sure[:, None]).astype(np.float32)
    return Candidates(boxes, kept, *_above(products, thresh))


def decode_detection(
    predictions: Floats, side: int, num: int, classes: int, square: bool, thresh: float
) -> Candidates:
    """Candidates of a [detection] output (YOLOv1), flat: classes, objectness and boxes of all cells.

    A class is kept if objectness * probability > thresh. `square`: the head learnt square roots of sizes.
    """
    cells = side * side
    flat = predictions.reshape(-1)
    given = flat[: cells * classes].reshape(cells, 1, classes)
    objectness = flat[cells * classes : cells * (classes + num)].reshape(cells, num)
    raw = flat[cells * (classes + num) : cells * (classes + 5 * num)].reshape(cells, num, 4)
    boxes = np.empty((cells, num, 4), np.float32)
    row, column = np.divmod(np.arange(cells, dtype=np.float32)[:, None], np.float32(side))
    boxes[..., 0] = (raw[..., 0] + column) / np.float32(side)
    boxes[..., 1] = (raw[..., 1] + row) / np.float32(side)
    boxes[..., 2:] = raw[..., 2:].astype(np.float64) ** 2 if square else raw[..., 2:]
    kept = objectness.reshape(-1)
    products = (objectness[..., None] * given).reshape(cells * num, classes)
    return Candidates(boxes.reshape(-1, 4), kept, *_above(products, thresh))


def detections(
    heads: Sequence[Sequence[Candidates]],
    options: DetectOptions,
    images: Sequence[tuple[int, int]],
    network: tuple[int, int],
    names: Sequence[str],
    tree: Tree | None = None,
    backend: Backend | None = None,
) -> list[list[Detection]]:
    """Of each image the detections of all heads, each of which has candidates of every image; see `to_detections`."""
    found = (join(each) for each in zip(*heads, strict=True))
    return [
        to_detections(each, options, image, network, names, tree, backend)
        for each, image in zip(found, images, strict=True)
    ]


def to_detections(
    candidates: Candidates,
    options: DetectOptions,
    image: tuple[int, int],
    network: tuple[int, int],
    names: Sequence[str],
    tree: Tree | None = None,
    backend: Backend | None = None,
) -> list[Detection]:
    """Detections in pixels of the image, the most confident first, after suppression.

    `image` and `network` are (width, height) of the image and of the network's input. A class without a name is
    called by its number. `tree` gives the paths, unless a map has turned nodes into other classes. `backend` (the
    CPU's by default) suppresses. Boxes that are not finite (an overflow, a letterbox too thin to hold anything of
    the image) are left out, then what the options don't report.
    """
    if not len(candidates):
        return []
    boxes = to_image(candidates.boxes, *image, *network, options.fit)
    settled = options.with_suppression("sort")
    given = replace(candidates, boxes=boxes)
    left = given.suppressed(options.nms, settled.nms_kind or "sort", backend, settled.beta_nms or 0.0, image)
    rank = given.darknet_ranks(options)
    usable = [bool(np.isfinite(box).all()) for box in boxes]
    tree = tree if options.map is None else None
    result = []
    for p in np.argsort(-left.probability, kind="stable"):
        i, class_id = left.index[p], int(left.class_id[p])
        if usable[i]:
            path = tuple(class_name(names, node) for node in tree.path(class_id)) if tree is not None else ()
            confidence, objectness = float(left.probability[p]), float(left.objectness[i])
            box, order = Box(*map(float, boxes[i])), (int(rank[i]), class_id)
            along = () if left.along is None else tuple(map(float, left.along[p, : len(path)]))
            name = class_name(names, class_id)
            result.append(Detection(class_id, name, confidence, objectness, box, path, order, along))
    return result if options.reports_all else reported(result, options, tree)


def letterbox_size(image_w: int, image_h: int, net_w: int, net_h: int) -> tuple[int, int]:
    """Width and height of an image scaled to fit the network's input, in Darknet's integers.

    One of them is 0 when the image is so long and thin that nothing of it is left.
    """
    if np.float32(net_w) / np.float32(image_w) < np.float32(net_h) / np.float32(image_h):
        return net_w, image_h * net_w // image_w
    return image_w * net_h // image_h, net_h


def to_image(boxes: Boxes, image_w: int, image_h: int, net_w: int, net_h: int, fit: Fit) -> Boxes:
    """Boxes in fractions of the network's input, as pixels of the image it was made from.

    `fit` says how the image was brought to the network's size. The arithmetic is Darknet's, roundings
    included. Boxes of a letterbox without an image in it (`letterbox_size` has a 0) become inf or NaN.
    """
    result = np.array(boxes, np.float32)
    with np.errstate(all="ignore"):
        if fit == "letterbox":
            new_w, new_h = letterbox_size(image_w, image_h, net_w, net_h)
            _unpad(result[:, 0], result[:, 2], net_w, new_w)
            _unpad(result[:, 1], result[:, 3], net_h, new_h)
        elif fit != "stretch":
            raise ValueError(f"fit must be 'letterbox' or 'stretch', not {fit!r}")
        result *= np.array([image_w, image_h, image_w, image_h], np.float32)
    return result


def _unpad(centre: npt.NDArray[Any], size: npt.NDArray[Any], net: int, new: int) -> None:
    """In place: from fractions of the canvas to fractions of the `new` pixels in the middle of it."""
    centre[:] = (centre - np.float64((net - new) / 2 / net)) / np.float64(np.float32(new) / np.float32(net))
    size *= np.float32(net) / np.float32(new)


def _stacked(parts: Sequence[Floats | None], rows: Sequence[int]) -> Floats | None:
    """Tables of so many rows one below the other, as wide as the widest, 0 where there is nothing."""
    width = max((part.shape[1] for part in parts if part is not None), default=None)
    if width is None:
        return None
    result = np.zeros((sum(rows), width), np.float32)
    for part, end, count in zip(parts, np.cumsum(rows).tolist(), rows, strict=True):
        if part is not None:
            result[end - count : end, : part.shape[1]] = part
    return result


def _above(products: Floats, thresh: float) -> tuple[Ints, Ints, Floats]:
    """Row, column and value of the entries of a table (boxes, classes) above the threshold."""
    index, class_id = np.nonzero(products > np.float32(thresh))
    return index, class_id, products[index, class_id]


def _boxes(found: Found, anchors: Anchors, unit_w: int, unit_h: int, squares: bool = False) -> Boxes:
    """Boxes (M, 4) in fractions of the input, whose size in the unit of the anchors is unit_w x unit_h."""
    raw, sides = found.values, np.asarray(anchors)[found.anchor]
    row, column = np.divmod(found.cell, found.width)
    boxes = np.empty((len(raw), 4), np.float32)
    with np.errstate(over="ignore"):  # Darknet has no limit on sizes either: an overflow is an infinite box
        boxes[:, 0] = (column.astype(np.float32) + raw[:, 0]) / np.float32(found.width)
        boxes[:, 1] = (row.astype(np.float32) + raw[:, 1]) / np.float32(found.height)
        v = raw[:, 2:4]
        grown = v * v * np.float32(4) if squares else np.exp(v.astype(np.float64))
        sizes = grown * sides.astype(np.float32).reshape(-1, 2)
        boxes[:, 2:] = sizes / np.array([unit_w, unit_h], grown.dtype)
    return boxes


def _walked(
    nodes: Conditional, objectness: Floats, tree: Tree, options: DetectOptions
) -> tuple[Ints, Ints, Floats, Floats]:
    """Box, node, probability, and probabilities along the path, of the walks down the tree."""
    walks = descend(nodes, len(objectness), tree, options.hier_thresh, options.hier_mode)
    index, node = np.arange(len(objectness)), np.array([node for node, _ in walks], np.intp)
    along = np.zeros((len(walks), max((len(path) for _, path in walks), default=0)), np.float32)
    for row, (_, path) in zip(along, walks, strict=True):
        row[: len(path)] = path
    if options.region_rule == "objectness":
        return index, node, objectness, along
    probability = np.array([path[-1] for _, path in walks], np.float32)
    above = probability > np.float32(options.hier_thresh)
    return index[above], node[above], probability[above], along[above]


def _mapped(
    nodes: Conditional, objectness: Floats, tree: Tree, map: Ints, thresh: float
) -> tuple[Ints, Ints, Floats]:
    """Box, entry of the map and probability of what is above the threshold."""
    products = np.zeros((len(objectness), len(map)), np.float32)
    groups = tree.groups_above(map)
    for start in range(0, len(objectness), CHUNK):
        boxes = np.arange(start, min(start + CHUNK, len(objectness)))
        absolute = tree.absolute(nodes.table(boxes, groups).T)
        products[boxes] = absolute[map].T
    return _above(objectness[:, None] * products, thresh)
