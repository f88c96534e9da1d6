"""Average precision along a WordTree: "dog" for a terrier is less wrong than "chair".

A detection of an object's own class, or of one below it (the truth knows no better), is a whole hit. One of an
ancestor counts by its depth: depth of the ancestor / depth of the object's class, a root having depth 1. So
"animal" for animal > dog > terrier is a third of a hit. Any other class is a miss. Precision and recall are the
sums of these credits over the detections and over the objects, of all classes together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formats.tree import Tree
from .ancestors import check_nodes, is_above
from .expanded import by_depth, expanded
from .objects import Bools, Detections, Floats, Ints, Truth, by_score, overlaps


@dataclass(frozen=True)
class Credits:
    """`ap` by credits; `exact`, the same counting whole hits only; `per_class`, the mean credit that the objects
    of a class earn (their recall). None where there is no object."""

    ap: float | None
    exact: float | None
    per_class: dict[int, float]


@dataclass(frozen=True)
class HierarchicalResult(Credits):
    """Credits, and `by_depth`, the mean AP when all is lifted to depth 1, 2, 3... None where there is no object."""

    by_depth: list[float | None]


def hierarchical(truth: Truth, detections: Detections, tree: Tree, iou_thresh: float = 0.5) -> HierarchicalResult:
    """Evaluate detections whose classes are nodes of the tree, as those of the truth are: `credited`, and the depths
    of `expanded`. DataError if they aren't."""
    earned = credited(truth, detections, tree, iou_thresh)
    levels = by_depth(expanded(truth, detections, tree, iou_thresh), tree)
    return HierarchicalResult(earned.ap, earned.exact, earned.per_class, levels)


def credited(truth: Truth, detections: Detections, tree: Tree, iou_thresh: float = 0.5) -> Credits:
    """Average precision by credits; classes are nodes of the tree. DataError if they aren't.

    From the surest on, a detection takes an object that is still free, overlaps it by `iou_thresh` at least and
    earns the most. One that has only a difficult object left does not count.
    """
    check_nodes("object", truth.class_id, tree)
    check_nodes("detection", detections.class_id, tree)
    order = by_score(detections)
    credit, taken, counts = _assign(truth, detections[order], tree, iou_thresh)
    wanted = ~(truth.difficult | truth.crowd)
    earned = np.zeros(len(truth))
    earned[taken[taken >= 0]] = credit[taken >= 0]
    per_class = {int(c): float(earned[wanted & (truth.class_id == c)].mean()) for c in set(truth.class_id[wanted])}
    objects = int(wanted.sum())
    return Credits(
        _area(credit[counts], objects),
        _area(np.where(credit[counts] == 1, 1.0, 0.0), objects),
        dict(sorted(per_class.items())),
    )


def credits_of(tree: Tree, said: Ints, true: Ints) -> Floats:
    """What saying each of `said` (M,) of each of `true` (N,) earns, shape (M, N)."""
    above = is_above(tree, said, true)
    below = is_above(tree, true, said).T
    shares = tree.depth[said][:, None] / tree.depth[true][None, :]
    result: Floats = np.where(below, 1.0, np.where(above, shares, 0.0))
    return result


def _assign(truth: Truth, found: Detections, tree: Tree, iou_thresh: float) -> tuple[Floats, Ints, Bools]:
    """For the sorted detections: what each earns, the object it takes (-1: none), and whether it counts."""
    credit = np.zeros(len(found))
    taken = np.full(len(found), -1, np.int64)
    counts = np.ones(len(found), np.bool_)
    apart = truth.difficult | truth.crowd
    objects = dict(truth.by_image())
    for image, rows in found.by_image():
        there = objects.get(image)
        if there is None:
            continue
        iou = overlaps(found.box[rows], truth.box[there])
        earns = credits_of(tree, found.class_id[rows], truth.class_id[there])
        earns[iou < iou_thresh] = 0
        earns[iou == 0] = 0
        free = ~apart[there]
        for i, row in enumerate(rows):
            worth = earns[i] * free
            best = int(np.lexsort((iou[i], worth))[-1])
            if worth[best] > 0:
                credit[row], taken[row], free[best] = worth[best], there[best], False
            elif (earns[i] * apart[there]).any():
                counts[row] = False
    return credit, taken, counts


def _area(credit: Floats, objects: int) -> float | None:
    """The area under precision over recall, both in credits."""
    if not objects:
        return None
    precision = np.cumsum(credit) / np.arange(1, len(credit) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best * credit).sum() / objects)
