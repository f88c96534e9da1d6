"""Images of a data set with their true boxes drawn, to look at."""

from __future__ import annotations

import os
from os import PathLike, fspath

import numpy as np

from ..detection.results import Box, Detection
from ..errors import DataError
from ..formats.labels import find_label, read_labels
from ..formats.path_labels import Classes
from ..images.draw import draw
from ..images.image import load_image, save_image
from .dataset import DataSet, class_rule_of


def show(
    data: DataSet, out: str | PathLike[str], *, count: int = 16, seed: int = 0, force: bool = False
) -> list[str]:
    """Draw `count` images, drawn by lot, into a folder; returns the files, 0000_NAME.jpg and so on.

    DataError for a wrong label file, and, unless `force`, for a file that is there; ImageError for an image.
    """
    images = data.images
    chosen = np.sort(np.random.default_rng(seed).permutation(len(images))[:count])
    pairs = [(images[i], os.path.join(fspath(out), f"{n:04d}_{_stem(images[i])}.jpg")) for n, i in enumerate(chosen)]
    taken = [target for _, target in pairs if os.path.lexists(target)]
    if taken and not force:
        raise DataError(f"{taken[0]}: exists; choose another folder, or use --force to replace what is there")
    try:
        os.makedirs(fspath(out), exist_ok=True)
    except OSError as error:
        raise DataError(f"{fspath(out)}: can't be made: {error.strerror or error}") from error
    rule = class_rule_of(data)
    for image, target in pairs:
        pixels = load_image(image)
        objects = truth(image, data, pixels.shape[1], pixels.shape[0], rule)
        save_image(target, draw(pixels, objects, classes=data.classes or 80, show_confidence=False))
    return [target for _, target in pairs]


def truth(image: str, data: DataSet, width: int, height: int, rule: Classes | None = None) -> list[Detection]:
    """The objects of an image as if a perfect detector had found them; those with a class only fill the image.
    `rule`: of a classifier's, how a path tells the class."""
    found = []
    for class_id, x, y, w, h in _rows(image, data, rule):
        box = Box(x * width, y * height, w * width, h * height)
        if not any((x, y, w, h)):
            box = Box(width / 2, height / 2, width, height)
        found.append(Detection(int(class_id), data.name_of(int(class_id)), 1.0, 1.0, box))
    return found


def _rows(image: str, data: DataSet, rule: Classes | None) -> list[list[float]]:
    if rule is not None:
        return [[class_id, 0.0, 0.0, 0.0, 0.0] for class_id in rule(image)]
    label = find_label(image)
    rows: list[list[float]] = [] if label is None else read_labels(label, data.classes).tolist()
    return rows


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
