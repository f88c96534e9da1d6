"""Average precision along a WordTree: "dog" for a terrier is less wrong than "chair".

A detection of an object's own class, or of one below it (the truth knows no better), is a whole hit. One of an
ancestor counts by its depth: depth of the ancestor / depth of the object's class, a root having depth 1. So
"animal" for animal > dog > terrier is a third of a hit. Any other class is a miss. Precision and recall are the
sums of these credits over the detections and over the objects, of all classes together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError
from ..formats.tree import Tree
from .objects import Bools, Detections, Floats, Ints, Truth, by_score, overlaps
from .voc import mean, voc


@dataclass(frozen=True)
class HierarchicalResult:
    """`ap` by credits; `exact`, the same counting whole hits only; `per_class`, the mean credit that the objects
    of a class earn (their recall); `by_depth`, VOC's mean AP at depth 1, 2, 3... None where there is no object.
    """

    ap: float | None
    exact: float | None
    per_class: dict[int, float]
    by_depth: list[float | None]


def hierarchical(truth: Truth, detections: Detections, tree: Tree, iou_thresh: float = 0.5) -> HierarchicalResult:
    """Evaluate detections whose classes are nodes of the tree, as those of the truth are.

    From the surest on, a detection takes an object that is still free, overlaps it by `iou_thresh` at least and
    earns the most. One that has only a difficult object left does not count.
    """
    _check("object", truth.class_id, tree)
    _check("detection", detections.class_id, tree)
    depth = depths(tree)
    order = by_score(detections)
    credit, taken, counts = _assign(truth, detections[order], tree, depth, iou_thresh)
    wanted = ~(truth.difficult | truth.crowd)
    earned = np.zeros(len(truth))
    earned[taken[taken >= 0]] = credit[taken >= 0]
    per_class = {int(c): float(earned[wanted & (truth.class_id == c)].mean()) for c in set(truth.class_id[wanted])}
    objects = int(wanted.sum())
    deepest = int(depth[truth.class_id].max()) if len(truth) else 0
    return HierarchicalResult(
        _area(credit[counts], objects),
        _area(np.where(credit[counts] == 1, 1.0, 0.0), objects),
        dict(sorted(per_class.items())),
        [_at_depth(truth, detections, tree, depth, level, iou_thresh) for level in range(1, deepest + 1)],
    )


def depths(tree: Tree) -> Ints:
    """The depth of each node; 1 at a root."""
    depth = np.ones(len(tree), np.int64)
    for node in np.flatnonzero(tree.parent >= 0):  # parents come first
        depth[node] = depth[tree.parent[node]] + 1
    return depth


def lift(tree: Tree, depth: Ints, nodes: Ints, level: int) -> Ints:
    """The ancestor at a depth of each node; the node itself where it isn't that deep."""
    lifted = nodes.copy()
    while (deep := depth[lifted] > level).any():
        lifted[deep] = tree.parent[lifted[deep]]
    return lifted


def credits_of(tree: Tree, depth: Ints, said: Ints, true: Ints) -> Floats:
    """What saying each of `said` (M,) of each of `true` (N,) earns, shape (M, N)."""
    above = _is_above(tree, depth, said, true)
    below = _is_above(tree, depth, true, said).T
    result: Floats = np.where(below, 1.0, np.where(above, depth[said][:, None] / depth[true][None, :], 0.0))
    return result


def _is_above(tree: Tree, depth: Ints, upper: Ints, lower: Ints) -> Bools:
    """Whether each of `upper` (M,) is a node of `lower` (N,) or an ancestor of it."""
    result = np.zeros((len(upper), len(lower)), np.bool_)
    for level in np.unique(depth[upper]):
        rows = np.flatnonzero(depth[upper] == level)
        result[rows] = upper[rows][:, None] == lift(tree, depth, lower, int(level))[None, :]
    return result


def _assign(
    truth: Truth, found: Detections, tree: Tree, depth: Ints, iou_thresh: float
) -> tuple[Floats, Ints, Bools]:
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
        earns = credits_of(tree, depth, found.class_id[rows], truth.class_id[there])
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


def _at_depth(
    truth: Truth, detections: Detections, tree: Tree, depth: Ints, level: int, iou_thresh: float
) -> float | None:
    """VOC's mean AP when all classes are lifted to this depth, over the objects and detections that reach it."""
    deep = depth[truth.class_id] >= level
    objects = truth[deep]
    found = detections[depth[detections.class_id] >= level]
    found = found[~_unjudged(truth[~deep], found, tree, depth, iou_thresh)]
    objects = replace(objects, class_id=lift(tree, depth, objects.class_id, level))
    found = replace(found, class_id=lift(tree, depth, found.class_id, level))
    return mean(voc(objects, found, len(tree), iou_thresh))


def _unjudged(shallow: Truth, found: Detections, tree: Tree, depth: Ints, iou_thresh: float) -> Bools:
    """Which detections are below an object that they overlap, and whose label can't say whether they are right."""
    result = np.zeros(len(found), np.bool_)
    objects = dict(shallow.by_image())
    for image, rows in found.by_image():
        if (there := objects.get(image)) is not None:
            below = _is_above(tree, depth, shallow.class_id[there], found.class_id[rows]).T
            iou = overlaps(found.box[rows], shallow.box[there])
            result[rows] = (below & (iou >= iou_thresh) & (iou > 0)).any(axis=1)
    return result


def _check(what: str, nodes: Ints, tree: Tree) -> None:
    wrong = np.flatnonzero((nodes < 0) | (nodes >= len(tree)))
    if len(wrong):
        raise DataError(
            f"{what} {wrong[0]}: expected a node of the tree, 0 to {len(tree) - 1}, found {nodes[wrong[0]]}"
        )
