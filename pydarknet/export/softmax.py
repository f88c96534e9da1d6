"""The softmax of a WordTree, and the probabilities it leads to, as ONNX nodes on values (N, boxes, nodes)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..formats.tree import Tree
from .nodes import Nodes

Ints = npt.NDArray[np.integer[Any]]


def tree_softmax(g: Nodes, x: str, tree: Tree) -> str:
    """A softmax for each group of siblings.

    Groups of one size are brought together and share a softmax, so that the 1,846 groups of yolo9000 cost
    about fifty nodes and no padding.
    """
    sizes = np.unique(tree.group_size)
    order = [np.flatnonzero(tree.group_size[tree.group] == size) for size in sizes]
    counts = [len(nodes) for nodes in order]
    parts = []
    sorted_parts = g.parts(_gather(g, x, np.concatenate(order)), 2, counts)
    for part, size, count in zip(sorted_parts, sizes.tolist(), counts, strict=True):
        siblings = g.reshape(part, -1, count // size, size)
        parts.append(g.reshape(g.add("Softmax", siblings, axis=3), -1, count))
    return _restored(g, parts, order)


def absolute(g: Nodes, conditional: str, tree: Tree) -> str:
    """Each node's probability: the product of the conditional ones from the root down to it."""
    parts = [_gather(g, conditional, tree.levels[0])]
    for above, level in pairwise(tree.levels):
        parents = _gather(g, parts[-1], np.searchsorted(above, tree.parent[level]))
        parts.append(g.add("Mul", _gather(g, conditional, level), parents))
    return _restored(g, parts, tree.levels)


def _restored(g: Nodes, parts: list[str], order: Sequence[Ints]) -> str:
    """The parts, which hold the nodes `order`, as one value with the nodes in the tree's order."""
    whole = parts[0] if len(parts) == 1 else g.add("Concat", *parts, axis=2)
    return _gather(g, whole, np.argsort(np.concatenate(order)))


def _gather(g: Nodes, x: str, nodes: Ints) -> str:
    return g.add("Gather", x, g.ints(nodes), axis=2)
