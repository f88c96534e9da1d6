"""A part of a tree: some nodes, all below them, and the way up to the root."""

from __future__ import annotations

from collections.abc import Sequence

from .build import Hierarchy
from .files import NamedTree


def subset(named: NamedTree, keep: Sequence[int]) -> tuple[Hierarchy, list[int]]:
    """The tree of the nodes `keep`, everything below them, and everything above; and the old number of each new node.

    Siblings that go are gone from their group, so that the probabilities of those that
    stay are higher than before, but in the same proportion.
    """
    tree = named.tree
    wanted = {node for each in keep for node in tree.path(each)}
    chosen = set(keep)
    for node in range(len(tree)):  # parents come before their children
        if int(tree.parent[node]) in chosen:
            chosen.add(node)
    ids, kept = tree.name, sorted(wanted | chosen)
    parents = {ids[n]: ids[int(tree.parent[n])] if tree.parent[n] >= 0 else None for n in kept}
    result = Hierarchy(parents, {ids[n]: named.names[n] for n in kept})
    number = {ids[n]: n for n in kept}
    return result, [number[node] for node in result.ordered()]
