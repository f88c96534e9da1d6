"""A tree's three files, read and written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from ..errors import DataError
from ..formats.atomic import write_text
from ..formats.data import read_names
from ..formats.tree import Tree, read_tree
from .build import Hierarchy


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

    DataError if there are not as many names as nodes.
    """
    file = Path(fspath(path))
    tree = read_tree(file)
    beside = file.with_suffix(".names")
    if names is None and not (beside != file and beside.is_file()):
        return NamedTree(str(file), tree, list(tree.name))
    given = read_names(beside if names is None else names)
    if len(given) != len(tree):
        where = fspath(beside if names is None else names)
        raise DataError.at(where, None, f"has {len(given)} names for the {len(tree)} nodes of {file}")
    return NamedTree(str(file), tree, given)


def refuse_taken(paths: Sequence[str]) -> None:
    """DataError if one of the files is there already."""
    taken = next((path for path in paths if Path(path).exists()), None)
    if taken is not None:
        raise DataError(f"{taken}: is there already; choose another --out, or --force to replace it")


def write_tree(out: str | PathLike[str], hierarchy: Hierarchy, *, force: bool = False) -> list[str]:
    """Write OUT.tree, OUT.names and OUT.labels; returns their paths.

    DataError if one of them is there already, unless `force`, or can't be written.
    """
    order = hierarchy.ordered()
    number: dict[str | None, int] = {node: i for i, node in enumerate(order)} | {None: -1}
    rows: Mapping[str, Sequence[str]] = {
        ".tree": [f"{node} {number[hierarchy.parent[node]]}" for node in order],
        ".names": [hierarchy.name.get(node, node) for node in order],
        ".labels": order,
    }
    base = fspath(out)
    if not force:
        refuse_taken([base + ending for ending in rows])
    for ending, texts in rows.items():
        write_text(base + ending, "".join(f"{text}\n" for text in texts), DataError)
    return [base + ending for ending in rows]
