"""Trees from WordNet, from a table of child and parent, and from folders in folders."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from os import PathLike, fspath
from pathlib import Path

from ..errors import DataError
from ..formats.text import lines, read_text, short
from .wordnet import TOO_GENERAL, WordNet

MAX_BYTES = 64 << 20
BOM = "\ufeff"
OTHER_SEPARATORS = ";\t|"  # of tables that aren't separated by commas
CHILD = ("child", "name", "class", "label", "node", "id")  # what heads its column, beside one of `parent`


@dataclass
class Hierarchy:
    """A tree in the making: the parent of each node (None at a root), in the order they came, and their names."""

    parent: dict[str, str | None] = field(default_factory=dict)
    name: dict[str, str] = field(default_factory=dict)

    def add(self, path: Sequence[str]) -> None:
        """A way from a root down; nodes that are there keep the parent they have."""
        above = None
        for node in path:
            self.parent.setdefault(node, above)
            above = node

    def path(self, node: str | None) -> list[str]:
        """The way from the root down to the node."""
        found = []
        while node is not None:
            found.append(node)
            node = self.parent[node]
        return found[::-1]

    def children(self) -> dict[str | None, list[str]]:
        """The nodes below each node, and the roots below None."""
        found: dict[str | None, list[str]] = {None: []}
        for node, parent in self.parent.items():
            found.setdefault(parent, []).append(node)
        return found

    def ordered(self) -> list[str]:
        """The nodes level by level, siblings as neighbours, as Darknet wants them."""
        return _level_by_level(self.children())


def from_wordnet(wordnet: WordNet, synsets: Sequence[str]) -> Hierarchy:
    """The paper's tree of some classes (section 4, "Hierarchical classification"), as the published one was made.

    First the classes with one path to the root, then the others (`_grow`). Afterwards nodes with a single child go,
    or lose it (`_without_chains`). DataError for no classes, or one that is above all roots.
    """
    general = next((synset for synset in synsets if synset in TOO_GENERAL), None)
    if general is not None or not synsets:
        found = "none" if general is None else f"{general} ({wordnet.name(general)})"
        raise DataError(f"expected synsets below `physical entity` as classes, found {found}")
    ways = {
        synset: sorted({tuple(node for node in path if node not in TOO_GENERAL) for path in wordnet.paths(synset)})
        for synset in synsets
    }
    order = sorted(ways, key=lambda synset: len(ways[synset]) > 1)
    grown = Hierarchy()
    for synset in order:
        if len(ways[synset]) == 1:
            grown.add(*ways[synset])
    _grow(grown, [ways[synset] for synset in order if len(ways[synset]) > 1])
    tree = Hierarchy()  # the same, with the nodes as the classes ask for them
    for synset in order:
        tree.add(grown.path(synset))
    result = _without_chains(tree, frozenset(synsets))
    result.name = {node: wordnet.name(node) for node in result.parent}
    return result


def _grow(tree: Hierarchy, several: list[list[tuple[str, ...]]]) -> None:
    """Add a path of each class that has several, those that grow the tree by least before all others: in the
    classes' order those that need no new node, over and over, then those that need one, and so on.

    Of paths that need equally many, the first in WordNet's file.
    """
    growth = 0
    while several:
        left = []
        for paths in several:
            needed = {path: sum(node not in tree.parent for node in path) for path in paths}
            path = min(needed, key=needed.__getitem__)
            if needed[path] > growth:
                left.append(paths)
            else:
                tree.add(path)
        growth += len(left) == len(several)
        several = left


def _level_by_level(below: Mapping[str | None, Sequence[str]]) -> list[str]:
    order = list(below[None])
    for node in order:  # grows while it is walked through
        order += below.get(node, [])
    return order


def _without_chains(tree: Hierarchy, classes: frozenset[str]) -> Hierarchy:
    """From the top: a node that is no class and has a single child makes way for it; then a class with a single child
    that is a leaf has it as its sibling. The paper doesn't say so; the published tree shows it."""
    below, parent = tree.children(), dict(tree.parent)

    def lift(node: str, *stays: str) -> None:
        """The single child of the node takes its place, behind those that stay there."""
        (child,) = below.pop(node)
        siblings = below[parent[node]]
        place = siblings.index(node)
        siblings[place : place + 1] = [*stays, child]
        parent[child] = parent[node]

    order = tree.ordered()
    for node in order:
        if node not in classes and len(below.get(node, [])) == 1:
            lift(node)
            del parent[node]
    for node in order:
        children = below.get(node, [])
        if node in parent and len(children) == 1 and children[0] not in below:
            lift(node, node)
    return Hierarchy({node: parent[node] for node in _level_by_level(below)})


def from_csv(path: str | PathLike[str]) -> Hierarchy:
    """A table of `child,parent`; a root's parent is empty, or a root is a parent only. A heading is skipped.

    DataError with the line for anything else, a child with two parents, or a cycle.
    """
    file = fspath(path)
    given: dict[str, tuple[str, int]] = {}
    columns = 0
    for number, row in _rows(file):
        fields = [_as_name(each) for each in row]
        heading = [each.lower() for each in fields] if number == 1 else []
        if heading[:1] == ["parent"] and heading[1:] and heading[1] in CHILD:
            raise DataError.at(file, number, "expected child,parent, found the columns the other way round")
        if not any(fields) or (heading[1:] == ["parent"] and heading[0] in CHILD):
            continue
        separated = len(fields) == 2 or not any(each in row[0] for each in OTHER_SEPARATORS)
        if len(fields) > 2 or not separated or fields[0] in ("", "-1"):
            why = f"that are {len(fields)} columns" if len(fields) > 2 else "a comma separates them"
            raise DataError.at(file, number, f"expected child,parent, found {short(','.join(row))!r}; {why}")
        columns = max(columns, len(fields))
        child, parent = fields[0], fields[1] if len(fields) == 2 and fields[1] != "-1" else ""
        known, line = given.setdefault(child, (parent, number))
        if known != parent:
            message = f"{short(child)!r} is below {short(parent)!r} here and below {short(known)!r} in line {line}"
            message += "; each line is a child and its one parent, in this order"
            raise DataError.at(file, number, message)
    if not given:
        raise DataError.at(file, None, "is empty; expected child,parent on each line")
    if columns == 1:
        raise DataError.at(
            file, 1, "expected child,parent, found no comma in any line; a root has one too: 'animal,'"
        )
    return _rooted(file, given)


def _rows(file: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, with the line that each begins on."""
    text = read_text(file, MAX_BYTES, lambda message: DataError.at(file, None, message))
    reader = csv.reader(StringIO("\n".join(lines(text))), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as problem:
            raise DataError.at(file, number, f"expected child,parent, found no CSV: {problem}") from None
        if row is None:
            return
        yield number, row


def _rooted(file: str, given: Mapping[str, tuple[str, int]]) -> Hierarchy:
    """Nodes that are only parents are roots. DataError for a cycle, and for parents by the numbers of their lines."""
    tree = Hierarchy()
    for child, (parent, line) in given.items():
        if parent.isdecimal() and not child.isdecimal() and parent not in given:
            raise DataError.at(file, line, f"expected the name of a parent, found the number {short(parent)!r}")
        if parent and parent not in given:
            tree.parent[parent] = None
    for child, (parent, _) in given.items():
        tree.parent[child] = parent or None
    reached = set(tree.ordered())
    lost = next((child for child in given if child not in reached), None)
    if lost is not None:
        raise DataError.at(file, given[lost][1], f"{short(lost)!r} is in a cycle, or below one: no root is above it")
    return _identified(tree, file)


def from_folders(path: str | PathLike[str]) -> Hierarchy:
    """Every folder below a folder is a node, and the folder it lies in its parent; hidden ones are left out.

    DataError if there is none, or two have the same name.
    """
    top = Path(fspath(path))
    if not top.is_dir():
        raise DataError(f"{top}: is no folder; expected one with a folder for each class")
    tree, places = Hierarchy(), dict[str, Path]()
    for folder, below, _ in os.walk(top, onerror=_unreadable):
        below[:] = sorted(each for each in below if not each.startswith("."))
        for entry in below:
            place, name = Path(folder) / entry, _as_name(entry)
            if name in ("", *places):
                raise DataError(
                    f"{place}: " + (f"another node has that name, {places[name]}" if name else "has no name")
                )
            places[name] = place
            tree.parent[name] = None if Path(folder) == top else _as_name(Path(folder).name)
    if not tree.parent:
        raise DataError(f"{top}: has no folders; expected one for each class")
    return _identified(tree, str(top))


def _unreadable(problem: OSError) -> None:
    raise DataError(f"{problem.filename}: can't be read: {problem.strerror}") from problem


def _as_name(text: str) -> str:
    """On one line, with single blanks."""
    return " ".join(text.replace(BOM, " ").split())


def _identified(tree: Hierarchy, file: str) -> Hierarchy:
    """With ids that hold no blanks, which would end a name in Darknet's file; the names stay as they are."""
    ids = {name: "_".join(name.split()) for name in tree.parent}
    taken: dict[str, str] = {}
    for name, short_name in ids.items():
        if taken.setdefault(short_name, name) != name:
            raise DataError.at(
                file, None, f"{taken[short_name]!r} and {name!r} are both {short_name!r} in a .tree file"
            )
    parent = {ids[node]: ids[above] if above is not None else None for node, above in tree.parent.items()}
    return Hierarchy(parent, {ids[name]: name for name in tree.parent})
