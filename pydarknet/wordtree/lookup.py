"""Nodes by their names: one that must be there, all that hold a word, and those of a data set's classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DataError
from ..formats.named_classes import plain
from ..formats.text import did_you_mean, short
from .files import NamedTree
from .wordnet import WordNet

LISTED = 5  # of several nodes of one name


@dataclass(frozen=True)
class Match:
    """A class of a data set and its node. `others` are further nodes of that name; node -1: there is none."""

    name: str
    node: int
    how: str
    others: tuple[int, ...] = ()


def by_name(named: NamedTree, wordnet: WordNet | None = None) -> dict[str, list[int]]:
    """The nodes of each compared name; those that have it as another word in WordNet come after the others."""
    found: dict[str, list[int]] = defaultdict(list)
    for node, name in enumerate(named.names):
        found[plain(name)].append(node)
    for node, synset in enumerate(named.tree.name if wordnet else ()):
        for word in wordnet.words.get(synset, ()) if wordnet else ():
            if node not in found[plain(word)]:
                found[plain(word)].append(node)
    return dict(found)


def by_id(named: NamedTree) -> dict[str, list[int]]:
    """The nodes of each id: one, if the tree is as it should be."""
    found: dict[str, list[int]] = defaultdict(list)
    for node, node_id in enumerate(named.tree.name):
        found[node_id].append(node)
    return dict(found)


class Nodes:
    """From words to nodes, many times."""

    def __init__(self, named: NamedTree) -> None:
        self._named, self._names = named, by_name(named)
        self._ids = by_id(named)

    def __call__(self, word: str) -> int:
        """The node with that id, number, or name. DataError if there is none, or several."""
        named = self._named
        if len(ids := self._ids.get(word, [])) > 1:
            raise DataError.at(
                named.file, ids[1] + 1, f"{short(word)!r} is on line {ids[0] + 1} too: give it another id"
            )
        if ids:
            return ids[0]
        if word.isdecimal() and int(word) < len(named.tree):
            return int(word)
        nodes = self._names.get(plain(word), [])
        if not nodes:
            hint = f": they are 0 to {len(named.tree) - 1}" if word.isdecimal() else self._hint(word)
            raise DataError(f"{named.file}: has no node {short(word)!r}{hint}")
        if len(nodes) > 1:
            which = ", ".join(named.tree.name[node] for node in nodes[:LISTED])
            raise DataError(f"{named.file}: {len(nodes)} nodes are called {short(word)!r}; say which: {which}")
        return nodes[0]

    def _hint(self, word: str) -> str:
        return did_you_mean(plain(word), self._names) or did_you_mean(word, self._ids)


def node_of(named: NamedTree, word: str) -> int:
    """The node with that id, number, or name. DataError if there is none, or several."""
    return Nodes(named)(word)


def find(named: NamedTree, word: str) -> list[int]:
    """The nodes whose id is the word, or whose name holds it; those that are called just so come first."""
    wanted = plain(word)
    holding = [
        node for node, name in enumerate(named.names) if wanted in plain(name) or word == named.tree.name[node]
    ]
    return sorted(holding, key=lambda node: (plain(named.names[node]) != wanted, node))


def match_classes(named: NamedTree, classes: Sequence[str], wordnet: WordNet | None = None) -> list[Match]:
    """The node of each class: by id (a synset), else by name, with or without the plural's s or blanks.

    With `wordnet` all words of the nodes' synsets are names. Of several nodes of one name the first counts; `others`
    has the rest.
    """
    ids, names = by_id(named), by_name(named, wordnet)
    spaceless: dict[str, list[int]] = defaultdict(list)
    for key, nodes in names.items():
        spaceless[key.replace(" ", "")] += nodes
    return [_match(each, ids, names, spaceless) for each in classes]


def _match(
    name: str, ids: dict[str, list[int]], names: dict[str, list[int]], spaceless: dict[str, list[int]]
) -> Match:
    word = plain(name)
    for how, form, nodes in (
        ("id", name, ids),
        ("name", word, names),
        ("singular", word.removesuffix("s"), names),
        ("joined", word.replace(" ", ""), spaceless),
    ):
        if form in nodes:
            first, *others = nodes[form]
            return Match(name, first, how, tuple(others))
    return Match(name, -1, "missing")
