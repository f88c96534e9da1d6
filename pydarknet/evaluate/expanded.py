"""Average precision with objects and detections expanded up the tree, as the Open Images Challenge has it.

A "terrier" is a dog and an animal, too: the AP of an inner node is over all objects and detections of the node and of
all below it, that of a leaf is VOC's. The mean is over the nodes with objects. Over those of one depth alone, it is
the AP when everything is lifted to that depth.

Source: "Open Images Challenge object detection evaluation", Labels hierarchy handling, 2018,
https://storage.googleapis.com/openimages/web/evaluation.html; Kuznetsova et al., "The Open Images Dataset V4", 2020.
Where it differs: classes that aren't annotated in an image don't count there. Here a label file says all that an
image holds, but a label "dog" can't say whether "terrier" is right: "terrier" doesn't count then, its "dog" and
"animal" do. Boxes around groups are `crowd`, which doesn't count. IoU is at least `iou_thresh`, there above it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..formats.tree import Tree
from .ancestors import check_nodes, expand, unjudged
from .objects import Detections, Truth
from .voc import average_precision, curves, mean


def expanded(
    truth: Truth, detections: Detections, tree: Tree, iou_thresh: float = 0.5, points: int = 0
) -> dict[int, float | None]:
    """The average precision of each node that has objects, of its own or below it; None if they are difficult, all
    of them. Classes are nodes of the tree. See `voc` for `iou_thresh` and `points`. DataError for classes that are no
    nodes.
    """
    check_nodes("object", truth.class_id, tree)
    check_nodes("detection", detections.class_id, tree)
    objects = expand(truth, tree)
    found = expand(detections, tree)
    found = found[~unjudged(truth, found, tree, iou_thresh)]
    every = curves(objects, found, iou_thresh)
    return {node: average_precision(every[node], points) for node in np.unique(objects.class_id).tolist()}


def by_depth(values: Mapping[int, float | None], tree: Tree) -> list[float | None]:
    """The mean over the nodes of depth 1, 2, 3... among these, as deep as they are."""
    deepest = max((int(tree.depth[node]) for node in values), default=0)
    levels = range(1, deepest + 1)
    return [mean([value for node, value in values.items() if tree.depth[node] == level]) for level in levels]
