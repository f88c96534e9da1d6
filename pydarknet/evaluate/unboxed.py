"""Which classes never had a box in training: by a list of names, or by the labels of training."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

import numpy as np
import numpy.typing as npt

from ..datasets.dataset import read_image_list
from ..errors import DataError
from ..formats.data import DataFile, read_names
from ..formats.labels import CLASS, find_label, read_labels, without_place
from ..formats.named_classes import subtrees
from ..formats.tree import Tree
from .objects import Bools

LISTS = ("train_boxes", "train")  # of a .data file; the first that is there counts


def read_unboxed(path: str | PathLike[str], names: Sequence[str], classes: int, tree: Tree | None = None) -> Bools:
    """The classes, (classes,), that a file names, one a line, each standing for all below it. DataError with the
    file for names that are none."""
    try:
        return subtrees(read_names(path), names, classes, tree)
    except DataError as error:
        raise DataError.at(fspath(path), None, str(error)) from error


def never_boxed(
    data: DataFile, classes: int, tree: Tree | None = None, labels: npt.NDArray[np.int32] | None = None
) -> Bools:
    """The classes, (classes,), of which no image of a .data file's training list has a box, of them or of a class
    below them. `labels`: the class of each label, where they aren't the same. DataError."""
    key = next((each for each in LISTS if each in data.options), LISTS[-1])
    boxed = np.zeros(classes, np.bool_)
    numbers = np.arange(classes, dtype=np.int32) if labels is None else labels
    for path in read_image_list(key, data.path(key)).images:
        if (label := find_label(path)) is not None:
            objects = read_labels(label, len(numbers), max(classes, len(numbers)))
            boxed[numbers[objects[~without_place(objects), CLASS].astype(np.int64)]] = True
    if tree is not None:
        for node in np.flatnonzero(boxed):
            boxed[tree.path(int(node))] = True
    return ~boxed
