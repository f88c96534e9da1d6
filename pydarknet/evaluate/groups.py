"""The same measures for groups of classes apart: those that had boxes in training, and those that never had one.

So YOLO9000 is reported: 19.7 mAP on the 200 classes of ImageNet's detection, 16.0 on those 156 of them that it never
saw a box of (Redmon, Farhadi, "YOLO9000: Better, Faster, Stronger", 2017, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from ..formats.tree import Tree
from .expanded import by_depth, expanded
from .naming import Naming, naming
from .objects import Bools, Detections, Truth
from .voc import mean, voc

NAMES = ("all", "boxed", "never boxed")


@dataclass(frozen=True)
class Group:
    """Some classes: how many of them have `objects`, and the mean of their APs, of VOC's rule (`ap`).

    With a tree also, of `expanded`, the AP with everything expanded up the tree (over those classes of the group that
    then have objects), the same `by_depth` 1, 2, 3..., and how well objects are named, of `naming`. None, or an empty
    list, where nothing is defined.
    """

    name: str
    classes: int
    objects: int
    ap: float | None
    expanded: float | None = None
    by_depth: Sequence[float | None] = ()
    naming: Naming | None = None

    def content(self) -> dict[str, Any]:
        """For JSON."""
        values: dict[str, Any] = {
            "name": self.name, "classes": self.classes, "objects": self.objects, "mean_ap": self.ap,
        }  # fmt: skip
        if self.naming is not None:
            values |= {"expanded_ap": self.expanded, "ap_by_depth": list(self.by_depth), "found": self.naming.found}
            for which, scores in (("", self.naming.scores), ("overall_", self.naming.overall)):
                values |= {f"{which}hierarchical_{key}": value for key, value in vars(scores).items()}
        return values


def groups(
    truth: Truth,
    detections: Detections,
    classes: int,
    tree: Tree | None = None,
    *,
    unboxed: Bools | None = None,
    iou_thresh: float = 0.5,
    thresh: float = 0.25,
    points: int = 0,
) -> list[Group]:
    """All classes, and with `unboxed`, (classes,), which of them never had a box, the boxed and the others apart.

    With a `tree` classes are its nodes. AP is over all detections, naming of those whose score is above `thresh`. See
    `voc` for `iou_thresh` and `points`. DataError for classes that are no nodes.
    """
    last = max([*truth.class_id, *detections.class_id], default=-1)
    if last >= classes:
        raise DataError(f"expected classes from 0 to {classes - 1}, found {last}")
    own = dict(enumerate(voc(truth, detections, classes, iou_thresh, points)))
    up = {} if tree is None else expanded(truth, detections, tree, iou_thresh, points)
    sure = detections[detections.score > thresh]
    every = np.ones(classes, np.bool_)
    parts = [every] if unboxed is None else [every, ~unboxed, unboxed]
    wanted = ~(truth.difficult | truth.crowd)
    result = []
    for name, part in zip(NAMES, parts, strict=False):
        mine, along = _of(own, part), _of(up, part)
        there = truth.class_id[wanted & part[truth.class_id]]
        known = (name, len(np.unique(there)), len(there), mean(list(mine.values())))
        result.append(
            Group(*known)
            if tree is None
            else Group(*known, mean(list(along.values())), by_depth(along, tree),
                       naming(truth, sure, tree, iou_thresh, part))
        )  # fmt: skip
    return result


def table(found: Sequence[Group]) -> str:
    """A column a group; `-` for what isn't defined."""
    rows = [("", *(each.name for each in found)), *_counts(found), *_aps(found), *_namings(found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _counts(found: Sequence[Group]) -> list[tuple[str, ...]]:
    return [("classes with objects", *(str(each.classes) for each in found)),
            ("objects", *(str(each.objects) for each in found))]  # fmt: skip


def _aps(found: Sequence[Group]) -> list[tuple[str, ...]]:
    rows = [("mean AP", *(_text(each.ap) for each in found))]
    if found[0].naming is not None:
        rows.append(("mean AP, expanded up the tree", *(_text(each.expanded) for each in found)))
    for level in range(max(len(each.by_depth) for each in found)):
        values = (each.by_depth[level] if level < len(each.by_depth) else None for each in found)
        rows.append((f"mean AP at depth {level + 1}", *map(_text, values)))
    return rows


def _namings(found: Sequence[Group]) -> list[tuple[str, ...]]:
    known = [each.naming for each in found if each.naming is not None]
    if not known:
        return []
    scores = [each.scores for each in known]
    return [
        ("objects found", *(_text(each.found) for each in known)),
        ("hierarchical precision of these", *(_text(each.precision) for each in scores)),
        ("hierarchical recall", *(_text(each.recall) for each in scores)),
        ("hierarchical F", *(_text(each.f) for each in scores)),
    ]


def _of(values: Mapping[int, float | None], part: Bools) -> dict[int, float | None]:
    return {node: value for node, value in values.items() if part[node]}


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
