"""Classes by what people call them: a name stands for every class that is called so, and for all below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import index
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .text import did_you_mean, short
from .tree import Tree


def plain(name: str) -> str:
    """A name as it is compared: small letters, `_` and `-` as blanks."""
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def subtrees(
    words: Iterable[str | int], names: Sequence[str], classes: int, tree: Tree | None = None
) -> npt.NDArray[np.bool_]:
    """Which of the classes, (classes,), these words stand for: those of that name, id in the tree, or else number;
    with a tree all nodes below them, too. A number that is no text is a class.

    DataError for a word that is none of them, or if there are no words.
    """
    called: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names[:classes]):
        called[plain(name)].append(i)
    ids = {} if tree is None else {node_id: node for node, node_id in enumerate(tree.name)}
    chosen = [i for word in words for i in _classes_of(word, called, ids, classes)]
    if not chosen:
        raise DataError("classes: expected at least one name, found none")
    if tree is not None:
        return tree.subtree(chosen)
    within = np.zeros(classes, np.bool_)
    within[chosen] = True
    return within


def _classes_of(word: str | int, called: dict[str, list[int]], ids: dict[str, int], classes: int) -> list[int]:
    if not isinstance(word, str):
        if isinstance(word, SupportsIndex) and not isinstance(word, bool) and 0 <= index(word) < classes:
            return [index(word)]
        raise DataError(f"classes: expected names, or whole numbers from 0 to {classes - 1}, found {word!r}")
    if word in ids:
        return [ids[word]]
    if found := called.get(plain(word)):
        return found
    if word.isdecimal() and int(word) < classes:
        return [int(word)]
    hint = did_you_mean(plain(word), called) or f"; expected one of {classes} classes, by name or number"
    raise DataError(f"classes: no class is called {short(word)!r}{hint}")
