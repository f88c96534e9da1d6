"""Average precision by the rules of PASCAL VOC's development kit, and of AlexeyAB's `detector map`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .objects import Bools, Detections, Floats, Ints, Truth, by_score, overlaps


@dataclass(frozen=True, eq=False)
class Curve:
    """The detections of one class from the surest on, those of difficult objects left out.

    `truths` is how many objects there are to find. `score`, `hit` and `iou` (with the object a detection is
    nearest to) have an entry a detection.
    """

    truths: int
    score: Floats
    hit: Bools
    iou: Floats

    @property
    def precision(self) -> Floats:
        """Share of hits among the first 1, 2, 3... detections."""
        result: Floats = np.cumsum(self.hit) / np.arange(1, len(self.hit) + 1)
        return result

    @property
    def recall(self) -> Floats:
        """Share of the objects found by the first 1, 2, 3... detections; 0 if there are none."""
        result: Floats = np.cumsum(self.hit) / max(self.truths, 1)
        return result


def voc(
    truth: Truth, detections: Detections, classes: int, iou_thresh: float = 0.5, points: int = 0
) -> list[float | None]:
    """The average precision of each class; None for one without objects to find.

    `points` 11 is VOC 2007's rule, 0 (the whole area) that of VOC 2010 and later, 101 the points of COCO.
    """
    found = curves(truth, detections, iou_thresh)
    return [average_precision(found[i], points) if i in found else None for i in range(classes)]


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are defined; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def average_precision(curve: Curve, points: int = 0) -> float | None:
    """The area under precision over recall, precision made to fall monotonically.

    With `points`, the mean of the precision at that many recalls from 0 to 1. None without objects to find.
    """
    if not curve.truths:
        return None
    if not len(curve.hit):
        return 0.0
    best = np.maximum.accumulate(curve.precision[::-1])[::-1]
    if not points:
        # Recall rises by 1 / truths at every hit.
        return float(best[curve.hit].sum() / curve.truths)
    hits = np.cumsum(curve.hit)
    # hits / truths >= i / (points - 1), in integers: 3 of 10 objects are a recall of 0.3, whatever floats say.
    first = np.searchsorted(hits * (points - 1), np.arange(points) * curve.truths)
    reached = best[first[first < len(best)]]
    return float(reached.sum() / points)


def curves(truth: Truth, detections: Detections, iou_thresh: float = 0.5) -> Mapping[int, Curve]:
    """The curve of each class that has objects or detections.

    A detection belongs to the object of its class that it overlaps most. It hits if that overlap is at least
    `iou_thresh` and no surer detection hit before; if the object is difficult, or a crowd, it doesn't count.
    """
    nearest, iou = match(truth, detections)
    apart = np.append(truth.difficult | truth.crowd, False)  # the last for detections without an object: -1
    close = (nearest >= 0) & (iou >= iou_thresh)
    sure = by_score(detections)
    sure = sure[~(close & apart[nearest])[sure]]
    sure = sure[np.argsort(detections.class_id[sure], kind="stable")]
    classes = np.union1d(truth.class_id, detections.class_id)
    wanted = np.sort(truth.class_id[~apart[:-1]])
    found = _parts(sure, detections.class_id[sure], classes)
    result = {}
    for class_id, order, there in zip(classes.tolist(), found, _parts(wanted, wanted, classes), strict=True):
        hit = _first(nearest[order], close[order])
        result[class_id] = Curve(len(there), detections.score[order], hit, iou[order])
    return result


def _parts(items: Ints, class_id: Ints, classes: Ints) -> list[Ints]:
    """The items of each of the classes, given the sorted classes of the items."""
    return np.split(items, np.searchsorted(class_id, classes))[1:]


def match(truth: Truth, detections: Detections) -> tuple[Ints, Floats]:
    """For each detection the object of its class that it overlaps most (-1 if none), and the overlap."""
    nearest = np.full(len(detections), -1, np.int64)
    iou = np.zeros(len(detections))
    for key, found in detections.groups.items():
        there = truth.groups.get(key)
        if there is None:
            continue
        shared = overlaps(detections.box[found], truth.box[there])
        best = shared.argmax(axis=1)
        iou[found] = shared[np.arange(len(found)), best]
        nearest[found] = np.where(iou[found] > 0, there[best], -1)
    return nearest, iou


def _first(nearest: Ints, close: Bools) -> Bools:
    """Which of the close ones is the first at its object."""
    hit = np.zeros(len(nearest), np.bool_)
    candidates = np.flatnonzero(close)
    _, first = np.unique(nearest[candidates], return_index=True)
    hit[candidates[first]] = True
    return hit
