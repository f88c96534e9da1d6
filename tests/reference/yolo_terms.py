"""Naive loss of [yolo] as AlexeyAB's Darknet trains it, one truth after another; slopes are differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .region_loss import Doubles, boxes, encode, iou

STEP = 1e-6


def edges(box: Doubles) -> tuple[Doubles, Doubles]:
    return box[:2] - box[2:] / 2, box[:2] + box[2:] / 2


def lengths(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """Of what two boxes have in common, maybe negative, and of what is around both."""
    (low, high), (low_b, high_b) = edges(a), edges(b)
    return np.minimum(high, high_b) - np.maximum(low, low_b), np.maximum(high, high_b) - np.minimum(low, low_b)


def squares(a: Doubles, b: Doubles) -> tuple[float, float]:
    """Of the way between the centres, and of the diagonal around both."""
    return float(((a[:2] - b[:2]) ** 2).sum()), float((lengths(a, b)[1] ** 2).sum())


def distance(a: Doubles, b: Doubles) -> float:
    way, diagonal = squares(a, b)
    return way / diagonal


def shapes(a: Doubles, b: Doubles, overlap: float) -> tuple[float, float, float]:
    """CIoU's angle, v and alpha."""
    angle = float(np.arctan(b[2] / b[3]) - np.arctan(a[2] / a[3]))
    v = 4 / np.pi**2 * angle**2
    return angle, v, v / (1 - overlap + v + 1e-6)


def measure(a: Doubles, b: Doubles, by: str) -> float:
    found = float(iou(a, b))
    both, around = lengths(a, b)
    union = a[2:].prod() + b[2:].prod() - np.maximum(both, 0).prod()
    if by == "giou":
        return found - float((around.prod() - union) / around.prod())
    if by == "diou":
        return found - distance(a, b) ** 0.6
    if by == "ciou":
        _, v, alpha = shapes(a, b, found)
        return found - distance(a, b) - alpha * v
    return found


def gradient(f: Callable[[Doubles], float], box: Doubles) -> Doubles:
    steps = np.eye(4) * STEP
    return np.array([(f(box + step) - f(box - step)) / (2 * STEP) for step in steps])


def slope(box: Doubles, truth: Doubles, by: str) -> Doubles:
    """Of the measure; but sizes of IoU and GIoU count twice, the diagonal of DIoU and CIoU counts for centres with
    the other sign, and CIoU's shape isn't divided by w^2 + h^2."""

    def parts(a: Doubles) -> tuple[float, float, float]:
        both, around = lengths(a, truth)
        union = a[2:].prod() + truth[2:].prod() - both.prod()
        return float(both.prod()), float(union), float(around.prod())

    apart = bool((lengths(box, truth)[0] <= 0).any())
    both, union, _ = parts(box)
    overlaps = gradient(lambda a: parts(a)[0] / parts(a)[1], box) * [1, 1, 2, 2] if union > 0 else np.zeros(4)
    more = np.zeros(4)
    if by == "giou":
        more = gradient(lambda a: parts(a)[1] / parts(a)[2], box) * [1, 1, 2, 2]
    if by in ("diou", "ciou"):
        way, diagonal = squares(box, truth)
        centres = gradient(lambda a: way / squares(a, truth)[1] - squares(a, truth)[0] / diagonal, box)
        more = np.concatenate([centres[:2], gradient(lambda a: -distance(a, truth), box)[2:]])
    result = more if apart and by != "iou" else overlaps + more
    if by == "ciou":
        angle, _, alpha = shapes(box, truth, both / union)
        result = result + alpha * 8 / np.pi**2 * angle * np.array([0, 0, box[3], -box[2]])
    return result


def yolo_terms(
    output: NDArray[Any],
    truth: NDArray[Any],
    anchors: NDArray[Any],
    mask: Sequence[int],
    classes: int,
    net: tuple[int, int],
    new_coords: bool,
    t: dict[str, Any],
) -> tuple[Doubles, dict[str, float]]:
    """The delta and some sums of HeadStatistics by name; `t` has all options of the op by name."""
    n, _, h, w = output.shape
    sides = np.asarray(anchors, np.float64).reshape(-1, 2)
    y = output.astype(np.float64).reshape(n, len(mask), 5 + classes, h, w)
    delta = np.zeros_like(y)
    weights = np.ones(classes) if t["class_weights"] is None else t["class_weights"].astype(np.float64)
    eps, smooth = t["label_smooth_eps"], t["objectness_smooth"]
    sums = dict.fromkeys(("iou", "matched", "coord_loss"), 0.0)

    def assign_class(d: Doubles, p: Doubles, label: int) -> None:
        target = np.eye(classes)[label] * (1 - eps) + eps / 2
        if d[5 + label] != 0:
            d[5 + label] = (target[label] - p[5 + label]) * weights[label]
        elif t["focal_loss"]:
            q = p[5 + label]
            d[5:] = (np.eye(classes)[label] - p[5:]) * -0.5 * (1 - q) * (2 * q * np.log(q) + q - 1)
        else:
            d[5:] = target - p[5:]
            d[5 + label] *= weights[label] * (1 if t["class_weights"] is None else t["cls_normalizer"])

    def assign_place(b: int, k: int, i: int, j: int, row: Doubles) -> None:
        d, p = delta[b, k, :, i, j], y[b, k, :, i, j]
        weight = t["iou_normalizer"] * weights[int(row[4])]
        if t["iou_loss"] == "mse":
            way = encode(row[:4], sides[mask[k]], i, j, (h, w), net, new_coords) - p[:4]
            d[:4] += (2 - row[2] * row[3]) * weight * way
        else:
            growth = np.array([1, 1, 1, 1] if new_coords else [1, 1, np.exp(p[2]), np.exp(p[3])])
            way = slope(predicted[k, i, j], row[:4], t["iou_loss"]) * growth * weight
            d[:4] += np.clip(way, -t["max_delta"], t["max_delta"])

    def assign_box(b: int, anchor: int, row: Doubles) -> None:
        k, i, j = list(mask).index(anchor), min(int(row[1] * h), h - 1), min(int(row[0] * w), w - 1)
        d, p, label = delta[b, k, :, i, j], y[b, k, :, i, j], int(row[4])
        assign_place(b, k, i, j, row)
        if not smooth or d[4] == 0:
            d[4] = weights[label] * t["obj_normalizer"] * (1 - p[4])
        assign_class(d, p, label)
        sums["iou"] += measure(predicted[k, i, j], row[:4], "iou")
        sums["matched"] += 1
        sums["coord_loss"] += 1 - measure(predicted[k, i, j], row[:4], "giou" if t["iou_loss"] == "giou" else "iou")

    for b in range(n):
        ends = np.flatnonzero(truth[b, :, 0] == 0)
        rows = truth[b, : ends[0] if len(ends) else None].astype(np.float64)
        rows = rows[rows[:, 4] < classes]
        predicted = boxes(y[b], sides[list(mask)], (float(net[0]), float(net[1])), new_coords)
        for k, i, j in np.ndindex(len(mask), h, w):
            d, p = delta[b, k, :, i, j], y[b, k, :, i, j]
            overlaps = [float(iou(predicted[k, i, j], row[:4])) for row in rows] or [0.0]
            best = max(overlaps)
            d[4] = t["obj_normalizer"] * -p[4]
            if best > t["ignore_thresh"] and (p[5:] > t["least_class"]).any():
                d[4] = max(d[4], t["obj_normalizer"] * (best - p[4])) if smooth else 0
            if best > t["truth_thresh"]:
                row = rows[int(np.argmax(overlaps))]
                d[4] = t["obj_normalizer"] * ((best**2 if smooth else 1) - p[4])
                assign_class(d, p, int(row[4]))
                if smooth:
                    d[5 + int(row[4])] = weights[int(row[4])] * (best**2 - p[5 + int(row[4])])
                assign_place(b, k, i, j, row)
        for row in rows:
            origin = np.concatenate([np.zeros_like(sides), sides / np.array(net)], axis=1)
            centred = np.array([0, 0, row[2], row[3]])
            fits = int(np.argmax([measure(each, centred, "iou") for each in origin]))
            if fits in mask:
                assign_box(b, fits, row)
            for anchor, each in enumerate(origin):
                good = measure(each, centred, t["iou_thresh_kind"]) > t["iou_thresh"]
                if t["iou_thresh"] < 1 and anchor != fits and anchor in mask and good:
                    assign_box(b, anchor, row)
        if t["iou_thresh"] < 1:
            taught = np.maximum((delta[b, :, 5:] > 0).sum(axis=1), 1)
            delta[b, :, :4] /= np.where(delta[b, :, 4] != 0, taught, 1)[:, None]
    sums["loss"] = float((delta**2).sum())
    if t["iou_loss"] == "mse":
        sums["coord_loss"] = float((delta[:, :, :4] ** 2).sum())
    return delta.reshape(output.shape) * t["delta_normalizer"], sums
