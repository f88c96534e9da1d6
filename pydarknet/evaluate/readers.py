"""The truth and the detections of images from files: label files, and the three results files of Darknet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from ..errors import DataError
from ..formats.json_file import MAX_BYTES, read_json, whole
from ..formats.labels import CENTRE, CLASS, SIZE, find_label, is_class_only, label_path, read_labels
from ..formats.text import lines, read_text, short
from ..images.size import image_size
from ..writers.coco import CATEGORIES
from ..writers.voc import PREFIX
from .objects import Detections, Truth

MAX_EXACT = 1 << 53  # above, a float leaves whole numbers out
MAX_NUMBER = (1 << 63) - 1  # of an image, in our arrays


def read_truth(
    images: Sequence[str],
    classes: int,
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
    difficult: Sequence[str] | None = None,
    background: bool = False,
) -> Truth:
    """The truth of images 0, 1, 2... from their label files, boxes in pixels.

    `sizes` (width, height) are read from the images unless given. `difficult`: as many images whose label
    files hold the difficult objects, as AlexeyAB's key of that name. Class-only objects are left out. DataError
    for a label file that is wrong, or missing, unless that is `background`.
    """
    parts = [
        _boxes(i, path, classes, sizes[i] if sizes else None, False)
        for i, path in enumerate(images)
        if not (background and find_label(path) is None)
    ]
    if difficult is not None:
        if len(difficult) != len(images):
            raise DataError(f"difficult: expected a path for each of {len(images)} images, found {len(difficult)}")
        parts += [
            _boxes(i, path, classes, sizes[i] if sizes else image_size(images[i]), True)
            for i, path in enumerate(difficult)
        ]
    return Truth.of(*(np.concatenate([part[column] for part in parts] or [np.empty(0)]) for column in range(4)))


def read_voc_results(
    folder: str | PathLike[str], names: Sequence[str], images: Sequence[str], *, inclusive: bool = False
) -> Detections:
    """Darknet's `comp4_det_test_<class>.txt` of each class, for the images with these paths or names.

    Edges count pixels from 1 there. With `inclusive` a box holds its last pixel too, as VOC's own kit
    counts; Darknet's writer doesn't. DataError for a missing file, a wrong line, an unknown image.
    """
    numbers = {_stem(path): i for i, path in enumerate(images)}
    rows: list[tuple[int, int, list[float]]] = []
    for class_id, name in enumerate(names):
        file = os.path.join(fspath(folder), f"{PREFIX}{name.replace('/', '_')}.txt")
        for number, line in _lines(file):
            # The name of an image may have blanks.
            stem, *values = line.rsplit(maxsplit=5)
            if stem not in numbers:
                raise DataError.at(file, number, f"{short(stem)!r} is none of the {len(images)} images")
            rows.append((numbers[stem], class_id, _floats(file, number, values, 5)))
    return _from_edges(rows, 1.0, float(inclusive))


def read_imagenet_results(file: str | PathLike[str]) -> Detections:
    """Darknet's `imagenet-detection.txt`. Its images and classes count from 1, ours from 0. DataError."""
    rows = []
    for number, line in _lines(fspath(file)):
        image, class_id, *values = _floats(fspath(file), number, line.split(), 7)
        if not all(1 <= each <= MAX_EXACT and each % 1 == 0 for each in (image, class_id)):
            raise DataError.at(fspath(file), number, "expected image and class as numbers from 1")
        rows.append((int(image) - 1, int(class_id) - 1, values))
    return _from_edges(rows, 0.0, 0.0)


def read_coco_results(
    file: str | PathLike[str], classes: int, image_ids: Mapping[int, int] | None = None
) -> Detections:
    """COCO's results format, as in `coco_results.json`.

    `image_ids` gives the number of each image's COCO id; without it the id is the number. Category ids are
    COCO's for 80 classes, else the class plus 1, as Darknet writes them. DataError.
    """
    name = fspath(file)
    entries = read_json(name)
    if not isinstance(entries, list):
        raise DataError.at(name, None, "expected a list of detections")
    categories = CATEGORIES if classes == len(CATEGORIES) else range(1, classes + 1)
    numbers = {category: i for i, category in enumerate(categories)}
    rows = []
    for index, entry in enumerate(entries):
        try:
            image = whole(entry["image_id"])
            box = [float(value) for value in entry["bbox"]]
            left, top, width, height = box
            row = (numbers[whole(entry["category_id"])], [left, top, width, height], float(entry["score"]))
            if abs(image) > MAX_NUMBER or not np.isfinite([*box, row[2]]).all():
                raise ValueError("beyond all numbers")
            rows.append((image if image_ids is None else image_ids[image], *row))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            message = f"detection {index}: expected image_id, category_id, bbox and score of this data set, found "
            raise DataError.at(name, None, message + short(repr(entry))) from error
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return Detections.of(*columns)


def _boxes(
    image: int, path: str, classes: int, size: tuple[int, int] | None, difficult: bool
) -> tuple[np.ndarray[Any, Any], ...]:
    label = find_label(path)
    if label is None:
        raise DataError(f"{path}: has no label file; expected {label_path(path)} (empty if nothing is to be seen)")
    objects = read_labels(label, classes).astype(np.float64)
    objects = objects[~is_class_only(objects.astype(np.float32))]
    width, height = size or (image_size(path) if len(objects) else (1, 1))
    centre, sides = (objects[:, part] * (width, height) for part in (CENTRE, SIZE))
    box = np.concatenate([centre - sides / 2, sides], axis=1)
    count = len(objects)
    return np.full(count, image), objects[:, CLASS], box, np.full(count, difficult)


def _from_edges(rows: Sequence[tuple[int, int, Sequence[float]]], first: float, last: float) -> Detections:
    """From (image, class, [score, left, top, right, bottom]), the first pixel having that number."""
    values = np.array([row[2] for row in rows], np.float64).reshape(-1, 5)
    box = np.concatenate([values[:, 1:3] - first, values[:, 3:] - values[:, 1:3] + last], axis=1)
    return Detections.of([row[0] for row in rows], [row[1] for row in rows], box, values[:, 0])


def _lines(file: str) -> list[tuple[int, str]]:
    text = read_text(file, MAX_BYTES, lambda message: DataError.at(file, None, message))
    return [(number, line) for number, line in enumerate(lines(text), 1) if line.strip()]


def _floats(file: str, number: int, fields: Sequence[str], count: int) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise DataError.at(file, number, f"expected {count} numbers, found {short(' '.join(fields))!r}")
    return values


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
