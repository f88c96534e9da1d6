"""The valid list of a .data file: its images, what is in them, and which classes they are of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..datasets.dataset import ImageList, read_image_list
from ..errors import DataError, ImageError
from ..formats.data import DataFile, read_list, read_map
from ..formats.labels import find_label, label_path
from ..formats.text import short
from ..formats.tree import Tree, read_tree
from ..graph.engine import Engine
from ..images.size import image_size
from ..network import Network
from .objects import Truth
from .readers import read_truth


def valid_images(data: DataFile) -> ImageList:
    """The images of the valid list, as paths that can be opened. DataError."""
    return read_image_list("valid", data.path("valid"))


def class_map(data: DataFile, network: Network) -> list[int] | None:
    """The map of a .data file: the node of the network's tree for each class of the data set. DataError."""
    if "map" not in data.options:
        return None
    if network.class_tree() is None:
        raise data.error("the network has no tree of classes that could be mapped; remove the line", "map")
    return [int(node) for node in read_map(data.path("map"), nodes=network.classes)]


def class_tree(engine: Engine, data: DataFile, labels: Sequence[str]) -> Tree | None:
    """The tree of the classes. DataError where the .data file's tree or labels are of another one."""
    tree = engine.class_tree()
    if data.get("tree"):
        given = read_tree(data.path("tree"))
        if tree is None or not np.array_equal(given.parent, tree.parent):
            own = "has none" if tree is None else "has another"
            raise data.error(f"is not the network's: [softmax] of {engine.cfg.file} {own}; set tree= there", "tree")
    if tree is None:
        return None
    if list(labels) != tree.name and sorted(labels) == sorted(tree.name):
        key = next(key for key in ("labels", "names") if data.get(key))
        first = next(i for i, pair in enumerate(zip(labels, tree.name, strict=True)) if pair[0] != pair[1])
        message = f"expected {short(tree.name[first])!r}, as in the tree, found {short(labels[first])!r}"
        raise DataError.at(str(data.path(key)), first + 1, f"{message}; labels are in the order of its nodes")
    return tree


def read_objects(data: DataFile, images: Sequence[str], classes: int, background: bool = False) -> Truth:
    """The objects of all images, from their label files and those of the `difficult` list. DataError.

    `background`: an image without a label file has no objects.
    """
    difficult = read_image_list("difficult", data.path("difficult")).images if "difficult" in data.options else None
    sizes = [_size(path) for path in images]
    return read_truth(images, classes, sizes=sizes, difficult=difficult, background=background)


def read_found(data: DataFile, images: ImageList, classes: int) -> tuple[Truth, list[str]]:
    """The objects of all images, where one without a label file shows nothing, as for AlexeyAB; and a warning of
    these. DataError if none has a label file: their place is wrong."""
    without = [path for path in images.images if find_label(path) is None]
    if len(without) == len(images.images):
        expected = label_path(without[0])
        raise DataError.at(images.file, None, f"none of its images has a label file; expected {expected}")
    warnings = []
    if without:
        count = f"{len(without)} of {len(images.images)} images have no label file"
        warnings.append(f"{images.file}: {count}: they show nothing; the first: {without[0]}")
    return read_objects(data, images.images, classes, background=True), warnings


def read_leaves(data: DataFile, tree: Tree | None) -> tuple[list[str] | None, list[str]]:
    """The names of the nodes of a classifier's tree that can win, if the .data file has such a list; and a warning of
    those that are no nodes. DataError."""
    if "leaves" not in data.options:
        return None, []
    file = data.path("leaves")
    leaves = read_list(file)
    if tree is None:
        return leaves, [f"{file}: doesn't count: the network has no tree of classes"]
    unknown = sorted(set(leaves) - set(tree.name))
    count = f"{len(unknown)} of its {len(leaves)} names are no nodes of the tree and can't win"
    return leaves, [f"{file}: {count}: {', '.join(map(short, unknown[:3]))}"] if unknown else []


def _size(path: str) -> tuple[int, int]:
    """Width and height; of an image that can't be read anything, since its objects will not count."""
    try:
        return image_size(path)
    except ImageError:
        return 1, 1
