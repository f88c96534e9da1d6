"""Naive loss of [Gaussian_yolo] as AlexeyAB's Darknet trains it, one truth after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .region_loss import Doubles, iou
from .yolo_terms import measure, slope


def gaussian_terms(
    output: NDArray[Any],
    truth: NDArray[Any],
    anchors: NDArray[Any],
    mask: Sequence[int],
    classes: int,
    net: tuple[int, int],
    t: dict[str, Any],
) -> tuple[Doubles, dict[str, float]]:
    """The delta and some sums of HeadStatistics by name; `t` has all options of the op by name."""
    n, _, h, w = output.shape
    sides = np.asarray(anchors, np.float64).reshape(-1, 2)
    y = output.astype(np.float64).reshape(n, len(mask), 9 + classes, h, w)
    delta = np.zeros_like(y)
    weights = np.ones(classes) if t["class_weights"] is None else t["class_weights"].astype(np.float64)
    eps, smooth, half = t["label_smooth_eps"], t["objectness_smooth"], t["to_centre"] / 2
    sums = dict.fromkeys(("iou", "recall", "matched", "category", "objectness"), 0.0)

    def predicted(b: int, k: int, i: int, j: int) -> Doubles:
        p = y[b, k, :, i, j]
        size = np.exp(p[[4, 6]]) * sides[mask[k]] / net
        return np.concatenate([(np.array([j, i]) + p[[0, 2]]) / (w, h) + half * size, size])

    def point(row: Doubles) -> Doubles:
        placed: Doubles = (row[:2] - half * row[2:4]) * (w, h)
        return placed

    def assign_class(d: Doubles, p: Doubles, label: int) -> None:
        target = np.eye(classes)[label] * (1 - eps) + eps / 2
        if d[9] != 0:
            d[9 + label] = (target[label] - p[9 + label]) * weights[label]
        else:
            d[9:] = target - p[9:]
            d[9 + label] *= weights[label] * (1 if t["class_weights"] is None else t["cls_normalizer"])

    def assign_place(b: int, k: int, i: int, j: int, row: Doubles) -> None:
        d, p = delta[b, k, :, i, j], y[b, k, :, i, j]
        means, sigma = p[:8:2], p[1:8:2]
        wanted = np.concatenate([point(row) - (j, i), np.log(row[2:4] * net / sides[mask[k]])])
        z, wide = (wanted - means) / sigma, sigma + 0.3
        density = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * wide)
        scale = density / (density + 1e-9) / 2 * (2 - row[2] * row[3])
        way = scale * z / sigma
        if t["iou_loss"] != "mse":
            grown = slope(predicted(b, k, i, j), row[:4], t["iou_loss"])
            way = np.concatenate([grown[:2] - half * grown[2:], grown[2:] * np.exp(means[2:])])
        most = t["max_delta"]
        d[:8:2] += np.clip(way * weights[int(row[4])] * t["iou_normalizer"], -most, most)
        d[1:8:2] += np.clip(scale * (z**2 / sigma - 1 / wide) * t["uc_normalizer"], -most, most)

    def assign_box(b: int, anchor: int, row: Doubles) -> None:
        j, i = np.clip(point(row).astype(int), 0, (w - 1, h - 1))
        k, label = list(mask).index(anchor), int(row[4])
        d, p = delta[b, k, :, i, j], y[b, k, :, i, j]
        assign_place(b, k, i, j, row)
        d[8] = weights[label] * t["obj_normalizer"] * (1 - p[8])
        assign_class(d, p, label)
        overlap = measure(predicted(b, k, i, j), row[:4], "iou" if t["iou_loss"] == "mse" else "giou")
        found = {"iou": overlap, "recall": overlap > 0.5, "matched": 1, "category": p[9 + label], "objectness": p[8]}
        for name, value in found.items():
            sums[name] += float(value)

    for b in range(n):
        ends = np.flatnonzero(truth[b, :, 0] == 0)
        rows = truth[b, : ends[0] if len(ends) else None].astype(np.float64)
        rows = rows[rows[:, 4] < classes]
        for k, i, j in np.ndindex(len(mask), h, w):
            d, p = delta[b, k, :, i, j], y[b, k, :, i, j]
            overlaps = [float(iou(predicted(b, k, i, j), row[:4])) for row in rows] or [0.0]
            best = max(overlaps)
            d[8] = t["obj_normalizer"] * -p[8]
            if best > t["ignore_thresh"] and (p[9:] > t["least_class"]).any():
                d[8] = t["obj_normalizer"] * (best**2 - p[8]) if smooth else 0
                if smooth:
                    assign_class(d, p, int(rows[int(np.argmax(overlaps))][4]))
            if best > t["truth_thresh"]:
                row = rows[int(np.argmax(overlaps))]
                d[8] = t["obj_normalizer"] * ((best**2 if smooth else 1) - p[8])
                assign_class(d, p, int(row[4]))
                if smooth:
                    d[9 + int(row[4])] = weights[int(row[4])] * (best**2 - p[9 + int(row[4])])
                assign_place(b, k, i, j, row)
        for row in rows:
            origin = np.concatenate([np.zeros_like(sides), sides / np.array(net)], axis=1)
            centred = np.array([0, 0, row[2], row[3]])
            fits = int(np.argmax([measure(each, centred, "iou") for each in origin]))
            good = [measure(each, centred, t["iou_thresh_kind"]) > t["iou_thresh"] for each in origin]
            others = [a for a in range(len(origin)) if t["iou_thresh"] < 1 and a != fits and good[a]]
            for anchor in [fits, *others]:
                if anchor in mask:
                    assign_box(b, anchor, row)
        delta[b, :, :8] /= np.maximum((delta[b, :, 9:] > 0).sum(axis=1), 1)[:, None]
    sums["loss"] = float((delta**2).sum())
    sums["coord_loss"] = float((delta[:, :, :8] ** 2).sum())
    return delta.reshape(output.shape), sums
