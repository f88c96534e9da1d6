"""Joint training (paper, section 4): images with boxes beside images that have a class only.

In DATA `train_boxes` is a list of images with label files, `train_classes` a folder or a list of images with a class
(`pydarknet.datasets.class_list`), and `mix = 4:1` says how many samples are of the former for so many of the latter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..datasets.class_list import ClassImages, read_class_folder, read_class_list
from ..datasets.dataset import ImageList, read_image_list
from ..dialects import Dialect
from ..errors import DataError
from ..formats.data import DataFile, read_names
from ..formats.resources import find, places
from ..formats.text import short
from ..layers import Head
from ..wordtree import NamedTree, Nodes, open_tree
from .precheck import Summary, check_class_images
from .samples import Mix

KEYS = ("train_boxes", "train_classes", "mix")
MOST = 1000  # samples of one kind in a row of a mix


@dataclass(frozen=True)
class Lists:
    """What DATA names for training. `ratio` is that of `mix`, if there is one."""

    boxes: ImageList
    classes: ClassImages | None = None
    ratio: tuple[int, int] | None = None

    @property
    def images(self) -> list[str]:
        """All of them: those with boxes first."""
        return self.boxes.images + (self.classes.images if self.classes else [])

    @property
    def mix(self) -> Mix | None:
        return Mix(len(self.boxes.images), *self.ratio) if self.ratio else None


def read_lists(data: DataFile) -> Lists:
    """The lists of DATA: `train`, or `train_boxes` and `train_classes`. DataError for keys that don't go together."""
    given = [key for key in KEYS if key in data.options]
    if not given:
        return Lists(read_image_list("train", data.path("train")))
    if "train" in data.options:
        raise data.error(f"{given[0]} is given beside it; expected train, or train_boxes and train_classes", "train")
    if "train_boxes" not in given:
        raise data.error("expected train_boxes beside it, the list of images with boxes", given[0])
    boxes = read_image_list("train_boxes", data.path("train_boxes"))
    if "train_classes" not in given:
        if "mix" in given:
            raise data.error(
                "expected train_classes, of which there are images to mix with those of train_boxes", "mix"
            )
        return Lists(boxes)
    return Lists(boxes, _class_images(data), read_ratio(data) if "mix" in given else None)


def read_ratio(data: DataFile) -> tuple[int, int]:
    """`mix = BOXES:CLASSES` in lowest terms. DataError unless both are whole numbers from 1 to 1000."""
    text = data.str_("mix")
    match = re.fullmatch(r"(\d{1,9})\s*:\s*(\d{1,9})", text, re.ASCII)
    if not match:
        raise data.error(f"expected BOXES:CLASSES, two whole numbers such as 4:1, found {short(text)!r}", "mix")
    boxes, classes = int(match[1]), int(match[2])
    if not boxes or not classes:
        unused = KEYS[0] if not boxes else KEYS[1]
        raise data.error(f"{text} never draws an image of {unused}; expected numbers above 0", "mix")
    common = math.gcd(boxes, classes)
    if max(boxes, classes) > MOST * common:
        raise data.error(f"{text}: expected numbers of at most {MOST}", "mix")
    return boxes // common, classes // common


def check_mix(data: DataFile, mix: Mix, samples: int) -> None:
    """DataError if a run of so many samples is too short for the mix."""
    if samples < mix.length:
        raise data.error(
            f"{mix} is of {mix.length} images, but this run draws only {samples} (max_batches x batch)",
            "mix",
        )


def check_joint(head: Head, data: DataFile, dialect: Dialect) -> None:
    """DataError unless images with a class only can be learnt from."""
    if head.tree is None:
        raise data.error(f"only a [region] with tree= learns from it; {head.section.file} has none", "train_classes")
    if dialect.truth.places_only:
        raise data.error(
            f"dialect {dialect.name} leaves out what has a class and no place; expected another --dialect",
            "train_classes",
        )


def warnings_of_places(images: ImageList, summary: Summary, dialect: Dialect) -> list[str]:
    """Warnings about objects without a place among the images with boxes. DataError for `train_boxes` without any
    box."""
    if not summary.class_only:
        return []
    told = f"{images.file}: {summary.class_only} of {summary.objects} objects have a class and no place"
    if dialect.truth.places_only:
        return [f"{told}; dialect {dialect.name} leaves them out"]
    if summary.class_only == summary.objects:
        if images.name == "train_boxes":
            raise DataError.at(
                images.file, None, "none of the images has a box; expected those without in train_classes"
            )
        return [f"{told}: no box is learnt"]
    if images.name == "train_boxes":
        return [f"{told}; their images count as images with boxes"]
    return []


def known_classes(head: Head, data: DataFile, images: ClassImages, boxed: Iterable[str]) -> dict[str, int]:
    """The nodes of images with a class only: found by a node's id, name or number. DataError for unknown words, for
    images that can't be read, and for those that have boxes (`boxed`) or another class as well."""
    return check_class_images(images, node_finder(head, data), frozenset(boxed))


def node_finder(head: Head, data: DataFile) -> Callable[[str], int]:
    """From a word to the node of the head's tree; a number is mapped first where `map_class_only` says so."""
    nodes = Nodes(named_tree(head, data))

    def node_of(word: str) -> int:
        if head.map is not None and head.map_class_only and word.isdecimal():
            if int(word) >= len(head.map):
                raise DataError(f"expected a class of the map, 0 to {len(head.map) - 1}, found {short(word)}")
            return int(head.map[int(word)])
        return nodes(word)

    return node_of


def named_tree(head: Head, data: DataFile) -> NamedTree:
    """The head's tree, with the names of DATA if they are those of its nodes, else those beside the tree."""
    section = head.section
    file = find(section.str_("tree"), relative_to=section.file)
    if data.get("names"):
        names = read_names(data.path("names"))
        if head.tree is not None and len(names) == len(head.tree):
            return NamedTree(str(file), head.tree, names)
    return open_tree(file)


def inner_targets(head: Head) -> list[str]:
    """A warning if the map leads to inner nodes: they are learnt as they are, and nothing below them."""
    if head.map is None or head.tree is None:
        return []
    tree = head.tree
    inner = [line for line, node in enumerate(head.map, 1) if not tree.is_leaf(int(node))]
    if not inner:
        return []
    file = find(head.section.str_("map"), relative_to=head.section.file)
    first = tree.name[int(head.map[inner[0] - 1])]
    return [
        f"{file}:{inner[0]}: {len(inner)} of {len(head.map)} classes are inner nodes of the tree, the first "
        f"{short(first)!r}: their boxes teach nothing of what is below"
    ]


def _class_images(data: DataFile) -> ClassImages:
    name = data.str_("train_classes")
    folder = next((place for place in places(name, data.file) if Path(place).is_dir()), None)
    return read_class_list(data.path("train_classes")) if folder is None else read_class_folder(folder)
