"""WordTree: the hierarchy of classes of YOLO9000 (paper, section 4), and the walk down it.

A network gives each node's probability given its parent, one softmax over every group of siblings. Arrays of
probabilities have the nodes on their first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike, fspath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .numbers import read_int
from .text import lines, read_text, short

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Mode = Literal["darknet", "paper"]

MAX_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes are numbered as in the file, parents before children; siblings are neighbours and form a group.

    Per node: `name`, `parent` (-1 at a root), `child` (the group below, -1 at a leaf), `group` (its own).
    Per group: `group_size`, and `group_offset`, its first node. Group 0 are the roots. `file`: what it was read from.
    """

    name: list[str]
    parent: Ints
    child: Ints = field(repr=False)
    group: Ints = field(repr=False)
    group_size: Ints = field(repr=False)
    group_offset: Ints = field(repr=False)
    file: str = ""

    def __len__(self) -> int:
        return len(self.name)

    def __repr__(self) -> str:
        return f"<Tree: {len(self)} nodes in {len(self.group_size)} groups>"

    def is_leaf(self, node: int) -> bool:
        """Whether nothing is below the node."""
        return bool(self.child[node] < 0)

    def path(self, node: int) -> list[int]:
        """The nodes from the root to this one."""
        path = []
        while node >= 0:
            path.append(int(node))
            node = self.parent[node]
        return path[::-1]

    def subtree(self, nodes: Iterable[int]) -> Bools:
        """Which nodes are one of these, or below one: (nodes,)."""
        within = np.zeros(len(self), np.bool_)
        within[list(nodes)] = True
        for level in self.levels[1:]:
            within[level] |= within[self.parent[level]]
        return within

    @cached_property
    def depth(self) -> Ints:
        """The depth of each node, (nodes,); 1 at a root."""
        depth = np.ones(len(self), np.int32)
        for node in np.flatnonzero(self.parent >= 0):  # parents come first
            depth[node] = depth[self.parent[node]] + 1
        return depth

    def ends(self, depth: int) -> npt.NDArray[np.intp]:
        """The nodes at that level (1: the roots), and leaves above it, where a walk no deeper than it may end."""
        return np.flatnonzero((self.depth == depth) | ((self.child < 0) & (self.depth < depth)))

    def probability(self, conditional: Floats, node: int) -> Any:
        """The absolute probability of one node: the product of the conditional ones on its path."""
        product = conditional[node]
        while (node := int(self.parent[node])) >= 0:
            product = product * conditional[node]
        return product

    def absolute(self, conditional: Floats, only_leaves: bool = False) -> Floats:
        """The absolute probabilities of all nodes, in a new array (Darknet multiplies in place).

        With `only_leaves` the others are 0, as in Darknet's validation of classifiers.
        """
        result = np.array(conditional)
        for level in self.levels[1:]:
            result[level] *= result[self.parent[level]]
        if only_leaves:
            result[self.child >= 0] = 0
        return result

    def descend(
        self, conditional: Floats | Callable[[int], Floats], thresh: float, mode: Mode = "darknet"
    ) -> tuple[int, float]:
        """Follow the most probable child down while the walk stays above `thresh`; (node, its probability).

        `conditional` has the probabilities of one box, shape (nodes,), or is a function that gives those of
        one group, called for the groups on the path only. Mode `paper` compares the absolute probability
        with `thresh`. Mode `darknet` repeats what Darknet does: its probabilities are absolute already
        when the walk multiplies them again, so it stops earlier. The best root is the answer if even
        that is below. The probability returned is the absolute one in both modes.
        """
        walk = self.walk(thresh, mode)
        group = next(walk)
        while True:
            offset, size = int(self.group_offset[group]), int(self.group_size[group])
            given = conditional(group) if callable(conditional) else conditional[offset : offset + size]
            try:
                group = walk.send(given)
            except StopIteration as end:
                node, probabilities = end.value
                return node, probabilities[-1]

    def walk(self, thresh: float, mode: Mode = "darknet") -> Generator[int, Floats, tuple[int, list[float]]]:
        """`descend` as a dialogue: yields each group whose probabilities it wants sent, returns the node and the
        absolute probabilities of the nodes on the path to it."""
        if mode not in ("darknet", "paper"):
            raise DataError(f"the walk down a tree has the modes darknet and paper, not {mode!r}")
        low = np.float32(thresh)
        walked = above = np.float32(1)  # the number compared with thresh; the absolute one of the parent
        node, group = -1, 0
        path: list[float] = []
        while group >= 0:
            values = np.asarray((yield group), np.float32)
            absolute = values * above
            best = int(np.argmax(np.fmax(absolute, 0)))  # a NaN never wins
            factor = absolute[best] if mode == "darknet" else values[best]
            passes = walked * factor > low
            if passes or node < 0:
                node, above = int(self.group_offset[group]) + best, absolute[best]
                path.append(float(above))
            if not passes:
                break
            walked, group = walked * factor, int(self.child[node])
        return node, path

    def groups_above(self, nodes: Iterable[int]) -> Ints:
        """The groups on the paths from the root to some nodes, their own among them, in order."""
        found = {int(self.group[each]) for node in {int(node) for node in nodes} for each in self.path(node)}
        return np.array(sorted(found), np.int32)

    @cached_property
    def levels(self) -> list[Ints]:
        """The nodes of each depth, from the roots down, in order."""
        nodes = np.argsort(self.depth, kind="stable").astype(np.int32)
        return np.split(nodes, np.cumsum(np.bincount(self.depth)[1:-1]))


def read_tree(path: str | PathLike[str]) -> Tree:
    """Read a .tree file: `name parent` on each line, -1 for the roots, which come first.

    DataError with the line: parent out of range, cycle, child before its parent, siblings set apart.
    """
    file = fspath(path)
    return grouped(file, *_read_nodes(file))


def grouped(file: str, names: list[str], parents: list[int]) -> Tree:
    """The tree of these nodes, as `read_tree` reads them from the lines of a file."""
    starts = [0]  # first node of each group
    owners = {-1: 0}  # parent -> its group
    for node, parent in enumerate(parents):
        if parent >= node or parent < -1:
            raise DataError.at(file, node + 1, _misplaced(names, parents, node))
        if parent != parents[max(node - 1, 0)]:
            if parent in owners:
                message = f"{short(names[node])!r} stands apart from its siblings; they must be neighbours"
                raise DataError.at(file, node + 1, message)
            owners[parent] = len(starts)
            starts.append(node)
    offsets = np.array(starts, np.int32)
    sizes = np.diff(offsets, append=np.int32(len(names))).astype(np.int32)
    group = np.repeat(np.arange(len(starts), dtype=np.int32), sizes)
    child = np.array([owners.get(node, -1) for node in range(len(names))], np.int32)
    return Tree(names, np.array(parents, np.int32), child, group, sizes, offsets, file)


def _read_nodes(file: str) -> tuple[list[str], list[int]]:
    rows = lines(read_text(file, MAX_BYTES, lambda message: DataError.at(file, None, message)))
    while rows and not rows[-1].strip():
        rows.pop()
    if not rows:
        raise DataError.at(file, None, "is empty; expected 'name parent' on each line")
    names, parents = [], []
    for number, row in enumerate(rows, 1):
        fields = row.split()
        parent, warning = read_int(fields[1]) if len(fields) == 2 else (0, "missing")
        if warning:
            hint = "; a table child,parent becomes one by `pydarknet tree build --csv`" if "," in row else ""
            raise DataError.at(file, number, f"expected 'name parent', found {short(row)!r}{hint}")
        names.append(fields[0])
        parents.append(parent)
    return names, parents


def _misplaced(names: list[str], parents: list[int], node: int) -> str:
    """Why the parent of the node can't stand: outside, in a cycle, or after its child."""
    parent, name = parents[node], short(names[node])
    if not -1 <= parent < len(names):
        return f"the parent of {name!r} is {parent}; expected -1 (a root) to {len(names) - 1}"
    walked, seen = parent, {node}
    while 0 <= walked < len(names) and walked not in seen:
        seen.add(walked)
        walked = parents[walked]
    if walked == node:
        return f"{name!r} is its own ancestor: a cycle of {len(seen)} nodes"
    return f"{name!r} stands before its parent on line {parent + 1}; parents come first"
