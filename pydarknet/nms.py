"""Non-maximum suppression, Darknet's two kinds.

Darknet sorts with the C library's unstable qsort; here equal scores keep the order of the boxes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .boxes import Boxes, iou

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Kind = Literal["sort", "obj"]

BLOCK = 128  # boxes whose overlaps with all later ones are computed at once


def nms_sort(boxes: Boxes, index: Ints, class_id: Ints, probability: Floats, thresh: float) -> Bools:
    """Which of P (box, class, probability) entries survive when every class is suppressed by itself.

    `index` (P,) points into boxes (M, 4). A box falls where a more probable one of the same class overlaps
    it by an IoU above `thresh`. Darknet: do_nms_sort.
    """
    kept: Bools = probability != 0
    order = np.lexsort((index, -probability, class_id))
    order = order[kept[order]]
    for entries in np.split(order, np.flatnonzero(np.diff(class_id[order])) + 1):
        kept[entries] = _survivors(boxes[index[entries]], thresh)
    return kept


def nms_obj(boxes: Boxes, objectness: Floats, thresh: float) -> Bools:
    """Which of M boxes (M, 4) survive when they are suppressed by objectness (M,), whatever their class.

    A box without objectness neither survives nor suppresses. Darknet: do_nms_obj.
    """
    order = np.argsort(-objectness, kind="stable")
    order = order[objectness[order] != 0]
    kept = np.zeros(len(boxes), np.bool_)
    kept[order] = _survivors(boxes[order], thresh)
    return kept


def _survivors(boxes: Boxes, thresh: float) -> Bools:
    """Greedy suppression of boxes that are sorted, best first."""
    limit = np.float32(thresh)
    alive = np.ones(len(boxes), np.bool_)
    for start in range(0, len(boxes), BLOCK):
        rest = start + np.flatnonzero(alive[start:])
        block = rest[rest < start + BLOCK]
        overlaps = iou(boxes[block], boxes[rest]) > limit
        for row, i in enumerate(block):
            if alive[i]:
                alive[rest[row + 1 :][overlaps[row, row + 1 :]]] = False
    return alive
