"""A detector cut down to a part of its tree: cfg, weights, tree, names and map that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import CfgError, DataError
from ..formats.atomic import write_text
from ..formats.cfg import dump
from ..graph.engine import Engine
from ..layers import Head
from ..surgery import prune_classes
from .build import Hierarchy
from .files import NamedTree, refuse_taken, write_tree
from .subset import whole_groups


def prune(
    net: Engine, named: NamedTree, keep: Sequence[int], out: str | PathLike[str], *, with_map: bool = True,
    force: bool = False,
) -> list[str]:  # fmt: skip
    """Write OUT.cfg, OUT.weights, OUT.tree, OUT.names, OUT.labels, and OUT.map where the head has a map: their paths.

    There stay the nodes `keep` with all below them, the way up to the root, and all siblings of these, so that no
    probability changes: the new detector finds what the old one does, and where a walk down the tree went on to what
    is gone, it ends there. `named` is the tree of the head; without `with_map` the new one has no map. CfgError for a
    network that has no such head, whose weights can't be cut, or whose map leads to what is gone; DataError if a file
    is there already (unless `force`), or can't be written.
    """
    head, base = tree_head(net), fspath(out)
    hierarchy, kept = whole_groups(named, keep)
    entries = _mapped(head, kept) if with_map else []
    endings = [".cfg", ".weights", ".tree", ".names", ".labels", *([".map"] if entries else [])]
    if not force:
        refuse_taken([base + ending for ending in endings])
    with TemporaryDirectory() as folder:  # nothing is written for the user until all of it is there
        draft = Path(folder) / Path(base).name
        keys: dict[str, str | None] = {"tree": _write_files(draft, hierarchy, entries), "map": None}
        if entries:
            keys["map"] = f"{draft}.map"
        result = prune_classes(net, head, kept, keys)
    _write_files(base, hierarchy, entries, force=force)
    result.save_weights(base + ".weights")
    for key, value in keys.items():
        if value is not None:
            result.cfg.sections[head.index].set(key, Path(value).name)
    write_text(base + ".cfg", dump(result.cfg), CfgError)
    return [base + ending for ending in endings]


def _write_files(base: str | PathLike[str], hierarchy: Hierarchy, entries: Sequence[int], force: bool = False) -> str:
    """The tree's files, and a map if it has entries; the path of the tree."""
    tree, *_ = write_tree(base, hierarchy, force=force)
    if entries:
        write_text(f"{fspath(base)}.map", "".join(f"{node}\n" for node in entries), DataError)
    return tree


def tree_head(net: Engine) -> Head:
    """The head that has a tree. CfgError if there is none, or several."""
    heads = [head for head in net.heads() if head.tree is not None]
    if len(heads) != 1:
        raise CfgError(net.cfg.file, None, f"expected one [region] with a tree, found {len(heads)}")
    return heads[0]


def _mapped(head: Head, kept: Sequence[int]) -> list[int]:
    """The new nodes of the head's map."""
    new = {old: i for i, old in enumerate(kept)}
    nodes = [] if head.map is None else head.map.tolist()
    lost = [class_id for class_id, node in enumerate(nodes) if node not in new]
    if lost:
        raise head.section.error(
            f"map={head.section.str_('map')}: {len(lost)} of its {len(nodes)} classes (class {lost[0]} is the "
            "first) lead to nodes that are not kept; keep these too, or leave the map out with --without-map",
            "map",
        )
    return [new[node] for node in nodes]
