"""A tree as text, as Graphviz's DOT, and as a drawing."""

from __future__ import annotations

from collections.abc import Iterator

from ..plots.canvas import Svg
from .files import NamedTree

ROW, COLUMN, MARGIN = 16, 150, 10  # pixels of a drawing
LETTER = 6.5  # pixels, about


def rows(named: NamedTree, root: int | None, depth: int | None) -> Iterator[tuple[int, int]]:
    """Node and level, parents before their children and siblings in their order; the root's level is 0."""
    tree = named.tree
    below: dict[int, list[int]] = {}
    for node, parent in enumerate(tree.parent.tolist()):
        below.setdefault(parent, []).append(node)
    stack = [(node, 0) for node in (reversed(below[-1]) if root is None else [root])]
    while stack:
        node, level = stack.pop()
        yield node, level
        if depth is None or level + 1 < depth:
            stack += [(child, level + 1) for child in reversed(below.get(node, []))]


def as_text(named: NamedTree, root: int | None = None, depth: int | None = None) -> str:
    """A line a node, indented by its level; with how many nodes are below where `depth` levels have ended."""
    counts = _descendants(named)
    out = []
    for node, level in rows(named, root, depth):
        cut = depth is not None and level + 1 == depth and counts[node]
        out.append("  " * level + named.names[node] + (f" (+{counts[node]})" if cut else ""))
    return "\n".join(out) + "\n"


def as_dot(named: NamedTree, root: int | None = None, depth: int | None = None) -> str:
    """For Graphviz: `dot -Tsvg`."""
    out = ["digraph wordtree {", '  rankdir="LR"; node [shape="box"];']
    shown = set()
    for node, _ in rows(named, root, depth):
        shown.add(node)
        out.append(f'  n{node} [label="{_quoted(named.names[node])}"];')
        if int(named.tree.parent[node]) in shown:
            out.append(f"  n{named.tree.parent[node]} -> n{node};")
    return "\n".join([*out, "}"]) + "\n"


def as_svg(named: NamedTree, root: int | None = None, depth: int | None = None) -> Svg:
    """A drawing, a row a node; `save` writes it."""
    shown = list(rows(named, root, depth))
    place = {node: (MARGIN + level * COLUMN, MARGIN + (i + 0.5) * ROW) for i, (node, level) in enumerate(shown)}
    width = max(place[node][0] + LETTER * len(named.names[node]) for node, _ in shown)
    canvas = Svg(int(width) + MARGIN, len(shown) * ROW + 2 * MARGIN)
    for node, _ in shown:
        x, y = place[node]
        above = place.get(int(named.tree.parent[node]))
        if above is not None:
            bend = x - COLUMN / 8
            canvas.line([(bend, above[1] + ROW / 2), (bend, y), (x - 3, y)], "#999999")
        canvas.text(x, y + 4, named.names[node])
    return canvas


def _descendants(named: NamedTree) -> list[int]:
    counts = [0] * len(named.tree)
    for node in range(len(counts) - 1, -1, -1):
        parent = int(named.tree.parent[node])
        if parent >= 0:
            counts[parent] += counts[node] + 1
    return counts


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
