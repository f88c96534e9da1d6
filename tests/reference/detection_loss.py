"""Naive loss of YOLOv1's [detection], as Darknet trains it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .region_loss import Doubles, iou


def detection_loss(
    output: NDArray[Any],
    truth: NDArray[Any],
    side: int,
    classes: int,
    num: int,
    object_scale: float = 1.0,
    noobject_scale: float = 1.0,
    class_scale: float = 1.0,
    coord_scale: float = 1.0,
    rescore: bool = False,
    sqrt: bool = False,
    forced: bool = False,
    picks: NDArray[Any] | None = None,
) -> tuple[Doubles, dict[str, float]]:
    """output (N, inputs), truth (N, side * side, 5 + classes): the delta, and the sums by name."""
    n, cells = len(output), side * side
    y = output.astype(np.float64)
    splits = [cells * classes, cells * (classes + num)]
    scores, confidence, coords = np.split(y, splits, axis=1)
    scores, confidence = scores.reshape(n, cells, classes), confidence.reshape(n, cells, num)
    coords = coords.reshape(n, cells, num, 4)
    d_scores, d_coords = np.zeros_like(scores), np.zeros_like(coords)
    d_confidence = -noobject_scale * confidence
    used = np.zeros(confidence.shape, bool)
    s = dict.fromkeys(("iou", "recall", "recall75", "category", "all_category", "objectness", "matched"), 0.0)
    s["any_objectness"] = float(confidence.sum())
    for b, c in np.argwhere(truth[:, :, 0] != 0):
        target, box = truth[b, c, 1 : 1 + classes], truth[b, c, 1 + classes :].astype(np.float64)
        d_scores[b, c] = class_scale * (target - scores[b, c])
        s["category"] += scores[b, c][target != 0].sum()
        s["all_category"] += scores[b, c].sum()
        fraction = np.array([1 / side, 1 / side, 1, 1])
        candidates = coords[b, c].copy()
        if sqrt:
            candidates[:, 2:] **= 2
        candidates *= fraction
        overlaps = iou(candidates, box * fraction)
        apart = np.sqrt(((candidates - box * fraction) ** 2).sum(axis=1))
        k = int(np.argmax(overlaps)) if overlaps.max() > 0 else int(np.argmin(apart))
        if forced:
            k = int(box[2] * box[3] < 0.1)
        if picks is not None:
            k = int(picks[b, c])
        d_confidence[b, c, k] = object_scale * ((overlaps[k] if rescore else 1) - confidence[b, c, k])
        wanted = np.concatenate([box[:2], np.sqrt(box[2:]) if sqrt else box[2:]])
        d_coords[b, c, k] = coord_scale * (wanted - coords[b, c, k])
        used[b, c, k] = True
        s["iou"] += overlaps[k]
        s["objectness"] += confidence[b, c, k]
        s["matched"] += 1
    s["classified"] = s["matched"]
    s["coord_loss"] = float((d_coords**2).sum())
    s["object_loss"] = float((d_confidence[used] ** 2).sum())
    s["noobject_loss"] = float((d_confidence[~used] ** 2).sum())
    s["class_loss"] = float((d_scores**2).sum())
    delta = np.concatenate([d.reshape(n, -1) for d in (d_scores, d_confidence, d_coords)], axis=1)
    s["loss"] = float((delta**2).sum())
    return delta, s
