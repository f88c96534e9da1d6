"""Nodes of a WordTree and what is above them, for whole arrays of objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..errors import DataError
from ..formats.tree import Tree
from .objects import Bools, Detections, Floats, Ints, Truth, overlaps

_O = TypeVar("_O", Truth, Detections)


def lift(tree: Tree, nodes: Ints, level: int) -> Ints:
    """The ancestor at a depth (1: a root) of each node; the node itself where it isn't that deep."""
    lifted = nodes.copy()
    while (deep := tree.depth[lifted] > level).any():
        lifted[deep] = tree.parent[lifted[deep]]
    return lifted


def is_above(tree: Tree, upper: Ints, lower: Ints) -> Bools:
    """Whether each of `upper` (M,) is a node of `lower` (N,) or an ancestor of it: (M, N)."""
    result = np.zeros((len(upper), len(lower)), np.bool_)
    for level in np.unique(tree.depth[upper]):
        rows = np.flatnonzero(tree.depth[upper] == level)
        result[rows] = upper[rows][:, None] == lift(tree, lower, int(level))[None, :]
    return result


def shared_depth(tree: Tree, a: Ints, b: Ints) -> Ints:
    """How many nodes the paths to a (M,) and to b (M,) have in common: (M,)."""
    shared = np.zeros(len(a), np.int64)
    for level in range(1, int(tree.depth.max()) + 1):
        deep = np.minimum(tree.depth[a], tree.depth[b]) >= level
        shared += deep & (lift(tree, a, level) == lift(tree, b, level))
    return shared


def expand(objects: _O, tree: Tree) -> _O:
    """Each object once for every node of its path, in the order of the objects."""
    index = np.arange(len(objects))
    node = objects.class_id.astype(np.int64)
    indices, nodes = [index], [node]
    while len(index := index[(above := tree.parent[node]) >= 0]):
        node = above[above >= 0].astype(np.int64)
        indices.append(index)
        nodes.append(node)
    which = np.concatenate(indices)
    order = np.argsort(which, kind="stable")
    return replace(objects[which[order]], class_id=np.concatenate(nodes)[order])


def unjudged(truth: Truth, found: Detections, tree: Tree, iou_thresh: float) -> Bools:
    """Which detections, (M,), only say more of objects than their labels do: they are at one whose class is above
    theirs, and at none of which they are known to be right."""
    result = np.zeros(len(found), np.bool_)
    objects = dict(truth.by_image())
    for image, rows in found.by_image():
        if (there := objects.get(image)) is not None:
            said, true = found.class_id[rows], truth.class_id[there]
            at = close(found.box[rows], truth.box[there], iou_thresh)
            right = is_above(tree, said, true)
            more = is_above(tree, true, said).T & ~right
            result[rows] = (at & more).any(axis=1) & ~(at & right).any(axis=1)
    return result


def close(boxes: Floats, truths: Floats, iou_thresh: float) -> Bools:
    """Which boxes (M, 4) are at truths (N, 4): (M, N)."""
    iou = overlaps(boxes, truths)
    return (iou >= iou_thresh) & (iou > 0)


def check_nodes(what: str, nodes: Ints, tree: Tree) -> None:
    """DataError for a class that is no node of the tree."""
    wrong = np.flatnonzero((nodes < 0) | (nodes >= len(tree)))
    if len(wrong):
        raise DataError(
            f"{what} {wrong[0]}: expected a node of the tree, 0 to {len(tree) - 1}, found {nodes[wrong[0]]}"
        )
