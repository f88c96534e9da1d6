"""The data set as Darknet has it: images, labels, lists, .data, the tree.

Leaves are ordered as `tree show` lists them, relatives beside each other. Every third one has boxes, so that those
that never have any have relatives that do.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cutouts import SHARE, Image, Stamp, read_backgrounds, read_stamps, unlisted
from scenes import SIDE, Box, Scene, compose

from pydarknet.formats.data import read_names
from pydarknet.formats.tree import Tree, read_tree

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "stamps"
SCENES, SINGLES, VALID, TEST = 4000, 6880, 300, 1200  # pictures of each kind
SMALL, LARGE = (0.28, 0.65), (0.4, 0.85)  # longer sides of objects, in scenes and in pictures of a class only


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
    """Write everything into FOLDER: the tree, the pictures, their labels, the lists."""
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
    command = [sys.executable, "-m", "pydarknet", "tree", "build", "--wordnet", SHARE / "wordnet"]
    subprocess.run([*command, "--synsets", synsets, "--out", FOLDER / "stamps", "--force"], check=True, cwd=ROOT)


class Painter:
    """Paints the four kinds of pictures, each kind from random numbers and backgrounds of its own.

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

    def paint(self) -> None:
        """All pictures with their labels."""
        several, one = (1, 4), (1, 1)
        boxes, class_only = self.box_label, self.class_label
        for kind, seed, count, leaves, many, sizes, label in (
            ("scenes", 1, SCENES, self.boxed, several, SMALL, boxes),
            ("singles", 2, SINGLES, self.everything, one, LARGE, class_only),
            ("valid", 3, VALID, self.everything, several, SMALL, boxes),
            ("test", 4, TEST, self.everything, several, SMALL, boxes),
        ):
            rng = np.random.default_rng(seed)
            for number in range(count):
                scene = self.scene(rng, kind, number, leaves, many, sizes)
                self.save(kind, f"{number:05}", scene.image)
                self.label(kind, f"{number:05}", scene, label)
                if kind == "singles":
                    self.label("singles_boxed", f"{number:05}", scene, boxes)
        for kind in ("scenes", "singles"):
            link(f"{kind}_flat", kind)
            self.flatten(kind)
        link("singles_boxed", "singles")

    def scene(
        self, rng: np.random.Generator, kind: str, number: int, leaves: dict[int, list[Stamp]],
        many: tuple[int, int], sizes: tuple[float, float],
    ) -> Scene:  # fmt: skip
        """One that has an object at least; every leaf is the first object equally often."""
        grounds = {"test": self.test_grounds, "valid": self.valid_grounds}.get(kind, self.grounds)
        strange = self.test_others if kind == "test" else self.others
        order = list(leaves)
        while True:
            chosen = [order[number % len(order)]]
            chosen += [order[i] for i in rng.integers(len(order), size=rng.integers(many[0], many[1] + 1) - 1)]
            stamps = [leaves[leaf][rng.integers(len(leaves[leaf]))] for leaf in chosen]
            others = [strange[i] for i in rng.integers(len(strange), size=rng.integers(2))]
            scene = compose(rng, grounds[rng.integers(len(grounds))], stamps, others, sizes)
            if scene.objects:
                return scene

    def box_label(self, stamp: Stamp, box: Box) -> str:
        left, top, right, bottom = (value / SIDE for value in box)
        centre = f"{(left + right) / 2:.5f} {(top + bottom) / 2:.5f}"
        return f"{self.nodes.node[stamp.wnid]} {centre} {right - left:.5f} {bottom - top:.5f}"

    def class_label(self, stamp: Stamp, box: Box) -> str:
        return f"{self.nodes.node[stamp.wnid]} 0 0 0 0"

    def label(self, kind: str, name: str, scene: Scene, line: Callable[[Stamp, Box], str]) -> None:
        """Write the label file."""
        folder = FOLDER / kind / "labels"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text("".join(f"{line(*each)}\n" for each in scene.objects))

    def save(self, kind: str, name: str, image: Image) -> None:
        """Write the picture."""
        folder = FOLDER / kind / "images"
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])

    def flatten(self, kind: str) -> None:
        """The same labels with the number of the leaf in the place of the node's."""
        folder = FOLDER / f"{kind}_flat" / "labels"
        folder.mkdir(parents=True, exist_ok=True)
        place = {str(leaf): str(number) for number, leaf in enumerate(self.nodes.leaves)}
        for path in sorted((FOLDER / kind / "labels").iterdir()):
            rows = [line.split(" ", 1) for line in path.read_text().splitlines()]
            (folder / path.name).write_text("".join(f"{place[node]} {rest}\n" for node, rest in rows))


def link(kind: str, pictures: str) -> None:
    """The pictures of one kind are those of another; only the labels differ."""
    place = FOLDER / kind / "images"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink():
        os.symlink(Path("..", pictures, "images"), place)


# What each training has: its lists, and its tree.
SETS = {
    "joint": ("scenes", "singles"),
    "boxes": ("scenes",),
    "all": ("scenes", "singles_boxed"),
    "flat": ("scenes_flat", "singles_flat"),
}


def write_data(nodes: Nodes) -> None:
    """The lists, the .data of each training, and the tree of one group for `flat`."""
    names, wnids = read_names(FOLDER / "stamps.names"), read_names(FOLDER / "stamps.labels")
    (FOLDER / "flat.names").write_text("".join(f"{names[leaf]}\n" for leaf in nodes.leaves))
    (FOLDER / "flat.tree").write_text("".join(f"{wnids[leaf]} -1\n" for leaf in nodes.leaves))
    (FOLDER / "boxed.txt").write_text("".join(f"{wnids[leaf]}\n" for leaf in nodes.leaves if leaf in nodes.boxed))
    for kind in ("valid", "test"):
        (FOLDER / f"{kind}.txt").write_text("".join(pictures(kind)))
    for name, kinds in SETS.items():
        tree = "flat" if name == "flat" else "stamps"
        (FOLDER / f"{name}.txt").write_text("".join(path for kind in kinds for path in pictures(kind)))
        values = {
            "classes": len(nodes.leaves) if name == "flat" else len(nodes.tree),
            "train": f"{name}.txt", "valid": "valid.txt", "names": f"{tree}.names", "backup": f"backup/{name}",
        }  # fmt: skip
        (FOLDER / f"{name}.data").write_text("".join(f"{key} = {value}\n" for key, value in values.items()))


def pictures(kind: str) -> Iterator[str]:
    """The lines of a list."""
    for path in sorted((FOLDER / kind / "images").iterdir()):
        yield f"{kind}/images/{path.name}\n"
