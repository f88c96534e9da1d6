"""Non-maximum suppression, Darknet's two kinds.

Darknet sorts with the C library's unstable qsort; here equal scores keep the order of the boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .backend import Backend, cpu_backend
from .boxes import Boxes

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Kind = Literal["sort", "obj"]


def nms_sort(
    boxes: Boxes, index: Ints, class_id: Ints, probability: Floats, thresh: float, backend: Backend | None = None
) -> Bools:
    """Which of P (box, class, probability) entries survive when every class is suppressed by itself.

    `index` (P,) points into boxes (M, 4). A box falls where a more probable one of the same class overlaps
    it by an IoU above `thresh`. Darknet: do_nms_sort. The backend, by default the CPU's, compares the boxes; all
    give the same.
    """
    kept: Bools = probability != 0
    order = np.lexsort((index, -probability, class_id))
    order = order[kept[order]]
    starts = [0, *(np.flatnonzero(np.diff(class_id[order])) + 1), len(order)]
    kept[order] = _survivors(boxes[index[order]], starts, thresh, backend)
    return kept


def nms_obj(boxes: Boxes, objectness: Floats, thresh: float, backend: Backend | None = None) -> Bools:
    """Which of M boxes (M, 4) survive when they are suppressed by objectness (M,), whatever their class.

    A box without objectness neither survives nor suppresses. Darknet: do_nms_obj. The backend is as in `nms_sort`.
    """
    order = np.argsort(-objectness, kind="stable")
    order = order[objectness[order] != 0]
    kept = np.zeros(len(boxes), np.bool_)
    kept[order] = _survivors(boxes[order], [0, len(order)], thresh, backend)
    return kept


def _survivors(boxes: Boxes, starts: Sequence[int], thresh: float, backend: Backend | None) -> Bools:
    """Greedy suppression in runs of boxes that are sorted, best first; run r is [starts[r], starts[r + 1])."""
    if not len(boxes):
        return np.zeros(0, np.bool_)
    backend = backend or cpu_backend()
    alive = backend.empty((len(boxes),), "int32")
    given = backend.to_device(np.ascontiguousarray(boxes)), backend.array(starts, "int32")
    backend.ops.nms(*given, thresh, alive)
    kept: Bools = backend.to_host(alive) != 0
    return kept
