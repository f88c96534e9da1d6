"""A cfg for one's own data, made of a published one: classes, filters, anchors, size, batch and schedule.

Of a detector, or of a classifier."""

from __future__ import annotations

import os
from os import PathLike, fspath

from ...datasets.dataset import read_dataset
from ...errors import DataError
from ...formats.cfg import parse_cfg
from ...formats.data import read_data
from ...formats.resources import find_cfg
from .classifier import classifier_cfg
from .detector import detector_cfg
from .kinds import check_kind, is_classifier
from .parts import Template


def make_cfg(
    data: str | PathLike[str],
    template: str | PathLike[str],
    *,
    size: int | None = None,
    max_batches: int | None = None,
    seed: int = 0,
) -> Template:
    """The cfg `template` for the classes and boxes of a .data file.

    Its heads get the classes of the data, the convolutions before them the filters, and as many anchors as there were
    are found by k-means over the training boxes. `size`: width and height of the input, a multiple of 32; default:
    the template's. `max_batches`: default 2000 a class, at least 6000 and an iteration an image, as AlexeyAB advises.
    An update is of 64 images, in as many subdivisions as the free memory asks for.

    Of a classifier the last convolution gets as many filters as there are classes; an update is of 128 images, and
    the default is the paper's 160 times all images, but at least 2000 iterations, at the template's rates.
    DataError for wrong data, and data of the other kind; CfgError for a template that can't be changed.
    """
    dataset = read_dataset(data)
    if os.path.isdir(data):
        read_data(data)  # the error, which names a .data file in the folder
    if not dataset.classes:
        raise DataError(f"{fspath(data)}: doesn't say how many classes there are; add classes = N and names = FILE")
    template = find_cfg(template)
    cfg = parse_cfg(template)
    check_kind(cfg, dataset)
    if is_classifier(cfg):
        return classifier_cfg(cfg, dataset, size, max_batches)
    return detector_cfg(cfg, dataset, size, max_batches, seed)
