"""How well objects are named along a WordTree: hierarchical precision, recall and F, whatever the scores.

An object's class stands for the set of nodes on its path, a detection's class too. Over the pairs of an object and
the detection at it, whose sets are T and P:

    hP = sum |P and T| / sum |P|        hR = sum |P and T| / sum |T|        hF = 2 hP hR / (hP + hR)

So "animal > dog" of a terrier has hP 1 and hR 2/3, "animal > dog > poodle" 2/3 and 2/3. The root above all roots,
which a .tree file doesn't have, is no part of the sets.

Source: Kiritchenko, Matwin, Nock, Famili, "Learning and Evaluation in the Presence of Class Hierarchies", 2006;
Silla, Freitas, "A survey of hierarchical classification across different application domains", 2011, which recommends
these. They are of classification, where each instance has both sets. Here that is each object that was found
(`scores`); over everything (`overall`), an object that was missed has an empty P, and a detection where no object is
an empty T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formats.tree import Tree
from .ancestors import check_nodes, shared_depth
from .confusion import partners
from .objects import Bools, Detections, Truth, by_score


@dataclass(frozen=True)
class Scores:
    """Hierarchical precision, recall and F; None where there is nothing to divide by."""

    precision: float | None
    recall: float | None
    f: float | None


@dataclass(frozen=True)
class Naming:
    """Sums of nodes: on both paths of the pairs, on what is `said` and on what is `true` of them; on detections
    without an object (`false`) and on objects without a detection (`missed`). `pairs` of `objects`."""

    shared: int
    said: int
    true: int
    false: int
    missed: int
    pairs: int
    objects: int

    @property
    def found(self) -> float | None:
        """The share of the objects that have a detection, of whatever class."""
        return self.pairs / self.objects if self.objects else None

    @property
    def scores(self) -> Scores:
        """Of what was found."""
        return _scores(self.shared, self.said, self.true)

    @property
    def overall(self) -> Scores:
        """Of all objects and detections."""
        return _scores(self.shared, self.said + self.false, self.true + self.missed)


def naming(
    truth: Truth, detections: Detections, tree: Tree, iou_thresh: float = 0.5, nodes: Bools | None = None
) -> Naming:
    """Objects and detections are paired by place alone, as by `confusion`; difficult objects, crowds and what is at
    them don't count. Classes are nodes of the tree; DataError if they aren't. `nodes`, (nodes,): whose objects, and
    detections without an object, to look at; default: all.
    """
    check_nodes("object", truth.class_id, tree)
    check_nodes("detection", detections.class_id, tree)
    wanted = np.ones(len(tree), np.bool_) if nodes is None else nodes
    detections = detections[by_score(detections)]
    partner = partners(truth, detections, iou_thresh)
    counts = ~(truth.difficult | truth.crowd) & wanted[truth.class_id]
    paired = (partner >= 0) & np.append(counts, False)[partner]
    alone = (partner < 0) & wanted[detections.class_id]
    missed = counts.copy()
    missed[partner[paired]] = False
    said, true = detections.class_id[paired], truth.class_id[partner[paired]]
    return Naming(
        shared=int(shared_depth(tree, said, true).sum()),
        said=int(tree.depth[said].sum()),
        true=int(tree.depth[true].sum()),
        false=int(tree.depth[detections.class_id[alone]].sum()),
        missed=int(tree.depth[truth.class_id[missed]].sum()),
        pairs=int(paired.sum()),
        objects=int(counts.sum()),
    )


def _scores(shared: int, said: int, true: int) -> Scores:
    return Scores(
        shared / said if said else None, shared / true if true else None,
        2 * shared / (said + true) if said + true else None,
    )  # fmt: skip
