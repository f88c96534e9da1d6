"""The boxes of a data set that anchors are found for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.dataset import read_dataset
from ..errors import DataError
from ..formats.labels import SIZE, find_label, is_class_only, read_labels
from ..formats.text import counted
from ..images.size import image_size
from .kmeans import Floats, average_iou, checked_sizes, kmeans_each

Series = list[tuple[int, float]]


@dataclass(frozen=True)
class Boxes:
    """Sizes (M, 2) in fractions of the network's input; the typical width / height of the images."""

    sizes: Floats
    images: int
    aspect: float
    note: str


def load_boxes(data: str, fit: str, scale: Sequence[float]) -> Boxes:
    """The boxes of a data set's training list. DataError for a wrong label file, and without any box."""
    images = read_dataset(data).list_("train").images
    parts = [np.empty((0, 2))]
    aspects: list[float] = []
    missing = 0
    for path in images:
        label = find_label(path)
        if label is None:
            missing += 1
            continue
        objects = read_labels(label)
        sizes = objects[~is_class_only(objects), SIZE].astype(np.float64)
        if fit == "letterbox" or len(aspects) < 100:  # some show what is usual
            width, height = image_size(path)
            aspects.append(width / height)
            if fit == "letterbox":
                sides = np.array([width, height]) / scale
                sizes *= sides / sides.max()
        parts.append(sizes)
    note = f"; {counted(missing, 'image')} without a label file" if missing else ""
    sizes = np.concatenate(parts)
    if not len(sizes):
        raise DataError(
            f"{data}: expected boxes to find anchors for, found none in {counted(len(images), 'image')}{note}"
        )
    return Boxes(checked_sizes(sizes), len(images), float(np.median(aspects or [1.0])), note)


def compare(found: Boxes, most: int, seed: int, restarts: int) -> tuple[Series, Series]:
    """Average IoU for k = 1, 2... by IoU and by Euclidean distance."""
    different = len(np.unique(found.sizes, axis=0))
    counts = range(1, min(most, different) + 1)
    # The Euclidean distance depends on the unit: pixels of an image of the usual shape, as the paper has it.
    shape = np.array([found.aspect, 1.0])
    ours = kmeans_each(found.sizes, counts, seed=seed, restarts=restarts)
    theirs = kmeans_each(found.sizes * shape, counts, seed=seed, restarts=restarts, distance="euclidean")
    return (
        [(k, average_iou(found.sizes, anchors)) for k, anchors in zip(counts, ours, strict=True)],
        [(k, average_iou(found.sizes, anchors / shape)) for k, anchors in zip(counts, theirs, strict=True)],
    )
