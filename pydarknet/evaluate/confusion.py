"""What is taken for what: objects against detections, whatever class they say, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..images.image import Picture, save_image
from .objects import Detections, Ints, Truth, by_score, overlaps

CELL = 44  # pixels
MARGIN = 170
SHOWN = 40  # classes in a picture


@dataclass(frozen=True, eq=False)
class Confusion:
    """`counts[i, j]`: objects of `classes[i]` detected as `classes[j]`.

    The last row are detections where no object is, the last column objects that nobody found.
    """

    classes: list[int]
    counts: Ints

    def entries(self) -> list[tuple[int | None, int | None, int]]:
        """(class, what it is taken for, how often) for all that happened; None for nothing there, and for missed."""
        labels = [*self.classes, None]
        return [(labels[i], labels[j], int(self.counts[i, j])) for i, j in np.argwhere(self.counts)]

    def largest(self, limit: int = SHOWN) -> Confusion:
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
    partner = np.full(len(detections), -1, np.int64)
    objects = dict(truth.by_image())
    for image, rows in detections.by_image():
        if (there := objects.get(image)) is not None:
            for row, column in _pairs(overlaps(detections.box[rows], truth.box[there]), iou_thresh):
                partner[rows[row]] = there[column]
    apart = np.append(truth.difficult | truth.crowd, False)
    counted = ~apart[partner]
    true = np.append(np.searchsorted(classes, truth.class_id), nothing)
    said = np.searchsorted(classes, detections.class_id)
    np.add.at(counts, (true[partner][counted], said[counted]), 1)
    missed = ~apart[:-1]
    missed[partner[partner >= 0]] = False
    np.add.at(counts, (true[:-1][missed], nothing), 1)
    return Confusion(classes.tolist(), counts)


def draw_confusion(result: Confusion, names: Sequence[str], path: str | PathLike[str]) -> None:
    """Save the matrix as a picture, shaded by the share of each row. ImageError if it can't be written."""
    save_image(path, confusion_picture(result, names))


def confusion_picture(result: Confusion, names: Sequence[str]) -> Picture:
    """The matrix of the `SHOWN` largest classes as a BGR picture; rows are the truth, columns what is said."""
    shown = result.largest()
    labels = [names[i] if i < len(names) else str(i) for i in shown.classes]
    size = len(labels) + 1
    image = np.full((MARGIN + size * CELL + 8, MARGIN + size * CELL + 8, 3), 255, np.uint8)
    totals = np.maximum(shown.counts.sum(axis=1, keepdims=True), 1)
    for (i, j), share in np.ndenumerate(shown.counts / totals):
        _cell(image, MARGIN + j * CELL, MARGIN + i * CELL, float(share), int(shown.counts[i, j]))
    for i, text in enumerate([*labels, "(nothing)"]):
        _text(image, text, 6, MARGIN + i * CELL + CELL // 2 + 5, MARGIN - 12)
    columns = np.full((MARGIN, size * CELL, 3), 255, np.uint8)
    side = np.ascontiguousarray(np.rot90(columns, -1))
    for i, text in enumerate([*labels, "(missed)"]):
        _text(side, text, 6, i * CELL + CELL // 2 + 5, MARGIN - 12)
    image[:MARGIN, MARGIN : MARGIN + size * CELL] = np.rot90(side)
    return image


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


def _cell(image: Picture, x: int, y: int, share: float, count: int) -> None:
    blue = np.array([255 - 75 * share, 255 - 145 * share, 255 - 225 * share])
    image[y : y + CELL, x : x + CELL] = 225
    image[y + 1 : y + CELL - 1, x + 1 : x + CELL - 1] = blue.astype(np.uint8)
    if count:
        text = str(count) if count < 10000 else f"{count // 1000}k"
        _text(image, text, x + 5, y + CELL // 2 + 5, CELL - 8, white=share > 0.6)


def _text(image: Picture, text: str, x: int, y: int, width: int, white: bool = False) -> None:
    """One line from (x, y), its baseline; shortened to the width. Only ASCII has a shape in OpenCV 4."""
    import cv2

    text = "".join(c if " " <= c <= "~" else "?" for c in text)
    while text and cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0] > width:
        text = text[:-1]
    colour = (255, 255, 255) if white else (40, 40, 40)
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
