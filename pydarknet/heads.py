"""From a network's head layers to candidate boxes: which decoder reads which layer's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from .backends.base import Backend, cpu_backend
from .backends.ops import Array
from .detection.boxes import Fit
from .detection.decode import Candidates, Floats, Ints, decode_detection, decode_region, decode_yolo, find
from .detection.nms import GREEDY_BETA, Kind
from .errors import DataError
from .formats.tree import Mode, Tree
from .layers import Layer
from .layers.detection import Detection
from .layers.region import Region
from .layers.yolo import Yolo
from .plan.shapes import Shape
from .system.arguments import check_choice, check_share

YOLO_OBJECTNESS = 4  # behind x, y, w, h


@dataclass(frozen=True)
class DetectOptions:
    """How to turn outputs into detections.

    `thresh`: least objectness and probability. `hier_thresh`, `hier_mode`: how far down a tree to go, with
    Darknet's double product or the paper's probabilities. `nms`: greatest overlap two boxes may have (0: any), by
    `nms_kind` and `beta_nms` (of "diounms"), None: as the last head says, per class ("sort"), over all ("obj"), or
    per class with the distance of centres ("greedynms", "diounms"). `fit`: how pictures are brought to the
    network's size. `map`: tree node of each reported class.
    """

    thresh: float = 0.5
    hier_thresh: float = 0.5
    nms: float = 0.45
    nms_kind: Kind | None = None
    beta_nms: float | None = None
    fit: Fit = "letterbox"
    hier_mode: Mode = "darknet"
    map: Ints | Sequence[int] | None = None

    def __post_init__(self) -> None:
        """ValueError for a threshold out of range, or a word that is none."""
        for name in ("thresh", "hier_thresh", "nms"):
            check_share(name, getattr(self, name))
        if self.nms_kind is not None:
            check_choice("nms_kind", self.nms_kind, get_args(Kind))
        check_choice("fit", self.fit, get_args(Fit))
        check_choice("hier_mode", self.hier_mode, get_args(Mode))


def candidates(layer: Layer, output: Floats, inputs: Shape, options: DetectOptions) -> Candidates:
    """The candidates in one head's activated output (C, H, W) for a network input of shape `inputs`."""
    return batch_candidates(cpu_backend(), layer, np.ascontiguousarray(output)[None], inputs, options)[0]


def batch_candidates(
    backend: Backend, layer: Layer, output: Array, inputs: Shape, options: DetectOptions
) -> list[Candidates]:
    """Those of each image in a head's activated output (N, C, H, W), an array of the backend.

    Of [region] and [yolo] only the boxes above the threshold come to the host; [detection] is small.
    """
    thresh = options.thresh
    if isinstance(layer, Region):
        objectness = None if layer.background else layer.coords
        return [
            decode_region(
                found,
                layer.anchors,
                layer.classes,
                thresh,
                coords=layer.coords,
                background=layer.background,
                tree=layer.tree,
                hier_thresh=options.hier_thresh,
                hier_mode=options.hier_mode,
                map=options.map,
            )
            for found in find(backend, output, layer.num, objectness, thresh, by_cell=False)
        ]
    if isinstance(layer, Yolo):
        given = find(backend, output, len(layer.mask), YOLO_OBJECTNESS, thresh, by_cell=True)
        return [decode_yolo(found, layer.anchors, inputs.w, inputs.h, thresh, layer.new_coords) for found in given]
    if isinstance(layer, Detection):
        shape = layer.side, layer.num, layer.classes, layer.square
        return [decode_detection(image, *shape, thresh) for image in backend.to_host(output)]
    raise TypeError(f"{layer!r} is no head")


def suppression(heads: Sequence[Layer], kind: Kind | None, beta: float | None) -> tuple[Kind, float]:
    """Kind and exponent of suppression: as asked for, else as the last head says (AlexeyAB's nms_kind, beta_nms)."""
    last = heads[-1] if heads else None
    if not isinstance(last, Yolo):
        return kind or "sort", GREEDY_BETA if beta is None else beta
    return kind or last.nms_kind, last.beta_nms if beta is None else beta


def check_map(heads: Sequence[Layer], map: Ints | Sequence[int] | None) -> None:
    """DataError unless every class of the map names a node that the heads have."""
    nodes = head_classes(heads)
    wrong = next((int(node) for node in ([] if map is None else map) if not 0 <= node < nodes), None)
    if wrong is not None:
        raise DataError(f"map: expected nodes from 0 to {nodes - 1}, found {wrong}; is it for another tree?")


def head_tree(heads: Sequence[Layer]) -> Tree | None:
    """The WordTree of the first head that has one."""
    return next((layer.tree for layer in heads if isinstance(layer, Region) and layer.tree is not None), None)


def head_classes(heads: Sequence[Layer]) -> int:
    """The number of classes the heads tell apart."""
    known = (Region, Yolo, Detection)
    return max((layer.classes for layer in heads if isinstance(layer, known)), default=0)
