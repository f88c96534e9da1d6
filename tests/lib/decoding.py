"""Candidates of the output of one image, found on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydarknet.backends.base import cpu_backend
from pydarknet.detection import decode
from pydarknet.detection.nms import Kind
from pydarknet.detection.options import DetectOptions
from pydarknet.detection.results import Detection
from pydarknet.formats.tree import Tree
from pydarknet.graph.graph import Graph
from pydarknet.layers import Head
from pydarknet.plan.shapes import Shape


def decode_region(
    output: np.ndarray,
    anchors: decode.Anchors,
    classes: int,
    thresh: float,
    *,
    coords: int = 4,
    background: bool = False,
    **options: Any,
) -> decode.Candidates:
    """Those of a [region] output (C, H, W)."""
    given, objectness = np.ascontiguousarray(output)[None], None if background else coords
    (found,) = decode.find(cpu_backend(), given, len(anchors), objectness, thresh, by_cell=False)
    tree = options.pop("tree", None)
    how = DetectOptions(thresh, **options)
    return decode.decode_region(found, anchors, classes, how, coords=coords, background=background, tree=tree)


def decode_gaussian(
    output: np.ndarray, anchors: decode.Anchors, net_w: int, net_h: int, thresh: float, to_centre: int = 0
) -> decode.Candidates:
    """Those of a [Gaussian_yolo] output (C, H, W)."""
    given = np.ascontiguousarray(output)[None]
    (found,) = decode.find(cpu_backend(), given, len(anchors), 8, thresh, by_cell=True)
    return decode.decode_gaussian(found, anchors, net_w, net_h, thresh, to_centre)


def decode_yolo(
    output: np.ndarray, anchors: decode.Anchors, net_w: int, net_h: int, thresh: float, new_coords: bool = False
) -> decode.Candidates:
    """Those of a [yolo] output (C, H, W)."""
    given = np.ascontiguousarray(output)[None]
    (found,) = decode.find(cpu_backend(), given, len(anchors), 4, thresh, by_cell=True)
    return decode.decode_yolo(found, anchors, net_w, net_h, thresh, new_coords)


def candidates(head: Head, output: np.ndarray, inputs: Shape, options: DetectOptions) -> decode.Candidates:
    """Those of a head's output (C, H, W), for a network's input of shape `inputs`."""
    (found,) = head.candidates(cpu_backend(), np.ascontiguousarray(output)[None], inputs, options)
    return found


def to_detections(
    found: decode.Candidates, names: list[str], w: int, h: int, net_w: int, net_h: int, tree: Tree | None = None,
    **options: Any,
) -> list[Detection]:  # fmt: skip
    """Those of an image of w x h pixels."""
    return decode.to_detections(found, DetectOptions(**options), (w, h), (net_w, net_h), names, tree)


def suppression(graph: Graph, kind: Kind | None = None) -> tuple[Kind | None, float | None]:
    """Kind and exponent of suppression, where `kind` is asked for."""
    options = graph.settle(DetectOptions(nms_kind=kind))
    return options.nms_kind, options.beta_nms
