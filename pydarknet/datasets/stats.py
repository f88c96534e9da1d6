"""A data set in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..detection.boxes import AREAS
from ..errors import ImageError
from ..formats.labels import CLASS, SIZE, find_label, is_class_only, read_labels
from ..images.size import image_size
from .dataset import DataSet, ImageList, class_rule_of

QUANTILES = {"least": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "most": 1.0}


@dataclass(frozen=True)
class Stats:
    """Of one list. `classes`: per class its objects and the images that have them. `quantiles`: of the objects
    an image, and of widths, heights (fractions of the image), aspects (width / height in pixels). `areas`: how
    many objects are small, medium and large by COCO's limits; they and the aspects are empty without image sizes.
    """

    name: str
    images: int
    unlabelled: int
    empty: int
    objects: int
    class_only: int
    classes: dict[int, tuple[int, int]]
    quantiles: dict[str, dict[str, float]]
    areas: dict[str, int]

    def as_dict(self, data: DataSet) -> dict[str, Any]:
        """For JSON."""
        rows = [
            {"class_id": i, "name": data.name_of(i), "objects": objects, "images": images}
            for i, (objects, images) in self.classes.items()
        ]
        values = {
            key: getattr(self, key) for key in ("name", "images", "unlabelled", "empty", "objects", "class_only")
        }
        return {**values, "classes": rows, "quantiles": self.quantiles, "areas": self.areas}

    def table(self, data: DataSet) -> str:
        """For reading."""
        head = f"{self.name or data.file}: {self.images} images, {self.objects} objects with boxes"
        lines = [head, f"  without objects {self.empty}, without a label file {self.unlabelled}"]
        if self.class_only:
            lines.append(f"  objects with a class only {self.class_only}")
        width = max([len(data.name_of(i)) for i in self.classes] + [5])
        lines.append(f"  {'class':<{width}} {'objects':>9} {'share':>7} {'images':>9}")
        total = max(sum(objects for objects, _ in self.classes.values()), 1)
        for i, (objects, images) in self.classes.items():
            lines.append(f"  {data.name_of(i):<{width}} {objects:>9} {objects / total:>7.1%} {images:>9}")
        if self.quantiles:
            lines.append(f"  {'':<18}" + "".join(f"{name:>9}" for name in QUANTILES))
        for what, values in self.quantiles.items():
            lines.append(f"  {what:<18}" + "".join(f"{value:>9.4g}" for value in values.values()))
        if self.areas:
            lines.append("  by COCO's sizes: " + ", ".join(f"{count} {name}" for name, count in self.areas.items()))
        return "\n".join(lines)


def stats(data: DataSet, images: ImageList, *, sizes: bool = True) -> Stats:
    """Count one list. `sizes` reads the images' headers for aspects and areas. DataError for a wrong label file;
    a missing one is counted, unless paths tell the classes, and an image that can't be read is left out of aspects
    and areas."""
    parts, pixels, counts = [], [], []
    unlabelled, rule = 0, class_rule_of(data)
    for path in images.images:
        label = find_label(path) if rule is None else None
        unlabelled += label is None and rule is None
        labels = np.zeros((0, 5), np.float32) if label is None else read_labels(label, data.classes)
        if rule is not None:
            labels = np.array([(class_id, 0, 0, 0, 0) for class_id in rule(path)], np.float32).reshape(-1, 5)
        parts.append(labels)
        counts.append(len(labels))
        pixels += [_size(path) if sizes and len(labels) else (np.nan, np.nan)] * len(labels)
    objects = np.concatenate([np.empty((0, 5), np.float32), *parts]).astype(np.float64)
    boxed = ~is_class_only(objects.astype(np.float32))
    in_pixels = objects[boxed, SIZE] * np.array(pixels, np.float64).reshape(-1, 2)[boxed]
    in_pixels = in_pixels[~np.isnan(in_pixels).any(axis=1)]
    return Stats(
        images.name,
        len(images.images),
        unlabelled,
        counts.count(0) - unlabelled,
        int(boxed.sum()),
        int((~boxed).sum()),
        _classes(parts, data.classes),
        _quantiles(np.array(counts), objects[boxed], in_pixels),
        _areas(in_pixels.prod(axis=1)) if len(in_pixels) else {},
    )


def _size(path: str) -> tuple[float, float]:
    try:
        return image_size(path)
    except ImageError:
        return np.nan, np.nan


def _classes(parts: Sequence[npt.NDArray[np.float32]], classes: int | None) -> dict[int, tuple[int, int]]:
    result = dict.fromkeys(range(classes or 0), (0, 0))
    for labels in parts:
        for value, count in zip(*np.unique(labels[:, CLASS].astype(int), return_counts=True), strict=True):
            objects, images = result.get(int(value), (0, 0))
            result[int(value)] = (objects + int(count), images + 1)
    return dict(sorted(result.items()))


def _quantiles(
    counts: npt.NDArray[Any], boxes: npt.NDArray[np.float64], pixels: npt.NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    columns: Mapping[str, npt.NDArray[Any]] = {
        "objects per image": counts,
        "width": boxes[:, SIZE][:, 0],
        "height": boxes[:, SIZE][:, 1],
        "aspect": pixels[:, 0] / pixels[:, 1],
    }
    return {
        name: {key: float(np.quantile(values, q)) for key, q in QUANTILES.items()}
        for name, values in columns.items()
        if len(values)
    }


def _areas(areas: npt.NDArray[np.float64]) -> dict[str, int]:
    names = [name for name in AREAS if name != "all"]
    limits = [AREAS[name][1] for name in names[:-1]]
    places = np.searchsorted(limits, areas)
    return {name: int((places == i).sum()) for i, name in enumerate(names)}
