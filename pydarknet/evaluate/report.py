"""A report on a set of images: average precision of each class, and the counts at a threshold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..errors import ExportError
from ..formats.atomic import write_text
from ..formats.text import csv_text
from ..formats.tree import Tree
from .confusion import Confusion, confusion
from .groups import Group, groups
from .groups import table as table_of_groups
from .hierarchical import Credits, credited
from .objects import Bools, Detections, Truth
from .voc import Curve, average_precision, curves, mean

COLUMNS = ("class_id", "name", "objects", "detections", "ap", "tp", "fp", "fn", "precision", "recall", "f1", "iou",
           "hit_iou")  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """Hits, false detections and misses at the threshold; `overlap` is the sum of the hits' IoU."""

    tp: int
    fp: int
    fn: int
    overlap: float

    @property
    def precision(self) -> float | None:
        """Share of the detections that hit; None if there are none."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of the objects found; None if there are none."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; None if there is nothing at all."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float | None:
        """AlexeyAB's "average IoU": over all detections, a false one counting 0; None if there are none."""
        return _ratio(self.overlap, self.tp + self.fp)

    @property
    def hit_iou(self) -> float | None:
        """Mean IoU of the hits; None if there are none."""
        return _ratio(self.overlap, self.tp)


@dataclass(frozen=True)
class ClassReport:
    """One class: its objects and detections at any score, its average precision, its counts."""

    class_id: int
    name: str
    truths: int
    detections: int
    ap: float | None
    counts: Counts


@dataclass(frozen=True, eq=False)
class Report:
    """What `report` finds. `ap` is the mean over the classes that have objects, `ap_all` over all, as AlexeyAB's.

    With a tree, `credits` along it. With a tree, or classes that never had a box, `groups`: all, boxed, never boxed.
    """

    rows: list[ClassReport]
    ap: float | None
    counts: Counts
    confusion: Confusion
    iou_thresh: float
    thresh: float
    points: int
    credits: Credits | None = None
    groups: Sequence[Group] = ()

    @property
    def ap_all(self) -> float | None:
        """The mean average precision with 0 for the classes that have no objects; None if no class has any."""
        return None if self.ap is None else sum(row.ap or 0.0 for row in self.rows) / len(self.rows)

    def table(self) -> str:
        """A line for each class that occurs, and the sum; `-` where a number isn't defined."""
        head = ("class", "objects", "found", "AP", "TP", "FP", "FN", "precision", "recall", "F1", "IoU")
        rows = [row for row in self.rows if row.truths or row.detections]
        cells = [head, *(_cells(row.name, row.truths, row.detections, row.ap, row.counts) for row in rows)]
        truths, found = sum(row.truths for row in rows), sum(row.detections for row in rows)
        cells.append(_cells("all", truths, found, self.ap, self.counts))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        text = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()  # names to the left
            for row in cells
        ]
        return "\n".join([*text, self._note()])

    def groups_text(self) -> str:
        """What is right along the tree, and a column for each of the groups; empty where there is neither."""
        lines = []
        if self.credits is not None:
            ap, exact = _percent(self.credits.ap), _percent(self.credits.exact)
            lines.append(f"along the tree: AP {ap}, exact {exact}")
        return "\n".join([*lines, *([table_of_groups(self.groups)] if self.groups else [])])

    def darknet_text(self) -> str:
        """The lines of AlexeyAB's `detector map`, with `-` for the AP of a class that has no objects."""
        at, total = f"{self.thresh:.2f}", self.counts
        rule = f"used {self.points} Recall-points" if self.points else "used Area-Under-Curve for each unique Recall"
        return "\n".join(
            [
                *(
                    f"class_id = {row.class_id}, name = {row.name}, ap = {_percent(row.ap)}   \t "
                    f"(TP = {row.counts.tp}, FP = {row.counts.fp}) "
                    for row in self.rows
                ),
                "",
                f" for conf_thresh = {at}, precision = {total.precision or 0:.2f}, recall = {total.recall or 0:.2f}, "
                f"F1-score = {total.f1 or 0:.2f} ",
                f" for conf_thresh = {at}, TP = {total.tp}, FP = {total.fp}, FN = {total.fn}, "
                f"average IoU = {100 * (total.iou or 0):.2f} % ",
                "",
                f" IoU threshold = {100 * self.iou_thresh:.0f} %, {rule} ",
                f" mean average precision (mAP@{self.iou_thresh:.2f}) = {self.ap or 0:.6f}, "
                f"or {100 * (self.ap or 0):.2f} % ",
                *self._of_all(),
            ]
        )

    def _of_all(self) -> list[str]:
        """AlexeyAB's mean, where it is another one."""
        seen = sum(row.ap is not None for row in self.rows)
        if self.ap_all is None or seen == len(self.rows):
            return []
        return [
            f" of the {seen} classes that occur; AlexeyAB's, over all {len(self.rows)}, = {self.ap_all:.6f}, "
            f"or {100 * self.ap_all:.2f} % "
        ]

    def save_csv(self, path: str | PathLike[str]) -> None:
        """A row a class. ExportError if it can't be written."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            c = row.counts
            ratios = (row.ap, c.precision, c.recall, c.f1, c.iou, c.hit_iou)
            ap, *rest = ("" if value is None else f"{value:.6f}" for value in ratios)
            name = csv_text(row.name)
            writer.writerow([row.class_id, name, row.truths, row.detections, ap, c.tp, c.fp, c.fn, *rest])
        write_text(path, text.getvalue(), ExportError)

    def save_json(self, path: str | PathLike[str], **more: object) -> None:
        """Everything, and what else is given; null where a number isn't defined. ExportError if it can't be
        written."""
        content = {
            "mean_ap": self.ap,
            "mean_ap_all_classes": self.ap_all,
            "iou_thresh": self.iou_thresh,
            "thresh": self.thresh,
            "points": self.points,
            **_numbers(self.counts),
            "classes": [
                {
                    "class_id": row.class_id,
                    "name": row.name,
                    "objects": row.truths,
                    "detections": row.detections,
                    "ap": row.ap,
                    **_numbers(row.counts),
                }
                for row in self.rows
            ],
            **self._of_groups(),
            "confusion": [{"truth": t, "said": s, "count": n} for t, s, n in self.confusion.entries()],
            **more,
        }
        write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n", ExportError)

    def _of_groups(self) -> dict[str, object]:
        content: dict[str, object] = {}
        if self.credits is not None:
            content["along_tree"] = {"ap": self.credits.ap, "exact_ap": self.credits.exact}
        if self.groups:
            content["groups"] = [each.content() for each in self.groups]
        return content

    def _note(self) -> str:
        rule = f"{self.points} points" if self.points else "all-point area"
        means = "".join(f"; mAP{text.rstrip()}" for text in self._of_all())
        return f"AP at IoU {self.iou_thresh:g}, {rule}; TP to IoU at scores above {self.thresh:g}{means}"


def report(
    truth: Truth,
    detections: Detections,
    names: Sequence[str],
    *,
    iou_thresh: float = 0.5,
    thresh: float = 0.25,
    points: int = 0,
    tree: Tree | None = None,
    unboxed: Bools | None = None,
) -> Report:
    """Evaluate the detections of the classes `names` by VOC's rule; see `voc` for `iou_thresh` and `points`.

    Counts and confusion are of the detections whose score is above `thresh`. `tree`: where the classes are its nodes.
    `unboxed`, (classes,): those that never had a box in training; see `groups`.
    """
    every = curves(truth, detections, iou_thresh)
    empty = Curve(0, np.empty(0), np.empty(0, np.bool_), np.empty(0))
    rows = []
    for class_id, name in enumerate(names):
        curve = every.get(class_id, empty)
        ap = average_precision(curve, points)
        rows.append(ClassReport(class_id, name, curve.truths, len(curve.score), ap, _count(curve, thresh)))
    total = Counts(
        sum(row.counts.tp for row in rows),
        sum(row.counts.fp for row in rows),
        sum(row.counts.fn for row in rows),
        sum(row.counts.overlap for row in rows),
    )
    pairs = confusion(truth, detections[detections.score > thresh], iou_thresh)
    along = None if tree is None else credited(truth, detections, tree, iou_thresh)
    measures: dict[str, Any] = {"iou_thresh": iou_thresh, "thresh": thresh, "points": points}
    apart: Sequence[Group] = ()
    if tree is not None or unboxed is not None:
        apart = groups(truth, detections, len(names), tree, unboxed=unboxed, **measures)
    return Report(rows, mean([row.ap for row in rows]), total, pairs, **measures, credits=along, groups=apart)


def _count(curve: Curve, thresh: float) -> Counts:
    sure = curve.score > thresh
    hits = int((curve.hit & sure).sum())
    return Counts(hits, int(sure.sum()) - hits, curve.truths - hits, float(curve.iou[curve.hit & sure].sum()))


def _cells(name: str, truths: int, found: int, ap: float | None, c: Counts) -> tuple[str, ...]:
    ratios = [ap, c.precision, c.recall, c.f1, c.iou]
    first, *rest = ("-" if value is None else f"{value:.4f}" for value in ratios)
    return (name, str(truths), str(found), first, str(c.tp), str(c.fp), str(c.fn), *rest)


def _numbers(c: Counts) -> dict[str, float | None]:
    ratios = {"precision": c.precision, "recall": c.recall, "f1": c.f1, "iou": c.iou, "hit_iou": c.hit_iou}
    return {"tp": c.tp, "fp": c.fp, "fn": c.fn, **ratios}


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}%"


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
