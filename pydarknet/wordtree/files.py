"""A tree's three files, read and written together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..formats.atomic import write_text
from ..formats.data import read_labels, read_names
from ..formats.text import short
from ..formats.tree import Tree, grouped, read_tree
from .build import BOM, Hierarchy

MAX_ID = 255  # bytes, for which Darknet has room
MAX_DEPTH = 1000  # WordNet's nouns have 20 levels; what is printed of a chain is as long as its square


@dataclass(frozen=True)
class NamedTree:
    """A tree, and what people call its nodes; without a .names file they are called by their ids."""

    file: str
    tree: Tree
    names: list[str]

    def path(self, node: int) -> list[str]:
        """The names from the root to the node."""
        return [self.names[each] for each in self.tree.path(node)]


def open_tree(path: str | PathLike[str], names: str | PathLike[str] | None = None) -> NamedTree:
    """A .tree file and its names: those of `names`, else of the .names file beside it.

    DataError if there are not as many names as nodes, or a thousand levels.
    """
    file = Path(fspath(path))
    tree = _not_too_deep(str(file), read_tree(file))
    beside = file.with_suffix(".names")
    if names is None and not (beside != file and beside.is_file()):
        return NamedTree(str(file), tree, list(tree.name))
    given = read_names(beside if names is None else names)
    if len(given) != len(tree):
        where = fspath(beside if names is None else names)
        raise DataError.at(where, None, f"has {len(given)} names for the {len(tree)} nodes of {file}")
    return NamedTree(str(file), tree, given)


def _fits(node_id: str) -> bool:
    """Whether an id is read from a file as it is written, by Darknet too."""
    return node_id.split() == [node_id] and BOM not in node_id and len(os.fsencode(node_id)) <= MAX_ID


def _not_too_deep(file: str, tree: Tree) -> Tree:
    deep = tree.depth > MAX_DEPTH
    if deep.any():
        node = int(np.argmax(deep))
        raise DataError.at(file, node + 1, f"{short(tree.name[node])!r} has {MAX_DEPTH} ancestors: too deep a tree")
    return tree


def odd_labels(named: NamedTree) -> tuple[str, list[int]] | None:
    """The .labels file beside the tree, and the nodes whose label isn't their id; None without one.

    DataError if there are not as many labels as nodes.
    """
    file = Path(named.file).with_suffix(".labels")
    if str(file) == named.file or not file.is_file():
        return None
    labels, ids = read_labels(file), named.tree.name
    if len(labels) != len(ids):
        raise DataError.at(str(file), None, f"has {len(labels)} labels for the {len(ids)} nodes of {named.file}")
    return str(file), [node for node, (label, own) in enumerate(zip(labels, ids, strict=True)) if label != own]


def refuse_taken(paths: Sequence[str]) -> None:
    """DataError if one of the files is there already."""
    taken = next((path for path in paths if Path(path).exists()), None)
    if taken is not None:
        raise DataError(f"{taken}: is there already; choose another --out, or --force to replace it")


def write_tree(out: str | PathLike[str], hierarchy: Hierarchy, *, force: bool = False) -> list[str]:
    """Write OUT.tree, OUT.names and OUT.labels; returns their paths.

    DataError for a tree that Darknet can't read, and if one of the files is there already, unless `force`, or can't
    be written.
    """
    base = fspath(out)
    if not os.path.basename(base):
        raise DataError(f"{base}: expected the beginning of the files' names, found a folder; such as {base}mine")
    order = hierarchy.ordered()
    number: dict[str | None, int] = {node: i for i, node in enumerate(order)} | {None: -1}
    parents = [number[hierarchy.parent[node]] for node in order]
    bad = next((node for node in order if not _fits(node)), None)
    if bad is not None:
        raise DataError(
            f"{base}.tree: {short(bad)!r} can't be an id: expected up to {MAX_ID} bytes, no blank, no byte order mark"
        )
    _not_too_deep(f"{base}.tree", grouped(f"{base}.tree", order, parents))
    rows: Mapping[str, Sequence[str]] = {
        ".tree": [f"{node} {parent}" for node, parent in zip(order, parents, strict=True)],
        ".names": [hierarchy.name.get(node, node) for node in order],
        ".labels": order,
    }
    if not force:
        refuse_taken([base + ending for ending in rows])
    for ending, texts in rows.items():
        write_text(base + ending, "".join(f"{text}\n" for text in texts), DataError)
    return [base + ending for ending in rows]
