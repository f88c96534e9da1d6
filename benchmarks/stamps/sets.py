"""The data set as Darknet has it: images, labels, lists, .data, the tree.

Leaves are ordered as `tree show` lists them, relatives beside each other. Every third one has boxes, so that those
that never have any have relatives that do. Odd things, the same cut-outs out of colour and shape, are labelled by the
root above them, so that they teach where things are and hardly what they are.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
from cutouts import SHARE, Stamp, read_backgrounds, read_stamps, unlisted
from disguises import Odd, Recoloured
from scenes import SIDE, Box, Disguise, Scene, compose

from pydarknet.formats.data import read_names
from pydarknet.formats.tree import Tree, read_tree

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "stamps"
SCENES, ODD, SINGLES, VALID, TEST = 4000, 4000, 9210, 250, 1236  # images of each kind
OFTEN = 4  # images of a class only of a leaf that has no boxes, for one of a leaf that has; so all are seen as often
# The share of images with a distractor; in training many would teach that only what had boxes is a thing.
DISTRACTED = {"scenes": 0.1, "odd": 0, "singles": 0.1, "valid": 0.3, "test": 0.3}
SIZES = (0.28, 0.7)  # longer sides of objects


@dataclass(frozen=True)
class Nodes:
    """The tree; the node of each synset that a stamp has, and which of these have boxes."""

    tree: Tree
    node: dict[str, int]
    leaves: list[int]
    boxed: frozenset[int]

    @classmethod
    def read(cls) -> Nodes:
        tree = read_tree(FOLDER / "stamps.tree")
        leaves = [node for node in depth_first(tree) if tree.is_leaf(node)]
        wnids = read_names(FOLDER / "stamps.labels")
        node = {wnid: number for number, wnid in enumerate(wnids)}
        return cls(tree, node, leaves, frozenset(leaves[::3]))

    def labelled(self, stamps: Sequence[Stamp], leaves: frozenset[int]) -> dict[int, list[Stamp]]:
        """The stamps of each of some leaves."""
        found: dict[int, list[Stamp]] = {leaf: [] for leaf in self.leaves if leaf in leaves}
        for stamp in stamps:
            if stamp.wnid and (node := self.node[stamp.wnid]) in found:
                found[node].append(stamp)
        return found


def depth_first(tree: Tree) -> list[int]:
    """All nodes, those below a node right behind it."""
    below: dict[int, list[int]] = {}
    for node, parent in enumerate(tree.parent.tolist()):
        below.setdefault(parent, []).append(node)
    order, waiting = [], below[-1][::-1]
    while waiting:
        order.append(waiting.pop())
        waiting += below.get(order[-1], [])[::-1]
    return order


def make() -> None:
    """Write everything into FOLDER: the tree, the images, their labels, the lists."""
    if lost := unlisted():
        print(f"{len(lost)} stamps that the tables don't know, another version of the package? {lost[:3]}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    stamps = read_stamps()
    grow(stamps)
    nodes = Nodes.read()
    Painter(stamps, nodes).paint()
    write_data(nodes)


def grow(stamps: Sequence[Stamp]) -> None:
    """The tree of the synsets, by the project's own command."""
    synsets = FOLDER / "synsets.txt"
    synsets.write_text("".join(f"{wnid}\n" for wnid in dict.fromkeys(s.wnid for s in stamps if s.wnid)))
    files = [
        "--wordnet",
        str(SHARE / "wordnet"),
        "--synsets",
        str(synsets),
        "--out",
        str(FOLDER / "stamps"),
        "--force",
    ]
    subprocess.run([sys.executable, "-m", "pydarknet", "tree", "build", *files], check=True, cwd=ROOT)


class Painter:
    """Paints the five kinds of images, each kind from random numbers and backgrounds of its own.

    Of each eight backgrounds one is for validation and two are for the test; distractors of the test are others.
    """

    def __init__(self, stamps: Sequence[Stamp], nodes: Nodes) -> None:
        self.nodes = nodes
        backgrounds = read_backgrounds()
        self.test_grounds = [b for i, b in enumerate(backgrounds) if i % 8 in (2, 5)]
        self.valid_grounds = [b for i, b in enumerate(backgrounds) if i % 8 == 7]
        self.grounds = [b for i, b in enumerate(backgrounds) if i % 8 not in (2, 5, 7)]
        others = [stamp for stamp in stamps if not stamp.wnid]
        self.others, self.test_others = others[::2], others[1::2]
        self.everything = nodes.labelled(stamps, frozenset(nodes.leaves))
        self.boxed = nodes.labelled(stamps, nodes.boxed)
        self.disguises: dict[str, Disguise] = {"scenes": Recoloured(), "odd": Odd(self.grounds)}

    def paint(self) -> None:
        """All images with their labels."""
        several, one = (1, 4), (1, 1)
        for kind, seed, count, leaves, many in (
            ("scenes", 1, SCENES, self.boxed, several),
            ("odd", 5, ODD, self.boxed, several),
            ("singles", 2, SINGLES, self.everything, one),
            ("valid", 3, VALID, self.everything, several),
            ("test", 4, TEST, self.everything, several),
        ):
            rng = np.random.default_rng(seed)
            classes = []
            for number in range(count):
                scene = self.scene(rng, kind, number, leaves, many)
                self.save(kind, f"{number:05}", scene)
                classes += [f"{kind}/images/{number:05}.jpg {stamp.wnid}\n" for stamp, _ in scene.objects]
            (FOLDER / f"{kind}.classes").write_text("".join(classes))
        for kind in ("scenes", "odd"):
            flatten(self.nodes, kind)
        lift(self.nodes, "odd")

    def scene(
        self, rng: np.random.Generator, kind: str, number: int, leaves: dict[int, list[Stamp]],
        many: tuple[int, int],
    ) -> Scene:  # fmt: skip
        """One that has an object at least; every leaf is the first object equally often but for OFTEN."""
        grounds = {"test": self.test_grounds, "valid": self.valid_grounds}.get(kind, self.grounds)
        strange = self.test_others if kind == "test" else self.others
        often = OFTEN if kind == "singles" else 1
        order = [leaf for leaf in leaves for _ in range(1 if leaf in self.nodes.boxed else often)]
        while True:
            chosen = [order[number % len(order)]]
            chosen += [order[i] for i in rng.integers(len(order), size=rng.integers(many[0], many[1] + 1) - 1)]
            stamps = [leaves[leaf][rng.integers(len(leaves[leaf]))] for leaf in chosen]
            count = int(rng.random() < DISTRACTED[kind])
            others = [strange[i] for i in rng.integers(len(strange), size=count)]
            ground = grounds[rng.integers(len(grounds))]
            scene = compose(rng, ground, stamps, others, SIZES, self.disguises.get(kind))
            if scene.objects:
                return scene

    def save(self, kind: str, name: str, scene: Scene) -> None:
        """Write the image and its label file."""
        images, labels = FOLDER / kind / "images", FOLDER / kind / "labels"
        for folder in (images, labels):
            folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(images / f"{name}.jpg"), scene.image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        lines = [f"{self.nodes.node[stamp.wnid]} {_yolo(box)}\n" for stamp, box in scene.objects]
        (labels / f"{name}.txt").write_text("".join(lines))


def _yolo(box: Box) -> str:
    """Centre and size in fractions of the image."""
    left, top, right, bottom = (value / SIDE for value in box)
    return f"{(left + right) / 2:.5f} {(top + bottom) / 2:.5f} {right - left:.5f} {bottom - top:.5f}"


def flatten(nodes: Nodes, kind: str) -> None:
    """The same images, whose labels have the number of the leaf in the place of the node's."""
    images, labels = FOLDER / f"{kind}_flat" / "images", FOLDER / f"{kind}_flat" / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    if not images.is_symlink():
        images.symlink_to(Path("..", kind, "images"))
    place = {str(leaf): str(number) for number, leaf in enumerate(nodes.leaves)}
    for path in sorted((FOLDER / kind / "labels").iterdir()):
        rows = [line.split(" ", 1) for line in path.read_text().splitlines()]
        (labels / path.name).write_text("".join(f"{place[node]} {rest}\n" for node, rest in rows))


def lift(nodes: Nodes, kind: str) -> None:
    """Labels have the root above a node in the node's place."""
    for path in (FOLDER / kind / "labels").iterdir():
        rows = [line.split(" ", 1) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{nodes.tree.path(int(node))[0]} {rest}\n" for node, rest in rows))


# What each training has: images with boxes, images with a class only. Of five images one is of the former.
BOTH = {"train_classes": "singles.classes", "mix": "1:4"}
SETS = {
    "joint": {"train_boxes": "boxed.txt", **BOTH},
    "boxes": {"train": "boxed.txt"},
    "all": {"train": "all.txt"},
    "where_flat": {"train": "boxed_flat.txt"},
    "flat": {"train_boxes": "boxed_flat.txt", **BOTH},
}


def write_data(nodes: Nodes) -> None:
    """The lists, the .data of each training, and the tree of one group for `flat`."""
    names, wnids = read_names(FOLDER / "stamps.names"), read_names(FOLDER / "stamps.labels")
    (FOLDER / "flat.names").write_text("".join(f"{names[leaf]}\n" for leaf in nodes.leaves))
    (FOLDER / "flat.tree").write_text("".join(f"{wnids[leaf]} -1\n" for leaf in nodes.leaves))
    for kind in ("valid", "test"):
        (FOLDER / f"{kind}.txt").write_text("".join(image_lines(kind)))
    boxed = [*image_lines("scenes"), *image_lines("odd")]
    (FOLDER / "boxed.txt").write_text("".join(boxed))
    (FOLDER / "boxed_flat.txt").write_text("".join([*image_lines("scenes_flat"), *image_lines("odd_flat")]))
    singles = islice(cycle(list(image_lines("singles"))), 4 * len(boxed))  # the same mix as that of BOTH
    (FOLDER / "all.txt").write_text("".join([*boxed, *singles]))
    for name, lists in SETS.items():
        tree = "flat" if name.endswith("flat") else "stamps"
        classes = len(nodes.leaves) if name.endswith("flat") else len(nodes.tree)
        values = {"classes": classes, **lists, "names": f"{tree}.names", "backup": f"backup/{name}"}
        (FOLDER / f"{name}.data").write_text("".join(f"{key} = {value}\n" for key, value in values.items()))


def image_lines(kind: str) -> Iterator[str]:
    """The lines of a list."""
    for path in sorted((FOLDER / kind / "images").iterdir()):
        yield f"{kind}/images/{path.name}\n"
