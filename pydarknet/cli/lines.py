"""What the printed lines and the labels in pictures call a detection, and in what order."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..detection.results import Box, Detection
    from ..formats.tree import Tree


def printed_order(detections: Sequence[Detection], nms_kind: str) -> list[Detection]:
    """Detections in the order of Darknet's lines.

    Darknet prints box after box, with each one's classes in their order. Suppression leaves the boxes sorted by
    objectness (kind obj), or by the last class they were compared in (sort). Of classes that were suppressed
    nothing is left to sort by: a box that lost its highest class may stand elsewhere than in Darknet's lines.
    """
    boxes: dict[Box, list[Detection]] = {}
    for each in detections:
        boxes.setdefault(each.box, []).append(each)
    for group in boxes.values():
        group.sort(key=lambda each: each.class_id)
    if nms_kind == "obj":
        order = sorted(boxes.values(), key=lambda group: -group[0].objectness)
    else:
        order = sorted(boxes.values(), key=lambda group: (-group[-1].class_id, -group[-1].confidence))
    return [each for group in order for each in group]


def at_depth(detections: Sequence[Detection], depth: int | None, tree: Tree | None) -> list[Detection]:
    """Detections that name no class below level `depth` of the tree (1: the roots)."""
    if depth is None or tree is None:
        return list(detections)
    return [_raised(each, depth, tree) for each in detections]


def _raised(detection: Detection, depth: int, tree: Tree) -> Detection:
    path = detection.path[:depth]
    return replace(detection, class_id=tree.path(detection.class_id)[len(path) - 1], name=path[-1], path=path)


def lines(detections: Sequence[Detection], args: argparse.Namespace) -> list[str]:
    """Darknet's lines: `dog: 56%`."""
    from ..writers import darknet_lines

    ordered = printed_order(detections, args.nms_kind)
    if args.path:
        ordered = [replace(each, name=joined(each.path) or each.name) for each in ordered]
    return darknet_lines(ordered, args.ext_output)


def joined(path: Sequence[str]) -> str:
    """A way down the tree as it is printed."""
    return " > ".join(path)
