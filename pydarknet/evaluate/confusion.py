"""What is taken for what: objects against detections, whatever class they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..formats.data import class_name
from .objects import Detections, Ints, Truth, by_score, overlaps


@dataclass(frozen=True, eq=False)
class Confusion:
    """`counts[i, j]`: objects of `classes[i]` detected as `classes[j]`.

    The last row are detections where no object is, the last column objects without a detection.
    """

    classes: list[int]
    counts: Ints

    def entries(self) -> list[tuple[int | None, int | None, int]]:
        """(class, what it is taken for, how often) for all that happened; None for nothing there, and for missed."""
        labels = [*self.classes, None]
        return [(labels[i], labels[j], int(self.counts[i, j])) for i, j in np.argwhere(self.counts)]

    def labels(self, names: Sequence[str]) -> list[str]:
        """The names of the classes, numbers where there is none."""
        return [class_name(names, i) for i in self.classes]

    def largest(self, limit: int = 40) -> Confusion:
        """The classes with the most objects and detections, what concerns the others left out."""
        inner = self.counts[:-1].sum(axis=1) + self.counts[:, :-1].sum(axis=0)
        kept = np.sort(np.argsort(-inner, kind="stable")[:limit])
        rows = np.append(kept, len(self.classes))
        return Confusion([self.classes[i] for i in kept], self.counts[np.ix_(rows, rows)])


def confusion(truth: Truth, detections: Detections, iou_thresh: float = 0.5) -> Confusion:
    """Pair objects and detections, the closest first, each once, and count the classes of the pairs.

    Of equally close ones the surer detection goes first. Pairs with difficult objects and crowds don't count.
    """
    detections = detections[by_score(detections)]
    classes = np.union1d(truth.class_id, detections.class_id)
    nothing = len(classes)
    counts = np.zeros((nothing + 1, nothing + 1), np.int64)
    partner = partners(truth, detections, iou_thresh)
    apart = np.append(truth.difficult | truth.crowd, False)
    counted = ~apart[partner]
    true = np.append(np.searchsorted(classes, truth.class_id), nothing)
    said = np.searchsorted(classes, detections.class_id)
    np.add.at(counts, (true[partner][counted], said[counted]), 1)
    missed = ~apart[:-1]
    missed[partner[partner >= 0]] = False
    np.add.at(counts, (true[:-1][missed], nothing), 1)
    return Confusion(classes.tolist(), counts)


def partners(truth: Truth, detections: Detections, iou_thresh: float) -> Ints:
    """The object of each detection, (M,), or -1: the closest pairs first, each one in one pair, whatever its class.
    Of equally close ones the first detection counts."""
    partner = np.full(len(detections), -1, np.int64)
    objects = dict(truth.by_image())
    for image, rows in detections.by_image():
        if (there := objects.get(image)) is not None:
            for row, column in _pairs(overlaps(detections.box[rows], truth.box[there]), iou_thresh):
                partner[rows[row]] = there[column]
    return partner


def _pairs(iou: np.ndarray[Any, np.dtype[np.float64]], iou_thresh: float) -> list[tuple[int, int]]:
    rows, columns = np.nonzero((iou >= iou_thresh) & (iou > 0))
    order = np.argsort(-iou[rows, columns], kind="stable")
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    pairs = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            pairs.append((row, column))
    return pairs
