"""COCO's measures of detection, the same numbers as pycocotools gives, without it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..detection.boxes import AREAS
from .objects import Bools, Detections, Floats, Ints, Truth, overlaps

THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
RECALLS: Floats = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = (1, 10, 100)

_AREA_RANGES: Floats = np.array(list(AREAS.values()))
_EPSILON = float(np.spacing(1))


@dataclass(frozen=True, eq=False)
class CocoResult:
    """`precision` (IoU threshold, recall, class, area, max detections) and `recall` without its second axis.

    -1 where a class has no objects of an area, as in pycocotools. `classes` names the third axis.
    """

    classes: list[int]
    precision: Floats
    recall: Floats

    def ap(self, iou: float | None = None, area: str = "all", class_id: int | None = None) -> float | None:
        """The average precision at one IoU threshold or over all ten; None if it isn't defined."""
        found = self.precision[..., self._columns(class_id), list(AREAS).index(area), -1]
        return _mean(found if iou is None else found[_index(iou)])

    def ar(self, detections: int = 100, area: str = "all", class_id: int | None = None) -> float | None:
        """The average recall with at most so many detections an image and class; None if it isn't defined."""
        column = MAX_DETECTIONS.index(detections)
        return _mean(self.recall[:, self._columns(class_id), list(AREAS).index(area), column])

    def summary(self) -> dict[str, float | None]:
        """The twelve numbers of COCO's table, in its order."""
        return {
            "AP": self.ap(),
            "AP50": self.ap(0.5),
            "AP75": self.ap(0.75),
            **{f"AP_{area}": self.ap(area=area) for area in ("small", "medium", "large")},
            **{f"AR_{count}": self.ar(count) for count in MAX_DETECTIONS},
            **{f"AR_{area}": self.ar(area=area) for area in ("small", "medium", "large")},
        }

    def table(self) -> str:
        """The summary as text, a `-` for what isn't defined."""
        return "\n".join(
            f"{name:<10} {'-' if value is None else f'{value:.4f}'}" for name, value in self.summary().items()
        )

    def _columns(self, class_id: int | None) -> slice:
        if class_id is None:
            return slice(None)
        column = self.classes.index(class_id)
        return slice(column, column + 1)


def coco(
    truth: Truth, detections: Detections, classes: Iterable[int] | None = None, images: Iterable[int] | None = None
) -> CocoResult:
    """COCO's evaluation of boxes.

    Difficult objects and crowds are ignored: they need not be found, and finding them is no mistake. `classes`:
    those to evaluate, by default all that have objects. `images`: those to evaluate, by default all.
    """
    if images is not None:
        chosen = np.unique(np.fromiter(images, np.int64))
        truth = truth[np.isin(truth.image, chosen)]
        detections = detections[np.isin(detections.image, chosen)]
    evaluated = sorted(set(classes) if classes is not None else set(truth.class_id.tolist()))
    shape = (len(THRESHOLDS), len(evaluated), len(AREAS), len(MAX_DETECTIONS))
    precision = np.full((shape[0], len(RECALLS), *shape[1:]), -1.0)
    recall = np.full(shape, -1.0)
    images_of: dict[int, list[int]] = {}
    for image, class_id in sorted({*truth.groups, *detections.groups}):
        images_of.setdefault(class_id, []).append(image)
    for column, class_id in enumerate(evaluated):
        parts = [_Image(truth, detections, (image, class_id)) for image in images_of.get(class_id, [])]
        if parts:
            _accumulate(parts, precision[:, :, column], recall[:, column])
    return CocoResult(evaluated, precision, recall)


class _Image:
    """The detections of one class in one image, matched for every IoU threshold and area at once.

    `score` (D,); `found` and `ignored` (thresholds, areas, D): whether a detection has an object, and whether it
    doesn't count; `wanted` (areas,): how many objects count.
    """

    def __init__(self, truth: Truth, detections: Detections, key: tuple[int, int]) -> None:
        there, found = truth.groups.get(key, _NONE), detections.groups.get(key, _NONE)
        self.score = detections.score[found]
        order = np.argsort(-self.score, kind="stable")[: MAX_DETECTIONS[-1]]
        self.score, box = self.score[order], detections.box[found[order]]
        low, high = _AREA_RANGES[:, 0, None], _AREA_RANGES[:, 1, None]
        area = box[:, 2] * box[:, 3]
        outside = (area < low) | (area > high)
        if not len(there):
            self.wanted = np.zeros(len(AREAS), np.int64)
            self.found = np.zeros((len(THRESHOLDS), *outside.shape), np.bool_)
            self.ignored: Bools = np.broadcast_to(outside, self.found.shape)
            return
        crowd, area = truth.crowd[there], truth.area[there]
        skip = truth.difficult[there] | crowd | (area < low) | (area > high)  # (areas, G)
        self.wanted = (~skip).sum(axis=1)
        matched = _match(overlaps(box, truth.box[there], crowd), skip, crowd)
        self.found = matched >= 0
        of_skipped = skip[np.arange(len(AREAS))[None, :, None], matched]
        self.ignored = np.where(self.found, of_skipped, outside[None])


def _match(iou: Floats, skip: Bools, crowd: Bools) -> Ints:
    """The object of each detection, or -1; shape (thresholds, areas, detections).

    From the surest detection on, each takes the object it overlaps most of those still free, a crowd being free
    always; one that is to be skipped only if no other is there. Of equal overlaps the last counts.
    """
    count, objects = iou.shape
    matched = np.full((len(THRESHOLDS), len(AREAS), count), -1, np.int64)
    free = np.ones((len(THRESHOLDS), len(AREAS), objects), np.bool_)
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None, None]
    # pycocotools looks at the objects in this order: those that count, then the others, each as they stand.
    for i in np.flatnonzero((iou >= least[0, 0, 0]).any(axis=1)):
        able = free & (iou[i] >= least)
        for candidates in (able & ~skip, able & skip):
            value = np.where(candidates, iou[i], -1.0)
            last = objects - 1 - value[..., ::-1].argmax(axis=2)
            new = candidates.any(axis=2) & (matched[:, :, i] < 0)
            matched[:, :, i] = np.where(new, last, matched[:, :, i])
        t, a = np.nonzero(matched[:, :, i] >= 0)
        taken = matched[t, a, i]
        free[t, a, taken] = crowd[taken]
    return matched


def _accumulate(parts: Sequence[_Image], precision: Floats, recall: Floats) -> None:
    """Fill the numbers of one class, precision (T, R, areas, max detections), recall (T, areas, max detections)."""
    wanted = np.sum([part.wanted for part in parts], axis=0)
    for column, limit in enumerate(MAX_DETECTIONS):
        score = np.concatenate([part.score[:limit] for part in parts])
        order = np.argsort(-score, kind="stable")
        found = np.concatenate([part.found[..., :limit] for part in parts], axis=2)[..., order]
        ignored = np.concatenate([part.ignored[..., :limit] for part in parts], axis=2)[..., order]
        hits = np.cumsum(found & ~ignored, axis=2)
        misses = np.cumsum(~found & ~ignored, axis=2)
        for area in np.flatnonzero(wanted):
            for t in range(len(THRESHOLDS)):
                rate = hits[t, area] / wanted[area]
                recall[t, area, column] = rate[-1] if len(rate) else 0.0
                precision[t, :, area, column] = _at_recalls(rate, hits[t, area], misses[t, area])


def _at_recalls(rate: Floats, hits: Ints, misses: Ints) -> Floats:
    values = hits / (hits + misses + _EPSILON)
    best = np.maximum.accumulate(values[::-1])[::-1]
    first = np.searchsorted(rate, RECALLS, side="left")
    result = np.zeros(len(RECALLS))
    reached = first < len(best)
    result[reached] = best[first[reached]]
    return result


def _index(iou: float) -> int:
    index = int(np.abs(THRESHOLDS - iou).argmin())
    if abs(THRESHOLDS[index] - iou) > 1e-6:
        raise ValueError(f"iou must be one of 0.5, 0.55 ... 0.95, not {iou}")
    return index


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None


_NONE: Ints = np.empty(0, np.int64)
