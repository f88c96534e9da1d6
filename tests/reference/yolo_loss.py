"""Naive loss of [yolo], as Darknet of 2018 trains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .region_loss import Doubles, boxes, encode, iou


def yolo_loss(
    output: NDArray[Any],
    truth: NDArray[Any],
    anchors: NDArray[Any],
    mask: Sequence[int],
    classes: int,
    net: tuple[int, int],
    ignore_thresh: float,
    truth_thresh: float,
    map: Sequence[int] | None = None,
    new_coords: bool = False,
) -> tuple[Doubles, dict[str, float]]:
    """The delta, and the sums of HeadStatistics by name. `net` is (width, height) in pixels."""
    n, _, h, w = output.shape
    sides = np.asarray(anchors, np.float64).reshape(-1, 2)
    y = output.astype(np.float64).reshape(n, len(mask), 5 + classes, h, w)
    delta = np.zeros_like(y)
    used = np.zeros((n, len(mask), h, w), bool)
    s = dict.fromkeys(
        ("iou", "recall", "recall75", "category", "all_category", "objectness", "any_objectness", "matched",
         "classified"), 0.0,
    )  # fmt: skip

    def assign(b: int, k: int, i: int, j: int, row: Doubles) -> int:
        label = int(row[4]) if map is None else map[int(row[4])]
        d, p = delta[b, k, :, i, j], y[b, k, :, i, j]
        target = np.eye(classes)[label]
        chosen = np.arange(classes) == label if d[5] != 0 else np.ones(classes, bool)
        d[5:][chosen] = (target - p[5:])[chosen]
        d[:4] = (2 - row[2] * row[3]) * (encode(row[:4], sides[mask[k]], i, j, (h, w), net, new_coords) - p[:4])
        d[4] = 1 - p[4]
        used[b, k, i, j] = True
        return label

    for b in range(n):
        ends = np.flatnonzero(truth[b, :, 0] == 0)
        rows = truth[b, : ends[0] if len(ends) else None].astype(np.float64)
        predicted = boxes(y[b], sides[list(mask)], (float(net[0]), float(net[1])), new_coords)
        s["any_objectness"] += y[b, :, 4].sum()
        delta[b, :, 4] = -y[b, :, 4]
        if len(rows):
            overlaps = np.stack([iou(predicted, row[:4]) for row in rows])
            delta[b, :, 4][overlaps.max(axis=0) > ignore_thresh] = 0
            for k, i, j in np.argwhere(overlaps.max(axis=0) > truth_thresh):
                assign(b, k, i, j, rows[int(np.argmax(overlaps[:, k, i, j]))])
        for row in rows:
            origin = np.concatenate([np.zeros_like(sides), sides / np.array(net)], axis=1)
            best = int(np.argmax(iou(origin, np.array([0, 0, row[2], row[3]]))))
            if best not in mask:
                continue
            k, i, j = list(mask).index(best), min(int(row[1] * h), h - 1), min(int(row[0] * w), w - 1)
            label = assign(b, k, i, j, row)
            overlap = float(iou(predicted[k, i, j], row[:4]))
            s["iou"] += overlap
            s["recall"] += overlap > 0.5
            s["recall75"] += overlap > 0.75
            s["category"] += y[b, k, 5 + label, i, j]
            s["objectness"] += y[b, k, 4, i, j]
            s["matched"] += 1
            s["classified"] += 1
    squares = delta**2
    s["coord_loss"] = float(squares[:, :, :4].sum())
    s["object_loss"] = float(squares[:, :, 4][used].sum())
    s["noobject_loss"] = float(squares[:, :, 4][~used].sum())
    s["class_loss"] = float(squares[:, :, 5:].sum())
    s["loss"] = float(squares.sum())
    return delta.reshape(output.shape), s
