"""What a detector's mistakes are, and what each kind costs in average precision: TIDE (arXiv 2008.08115)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .objects import Bools, Detections, Floats, Ints, Truth, overlaps
from .voc import Curve, average_precision, mean

# The order in which a detection that doesn't hit is asked what it is.
KINDS = ("location", "class", "duplicate", "background", "both")
MISSED = "missed"
NEAR = 0.1  # overlap with an object from which on something isn't background
POINTS = 101
ABOUT = {
    "class": "the place of an object, but another class",
    "location": f"the right class, but an overlap that is too small ({NEAR:g} or more)",
    "both": "neither the class nor the place is right",
    "duplicate": "an object that a more confident detection has found already",
    "background": "there is nothing in that place",
    MISSED: "objects that no detection found, nor would with its class or place put right",
}


@dataclass(frozen=True)
class Mistakes:
    """`ap`: the mean average precision, 0..1, by COCO's 101 points at `iou_thresh`. `counts`: how many detections, or
    objects, each kind of mistake has; `costs`: how much higher the mean were without them."""

    ap: float | None
    iou_thresh: float
    counts: Mapping[str, int]
    costs: Mapping[str, float]

    def table(self) -> str:
        """A line for each kind, the most expensive first."""
        order = sorted(self.counts, key=lambda kind: -self.costs[kind])
        lines = [f"{kind:<11} {self.counts[kind]:>7} {100 * self.costs[kind]:>8.2f}  {ABOUT[kind]}" for kind in order]
        ap = "-" if self.ap is None else f"{100 * self.ap:.2f}"
        return "\n".join(
            [f"mistakes     number  AP lost  (of AP {ap} at IoU {self.iou_thresh:g}, 101 points)", *lines]
        )

    def content(self) -> dict[str, Any]:
        """For JSON."""
        return {kind: {"count": self.counts[kind], "ap_lost": self.costs[kind]} for kind in self.counts}


@dataclass(frozen=True, eq=False)
class _Judged:
    """Of each detection what it is (0: it hits; else a place in KINDS, from 1 on), whether it counts, and the object
    that it would have been right about (-1: none); of each object whether it was found, and whether some mistake is
    about it."""

    kind: Ints
    counts: Bools
    goal: Ints
    found: Bools
    meant: Bools


def mistakes(truth: Truth, detections: Detections, iou_thresh: float = 0.5) -> Mistakes:
    """Sort what is wrong by kind, and put each kind right by itself.

    From the surest on, a detection takes the object of its class that it overlaps most of those still free. Difficult
    objects and crowds are no objects here; a detection of their class that overlaps one doesn't count. A mistake of
    class or place is put right for the surest one about an object that nobody found, the others are left out, as are
    duplicates, background and what is both; missed objects are left out of the truth.
    """
    detections = detections[np.argsort(-detections.score, kind="stable")]
    judged = _judge(truth, detections, iou_thresh)
    apart = truth.difficult | truth.crowd
    missed = ~apart & ~judged.found & ~judged.meant
    wanted = truth.class_id[~apart]
    classes = np.unique(wanted)
    before = _ap(classes, wanted, detections, judged.kind == 0, judged.counts)
    counts, costs = {}, {}
    for number, kind in enumerate(KINDS, 1):
        wrong = judged.kind == number
        counts[kind] = int(wrong.sum())
        after = _ap(classes, wanted, *_corrected(truth, detections, judged, wrong))
        costs[kind] = _gain(before, after)
    counts[MISSED] = int(missed.sum())
    left = truth.class_id[~apart & ~missed]
    costs[MISSED] = _gain(before, _ap(classes, left, detections, judged.kind == 0, judged.counts))
    return Mistakes(before, iou_thresh, counts, costs)


def _judge(truth: Truth, detections: Detections, iou_thresh: float) -> _Judged:
    """Detections are in the order of their scores."""
    count = len(detections)
    judged = _Judged(
        np.full(count, 1 + KINDS.index("background")), np.ones(count, np.bool_), np.full(count, -1, np.int64),
        np.zeros(len(truth), np.bool_), np.zeros(len(truth), np.bool_),
    )  # fmt: skip
    objects = dict(truth.by_image())
    for image, rows in detections.by_image():
        there = objects.get(image, np.empty(0, np.int64))
        apart = (truth.difficult | truth.crowd)[there]
        _judge_image(truth, detections, rows, there[~apart], judged, iou_thresh)
        _leave_out(truth, detections, rows, there[apart], judged, iou_thresh)
    return judged


def _judge_image(
    truth: Truth, detections: Detections, rows: Ints, there: Ints, judged: _Judged, iou_thresh: float
) -> None:
    if not len(there):
        return
    iou = overlaps(detections.box[rows], truth.box[there])
    same = detections.class_id[rows][:, None] == truth.class_id[there][None]
    own, others = iou * same, iou * ~same
    free, hits = own.copy(), np.zeros(len(rows), np.bool_)
    for place in range(len(rows)):
        best = int(free[place].argmax())
        if free[place, best] >= iou_thresh and free[place, best] > 0:
            hits[place] = True
            judged.found[there[best]] = True
            free[:, best] = 0
    found = judged.found[there]
    for place, row in enumerate(rows):
        if hits[place]:
            judged.kind[row] = 0
            continue
        kind, goal = _kind(own[place], others[place], iou[place], found, iou_thresh)
        judged.kind[row] = 1 + KINDS.index(kind)
        if goal >= 0:
            judged.goal[row] = there[goal]
            judged.meant[there[goal]] |= not found[goal]


def _kind(own: Floats, others: Floats, iou: Floats, found: Bools, iou_thresh: float) -> tuple[str, int]:
    """What a detection is that doesn't hit, by its overlaps, and the object it would have been right about."""
    if NEAR <= own.max() <= iou_thresh:
        return "location", int(own.argmax())
    if others.max() >= iou_thresh:
        return "class", int(others.argmax())
    if (own * found).max() >= iou_thresh:
        return "duplicate", -1
    return ("background" if iou.max() <= NEAR else "both"), -1


def _leave_out(
    truth: Truth, detections: Detections, rows: Ints, apart: Ints, judged: _Judged, iou_thresh: float
) -> None:
    """What doesn't hit but overlaps a difficult object or a crowd of its class doesn't count."""
    if len(apart):
        over = overlaps(detections.box[rows], truth.box[apart], np.ones(len(apart), np.bool_)) > iou_thresh
        same = detections.class_id[rows][:, None] == truth.class_id[apart][None]
        judged.counts[rows] &= ~((over & same).any(axis=1) & (judged.kind[rows] != 0))


def _corrected(
    truth: Truth, detections: Detections, judged: _Judged, wrong: Bools
) -> tuple[Detections, Bools, Bools]:
    """The detections, whether they hit and whether they count, with those that are wrong put right or left out."""
    hit, counts, class_id = judged.kind == 0, judged.counts & ~wrong, detections.class_id.copy()
    surest: dict[int, int] = {}
    able = np.isin(judged.kind, [1 + KINDS.index(kind) for kind in ("location", "class")])
    for row in np.flatnonzero(able & (judged.goal >= 0)).tolist():
        goal = int(judged.goal[row])
        if not judged.found[goal]:
            surest.setdefault(goal, row)
    for goal, row in surest.items():
        if wrong[row]:
            hit[row] = counts[row] = True
            class_id[row] = truth.class_id[goal]
    return Detections(detections.image, class_id, detections.box, detections.score), hit, counts


def _ap(classes: Ints, wanted: Ints, detections: Detections, hit: Bools, counts: Bools) -> float | None:
    """The mean over the classes; `wanted` are those of the objects there are to find. A class that has none of them
    left counts 0 if something is said to be of it."""
    values: list[float | None] = []
    for class_id in classes:
        rows = counts & (detections.class_id == class_id)
        curve = Curve(int((wanted == class_id).sum()), detections.score[rows], hit[rows], np.zeros(int(rows.sum())))
        values.append(average_precision(curve, POINTS) if curve.truths else 0.0 if rows.any() else None)
    return mean(values)


def _gain(before: float | None, after: float | None) -> float:
    return 0.0 if before is None or after is None else max(after - before, 0.0)
