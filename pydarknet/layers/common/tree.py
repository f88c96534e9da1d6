"""What the layers with a `tree=` key share."""

from __future__ import annotations

from ...backends.ops import Array
from ...formats.cfg import Section
from ...formats.tree import Tree, read_tree


def section_tree(section: Section) -> Tree | None:
    """The WordTree the section names, or None. DataError if it can't be read."""
    if not section.has("tree"):
        return None
    return read_tree(section.path("tree"))


def group_sizes(tree: Tree | None) -> Array:
    """int32 sizes of the groups of siblings, in channel order."""
    return None if tree is None else tree.group_size.astype("int32")


def tree_arrays(tree: Tree) -> tuple[Array, Array, Array, Array]:
    """int32 parent and group of each node, first node and size of each group."""
    parent, group, offset, size = (
        a.astype("int32") for a in (tree.parent, tree.group, tree.group_offset, tree.group_size)
    )
    return parent, group, offset, size
