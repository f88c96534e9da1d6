"""Which names the classes of a network have, for whatever asks for them."""

from __future__ import annotations

import os
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from .data import read_names
from .resources import find

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


def names_of_data(data: DataFile, classes: int = 0) -> tuple[list[str], str] | None:
    """Those of the names= (else labels=) of a .data file, None if it has neither."""
    key = next((key for key in ("names", "labels") if key in data.options), None)
    if key is None:
        return None
    path = data.path(key)
    return read_names(path, classes), str(path)


def usual_names(classes: int, detects: bool, tree: Tree | None = None) -> tuple[list[str], str]:
    """Those that `tree build` writes beside the tree, if NAME.tree has a NAME.names of as many names; else those that
    networks with so many classes usually have, else the tree's own, else none."""
    if tree is not None and tree.file and (beside := Path(tree.file).with_suffix(".names")).is_file():
        names = read_names(beside)
        if len(names) == len(tree):
            return names, str(beside)
    usual = (DETECTORS if detects else CLASSIFIERS).get(classes)
    if usual:
        return names_in(os.path.join("data", usual), classes)
    if tree is not None:
        return list(tree.name), "those of the tree"
    return [], ""
