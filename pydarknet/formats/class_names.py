"""Which names the classes of a network have, for whatever asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeAlias

from ..errors import DataError
from .data import read_names
from .resources import find

Names: TypeAlias = "Sequence[str] | Mapping[int, str] | str | PathLike[str]"

if TYPE_CHECKING:
    from .data import DataFile
    from .tree import Tree

# The names of networks whose number of classes gives them away.
DETECTORS = {80: "coco.names", 20: "voc.names", 9418: "9k.names"}
CLASSIFIERS = {1000: "imagenet.shortnames.list", 9418: "9k.names"}


def names_in(file: str | PathLike[str], classes: int = 0) -> tuple[list[str], str]:
    """The names in a file, found as `resources.find` does, and its path. DataError, also if they are too few."""
    path = find(fspath(file))
    return read_names(path, classes), str(path)


def given_names(names: Names, classes: int) -> tuple[list[str], str]:
    """The names that code gives, and where they are from: a file's, a list's, or those by number of a dict.

    DataError if they are too few, or no texts.
    """
    if isinstance(names, (str, PathLike)):
        return names_in(names, classes)
    if not isinstance(names, Iterable):
        raise DataError(f"names: expected a list of names, or the path of a .names file, found {names!r}")
    if isinstance(names, Mapping):
        if set(names) != set(range(len(names))):
            raise DataError(f"names: expected a name for each of the numbers 0 to {classes - 1}")
        names = [names[i] for i in range(len(names))]
    found = list(names)
    if wrong := [name for name in found if not isinstance(name, str)]:
        raise DataError(f"names: expected texts, found {wrong[0]!r}")
    if len(found) < classes:
        raise DataError(f"names: expected {classes} names, one for each class, found {len(found)}")
    return found, "names"


def names_of_data(data: DataFile, classes: int = 0) -> tuple[list[str], str] | None:
    """Those of the names= (else labels=) of a .data file, None if it has neither."""
    key = next((key for key in ("names", "labels") if key in data.options), None)
    if key is None:
        return None
    path = data.path(key)
    return read_names(path, classes), str(path)


def usual_names(classes: int, detects: bool, tree: Tree | None = None, cfg: str = "") -> tuple[list[str], str]:
    """Those that `tree build` writes beside the tree, or `data` beside the cfg that `init` makes, if NAME.tree or
    NAME.cfg has a NAME.names of as many names; else those that networks with so many classes usually have, else the
    tree's own, else none."""
    for file in filter(None, (None if tree is None else tree.file, cfg)):
        beside = os.path.splitext(file)[0] + ".names"
        if os.path.isfile(beside) and len(names := read_names(beside)) == classes:
            return names, beside
    usual = (DETECTORS if detects else CLASSIFIERS).get(classes)
    if usual:
        return names_in(os.path.join("data", usual), classes)
    if tree is not None:
        return list(tree.name), "those of the tree"
    return [], ""
