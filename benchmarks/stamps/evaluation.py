"""What the test says of a training: pydarknet.evaluate's measures, all from the probabilities of the leaves.

A node's probability is the sum of those of the leaves below it, with a tree as without one, so that the two can be
compared. AP50 of the leaves is by the leaves' probabilities; what is said along the tree is of the node at which a
walk down from the roots ends: AP50 with everything expanded up the tree and at each depth, hierarchical precision,
recall and F.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sets import FOLDER, Nodes

from pydarknet import Network
from pydarknet.detection.nms import nms_sort
from pydarknet.detection.options import DetectOptions
from pydarknet.detection.results import Detection
from pydarknet.evaluate import Detections, groups
from pydarknet.evaluate.readers import read_truth
from pydarknet.evaluate.run import detect_all

THRESH, NMS = 0.002, 0.45
SURE = 0.5  # a walk goes on to a child that has more than this share of its parent's probability
Table = npt.NDArray[np.float32]


@dataclass
class Rows:
    """Detections of all images in the making."""

    image: list[int]
    node: list[int]
    box: list[Sequence[float]]
    score: list[float]

    def detections(self) -> Detections:
        return Detections.of(self.image, self.node, np.array(self.box).reshape(-1, 4), self.score)


def evaluate(cfg: Path, weights: Path, kind: str, *, flat: bool = False, most: int | None = None) -> dict[str, Any]:
    """Evaluate weights on the images of "valid" or "test"; `most`: the first of them."""
    nodes = Nodes.read()
    images = [str(FOLDER / line) for line in (FOLDER / f"{kind}.txt").read_text().split()][:most]
    truth = read_truth(images, len(nodes.tree))
    leaves = list(range(len(nodes.leaves))) if flat else nodes.leaves
    options = DetectOptions(THRESH, map=None if flat else leaves, nms=0, fit="stretch")
    above = np.array([[node in nodes.tree.path(leaf) for node in range(len(nodes.tree))] for leaf in nodes.leaves])
    ends, walks = Rows([], [], [], []), Rows([], [], [], [])
    for seen in detect_all(Network(cfg, weights, threads=1), images, options=options):
        boxes, leaf = by_box(seen.detections, len(leaves))
        row, column = np.nonzero(leaf)
        collect(ends, seen.index, boxes, row, np.array(nodes.leaves)[column], leaf[row, column])
        table = leaf @ above.astype(np.float32)
        row, column = np.arange(len(table)), np.array([walk(nodes, each) for each in table], np.intp)
        collect(walks, seen.index, boxes, row, column, table[row, column])
    unboxed = np.array([node not in nodes.boxed for node in range(len(nodes.tree))])
    of_leaves = groups(truth, ends.detections(), len(nodes.tree), unboxed=unboxed)
    along = groups(truth, walks.detections(), len(nodes.tree), nodes.tree, unboxed=unboxed)
    return {
        "leaves": {group.name: group.ap for group in of_leaves},
        "along the tree": [group.content() for group in along],
    }


def by_box(found: Sequence[Detection], classes: int) -> tuple[Table, Table]:
    """Boxes (M, 4), left, top, width, height, and the probabilities of their classes (M, classes)."""
    place: dict[tuple[float, ...], int] = {}
    entries = []
    for each in found:
        box = (each.box.left, each.box.top, each.box.w, each.box.h)
        entries.append((place.setdefault(box, len(place)), each.class_id, each.confidence))
    table = np.zeros((len(place), classes), np.float32)
    for row, class_id, confidence in entries:
        table[row, class_id] = confidence
    return np.array(list(place), np.float32).reshape(-1, 4), table


def walk(nodes: Nodes, row: Table) -> int:
    """Where the walk down from the most probable root ends."""
    tree = nodes.tree
    node = int(np.argmax(row[: tree.group_size[0]]))
    while (group := int(tree.child[node])) >= 0:
        first = int(tree.group_offset[group])
        best = first + int(np.argmax(row[first : first + tree.group_size[group]]))
        if row[best] <= SURE * row[node]:
            break
        node = best
    return node


def collect(
    rows: Rows, image: int, boxes: Table, index: npt.NDArray[np.intp], node: npt.NDArray[np.intp], probability: Table
) -> None:
    """Add the entries (box, node, probability) that suppression leaves."""
    if not len(index):
        return
    centred = np.column_stack([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]]).astype(np.float32)
    kept = nms_sort(centred, index, node, probability, NMS)
    rows.image += [image] * int(kept.sum())
    rows.node += node[kept].tolist()
    rows.box += boxes[index[kept]].tolist()
    rows.score += probability[kept].tolist()
