"""Non-maximum suppression: Darknet's two kinds, and AlexeyAB's two that look at the distance of centres, too.

Darknet sorts with the C library's unstable qsort; here equal scores keep the order of the boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..backends.base import Backend, cpu_backend
from .boxes import Boxes

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Kind = Literal["sort", "obj", "greedynms", "diounms"]
GREEDY_BETA = 0.6  # of AlexeyAB's greedynms, whatever beta_nms says


def distance_exponent(kind: Kind, beta: float) -> float | None:
    """The `beta` of `nms_sort` for a kind, with the `beta_nms` of a head."""
    return {"greedynms": GREEDY_BETA, "diounms": beta}.get(kind)


def nms_sort(
    boxes: Boxes, index: Ints, class_id: Ints, probability: Floats, thresh: float, backend: Backend | None = None,
    beta: float | None = None,
) -> Bools:  # fmt: skip
    """Which of P (box, class, probability) entries survive when every class is suppressed by itself.

    `index` (P,) points into boxes (M, 4). A box falls where a more probable one of the same class overlaps
    it by an IoU above `thresh`. Darknet: do_nms_sort. With `beta`, boxes whose centres are apart overlap less:
    (distance / diagonal around both)^(2 beta) is taken off the IoU, so that the unit of width and height counts.
    AlexeyAB: diounms_sort. The backend, by default the CPU's, compares the boxes; all give the same.
    """
    kept: Bools = probability != 0
    order = np.lexsort((index, -probability, class_id))
    order = order[kept[order]]
    starts = [0, *(np.flatnonzero(np.diff(class_id[order])) + 1), len(order)]
    kept[order] = _survivors(boxes[index[order]], starts, thresh, backend, beta)
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


def _survivors(
    boxes: Boxes, starts: Sequence[int], thresh: float, backend: Backend | None, beta: float | None = None
) -> Bools:
    """Greedy suppression in runs of boxes that are sorted, best first; run r is [starts[r], starts[r + 1])."""
    if not len(boxes):
        return np.zeros(0, np.bool_)
    backend = backend or cpu_backend()
    alive = backend.empty((len(boxes),), "int32")
    given = backend.to_device(np.ascontiguousarray(boxes)), backend.array(starts, "int32")
    backend.ops.nms(*given, thresh, alive, beta)
    kept: Bools = backend.to_host(alive) != 0
    return kept
