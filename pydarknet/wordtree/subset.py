"""A part of a tree: some nodes, all below them, and the way up to the root, with or without the others of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import DataError
from ..formats.text import short
from .build import Hierarchy
from .files import NamedTree


def subset(named: NamedTree, keep: Sequence[int]) -> tuple[Hierarchy, list[int]]:
    """The tree of the nodes `keep`, everything below them, and everything above; and the old number of each new node.

    Siblings that go are gone from their group, so that the probabilities of those that
    stay are higher than before, but in the same proportion.
    """
    above = {node for each in keep for node in named.tree.path(each)}
    return _part(named, above | _below(named, keep))


def whole_groups(named: NamedTree, keep: Sequence[int]) -> tuple[Hierarchy, list[int]]:
    """As `subset`, with all siblings of what is kept, as leaves: no probability changes."""
    tree = named.tree
    groups = {int(tree.group[node]) for node in _below(named, keep)} | {*tree.groups_above(keep).tolist()}
    return _part(named, {node for node in range(len(tree)) if int(tree.group[node]) in groups})


def _below(named: NamedTree, keep: Sequence[int]) -> set[int]:
    """The nodes, and all below them."""
    chosen = set(keep)
    for node in range(len(named.tree)):  # parents come before their children
        if int(named.tree.parent[node]) in chosen:
            chosen.add(node)
    return chosen


def _part(named: NamedTree, nodes: Iterable[int]) -> tuple[Hierarchy, list[int]]:
    """The tree of some nodes, whose parents are among them; and the old number of each new node. DataError if two
    have one id."""
    tree, ids, kept = named.tree, named.tree.name, sorted(nodes)
    number: dict[str, int] = {}
    for node in kept:
        if (other := number.setdefault(ids[node], node)) != node:
            raise DataError.at(
                named.file, node + 1, f"{short(ids[node])!r} is on line {other + 1} too: give it another id"
            )
    parents = {ids[n]: ids[int(tree.parent[n])] if tree.parent[n] >= 0 else None for n in kept}
    result = Hierarchy(parents, {ids[n]: named.names[n] for n in kept})
    return result, [number[node] for node in result.ordered()]
