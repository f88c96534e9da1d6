"""Darknet's `detector recall`: how many objects some box covers, whatever class it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..detection.results import Detection
from .objects import Detections, Truth, overlaps


@dataclass(frozen=True)
class Recall:
    """`images` seen, `proposals` made, `correct` of `total` objects covered, `iou` the sum of best overlaps."""

    images: int
    correct: int
    total: int
    proposals: int
    iou: float

    def __add__(self, other: Recall) -> Recall:
        """The counts of both sets of images."""
        return Recall(
            self.images + other.images,
            self.correct + other.correct,
            self.total + other.total,
            self.proposals + other.proposals,
            self.iou + other.iou,
        )

    @property
    def value(self) -> float | None:
        """Share of the objects that are covered; None without objects."""
        return self.correct / self.total if self.total else None

    @property
    def mean_iou(self) -> float | None:
        """The best overlap, averaged over the objects; None without objects."""
        return self.iou / self.total if self.total else None

    @property
    def line(self) -> str:
        """What Darknet prints after the last of these images, with 0 where it prints nan."""
        per_image = self.proposals / self.images if self.images else 0.0
        return (
            f"{self.images - 1:5d} {self.correct:5d} {self.total:5d}\tRPs/Img: {per_image:.2f}\t"
            f"IOU: {100 * (self.mean_iou or 0):.2f}%\tRecall:{100 * (self.value or 0):.2f}%"
        )


def running_recall(
    truth: Truth, iou_thresh: float = 0.5, thresh: float = 0.001
) -> Callable[[int, Sequence[Detection]], Recall]:
    """A function that evaluates one image after the other: its number and boxes in, its own counts out."""
    objects = dict(truth.by_image())
    none = np.empty(0, np.int64)

    def evaluator(image: int, found: Sequence[Detection]) -> Recall:
        there = truth[objects.get(image, none)]
        alone = replace(there, image=np.zeros_like(there.image))
        return recall(alone, Detections.from_images([found]), 1, iou_thresh, thresh)[-1]

    return evaluator


def recall(
    truth: Truth, detections: Detections, images: int, iou_thresh: float = 0.5, thresh: float = 0.001
) -> list[Recall]:
    """The running counts after each of the images 0 to images - 1; the last has the result.

    A box counts if its score, Darknet's objectness, is above `thresh`; it covers an object by an IoU above
    `iou_thresh`. Boxes are expected after nms_obj at 0.4 to be Darknet's numbers.
    """
    objects = dict(truth.by_image())
    found = detections[detections.score > thresh]
    boxes = dict(found.by_image())
    none = np.empty(0, np.int64)
    state = Recall(0, 0, 0, 0, 0.0)
    states = []
    for image in range(images):
        there, rows = objects.get(image, none), boxes.get(image, none)
        best = overlaps(truth.box[there], found.box[rows]).max(axis=1, initial=0.0)
        state = Recall(
            state.images + 1,
            state.correct + int((best > iou_thresh).sum()),
            state.total + len(there),
            state.proposals + len(rows),
            state.iou + float(best.sum()),
        )
        states.append(state)
    return states
