"""Anchors from data: k-means with the distance 1 - IoU (paper, section 2, "Dimension Clusters").

Boxes are only sizes here, (M, 2) width and height, all with one corner in the same place. The unit is free, and
may differ between width and height: IoU stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError

Floats = npt.NDArray[np.float64]
Distance = Literal["iou", "euclidean"]
Measure = Callable[[Floats, Floats], Floats]
Weighted = tuple[Floats, Floats]  # points (M, 2), and how many boxes each stands for

CHUNK = 1 << 16  # boxes whose overlaps are in memory at once
MANY = 4096  # different boxes from which on bins on a logarithmic grid are clustered in their stead
COARSE, FINE = 12, 64  # bins per doubling of a size: 6 % and 1 % apart
STEPS, PATIENCE = 200, 8  # of one run, and of them without improvement

# Average IoU of VOC 2007's boxes with their closest prior: table 1 of the paper.
PAPER = (("Cluster SSE", 5, 58.7), ("Cluster IOU", 5, 61.0), ("Anchor Boxes", 9, 60.9), ("Cluster IOU", 9, 67.2))


def size_iou(sizes: Floats, anchors: Floats) -> Floats:
    """IoU of each size (M, 2) with each anchor (K, 2), shape (M, K)."""
    shared = np.minimum(sizes[:, None, 0], anchors[None, :, 0])
    shared *= np.minimum(sizes[:, None, 1], anchors[None, :, 1])
    union = (sizes[:, 0] * sizes[:, 1])[:, None] + (anchors[:, 0] * anchors[:, 1])[None] - shared
    shared /= union
    return shared


def average_iou(sizes: Floats, anchors: Floats) -> float:
    """The mean over all sizes of the IoU with the closest anchor."""
    total = sum(float(size_iou(part, anchors).max(axis=1).sum()) for part in _chunks(sizes))
    return total / len(sizes)


def kmeans(sizes: npt.ArrayLike, k: int, *, seed: int = 0, restarts: int = 10, distance: Distance = "iou") -> Floats:
    """The k anchors (K, 2), sorted by area, of the best among `restarts` runs.

    Each run starts as k-means++ does and moves the centres to the means of their boxes until nothing changes, as
    the paper does ("standard" k-means, but for the distance). Means are not where the average IoU is highest, so
    the best set of a run counts, not the last. Many boxes are first clustered in bins, and the best run goes on
    with finer ones. DataError for fewer different sizes than k, and for sizes that are not positive numbers.
    """
    return kmeans_each(sizes, [k], seed=seed, restarts=restarts, distance=distance)[0]


def kmeans_each(
    sizes: npt.ArrayLike, counts: Sequence[int], *, seed: int = 0, restarts: int = 10, distance: Distance = "iou"
) -> list[Floats]:
    """`kmeans` for each k of `counts`."""
    sizes = checked_sizes(sizes)
    coarse = merged(sizes, COARSE)
    fine = merged(sizes, FINE) if len(coarse[0]) < len(sizes) else coarse
    if len(fine[0]) < max(counts):
        raise DataError(
            f"expected at least {max(counts)} boxes of different sizes for as many anchors, found {len(fine[0])}"
        )
    measure = _distance if distance == "iou" else _squares
    return [_best_run(coarse, fine, k, np.random.default_rng(seed), restarts, measure) for k in counts]


def _best_run(
    coarse: Weighted, fine: Weighted, k: int, rng: np.random.Generator, restarts: int, distance: Measure
) -> Floats:
    points = coarse if len(coarse[0]) >= k else fine
    runs = [_lloyd(*points, _start(*points, k, rng, distance), distance) for _ in range(restarts)]
    best = min(runs, key=lambda anchors: _cost(*points, anchors, distance))
    return by_area(_lloyd(*fine, best, distance))


def by_area(anchors: Floats) -> Floats:
    """The anchors from the smallest to the largest, as cfgs have them."""
    return anchors[np.argsort(anchors.prod(axis=1), kind="stable")]


def faster_rcnn(aspect: float = 1.0) -> Floats:
    """The nine hand-picked anchors of Faster R-CNN (2015), as fractions of an image of width / height `aspect`.

    Areas of 128, 256 and 512 pixels squared at 1:1, 1:2 and 2:1, in images whose shorter side has 600.
    """
    image = 600 * np.array([max(aspect, 1), max(1 / aspect, 1)])
    sides = [(area * ratio**0.5, area / ratio**0.5) for area in (128.0, 256.0, 512.0) for ratio in (0.5, 1.0, 2.0)]
    return by_area(np.array(sides) / image)


def checked_sizes(sizes: npt.ArrayLike) -> Floats:
    """Sizes as an array (M, 2). DataError if there are none, or one that is not a positive number."""
    result = np.asarray(sizes, np.float64).reshape(-1, 2)
    if not len(result):
        raise DataError("expected boxes to find anchors for, found none")
    wrong = ~((result > 0) & np.isfinite(result)).all(axis=1)
    if wrong.any():
        raise DataError(f"box {wrong.argmax()}: expected a positive width and height, found {result[wrong.argmax()]}")
    return result


def merged(sizes: Floats, bins: int) -> Weighted:
    """The different sizes and how often each occurs; if they are too many, the means of so many bins an octave."""
    different, inverse, counts = _unique(sizes)
    if len(different) > MANY:
        different, inverse, counts = _unique(np.round(np.log2(sizes) * bins))
    means = np.stack([np.bincount(inverse, sizes[:, i]) / counts for i in range(2)], axis=1)
    return means, counts.astype(np.float64)


def _unique(keys: Floats) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # As complex numbers, which NumPy sorts many times faster than rows.
    different, inverse, counts = np.unique(keys[:, 0] + 1j * keys[:, 1], return_inverse=True, return_counts=True)
    return np.stack([different.real, different.imag], axis=1), inverse.reshape(-1), counts


def _distance(sizes: Floats, anchors: Floats) -> Floats:
    return 1 - size_iou(sizes, anchors)


def _squares(sizes: Floats, anchors: Floats) -> Floats:
    result: Floats = ((sizes[:, None] - anchors[None]) ** 2).sum(axis=2)
    return result


def _start(points: Floats, weights: Floats, k: int, rng: np.random.Generator, distance: Measure) -> Floats:
    """k of the points, each drawn with a chance that grows with the distance from those before."""
    chosen = [int(rng.choice(len(points), p=weights / weights.sum()))]
    nearest = distance(points, points[chosen])[:, 0]
    while len(chosen) < k:
        chance = np.maximum(nearest, 0) * weights
        chance[chosen] = 0
        # All the others may lie on the chosen ones.
        chance = chance if chance.sum() > 0 else np.where(np.isin(np.arange(len(points)), chosen), 0.0, weights)
        chosen.append(int(rng.choice(len(points), p=chance / chance.sum())))
        nearest = np.minimum(nearest, distance(points, points[chosen[-1:]])[:, 0])
    return points[chosen]


def _lloyd(points: Floats, weights: Floats, anchors: Floats, distance: Measure) -> Floats:
    """Move the anchors until no point changes its own; the best set on the way, by the mean distance."""
    best, least, since = anchors, np.inf, 0
    owner = np.full(len(points), -1)
    for _ in range(STEPS):
        apart = distance(points, anchors)
        total = float(apart.min(axis=1) @ weights)
        best, least, since = (anchors, total, 0) if total < least else (best, least, since + 1)
        before, owner = owner, apart.argmin(axis=1)
        if since == PATIENCE or (owner == before).all():
            break
        anchors = _means(points, weights, owner, anchors)
    return best


def _means(points: Floats, weights: Floats, owner: npt.NDArray[np.int64], anchors: Floats) -> Floats:
    """The mean of the points of each anchor; one that has none stays."""
    k = len(anchors)
    mass = np.bincount(owner, weights, k)
    sums = np.stack([np.bincount(owner, points[:, i] * weights, k) for i in range(2)], axis=1)
    return np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-300)[:, None], anchors)


def _cost(points: Floats, weights: Floats, anchors: Floats, distance: Measure) -> float:
    return float(distance(points, anchors).min(axis=1) @ weights)


def _chunks(sizes: Floats) -> Sequence[Floats]:
    return [sizes[i : i + CHUNK] for i in range(0, len(sizes), CHUNK)]


def anchors_text(anchors: npt.ArrayLike, cells: bool) -> str:
    """The value of a cfg's `anchors`, as AlexeyAB's `calc_anchors` prints it: four digits for grid cells,
    whole pixels otherwise."""
    pairs = np.asarray(anchors, np.float64).reshape(-1, 2)
    return ", ".join(f"{w:.4f},{h:.4f}" if cells else f"{w:3.0f},{h:3.0f}" for w, h in pairs)
