"""Splitting a list of images so that every part has its share of every class."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..formats.data import read_data
from ..formats.data import read_labels as read_path_labels
from ..formats.labels import CLASS, find_label, read_labels
from ..formats.path_labels import Classes
from .convert import Conversion, data_text, write_texts
from .dataset import DataSet, class_rule_of


def split_list(
    data: DataSet, parts: Mapping[str, float], out: str | PathLike[str], seed: int = 0, force: bool = False
) -> dict[str, int]:
    """Write NAME.txt of each part into a folder, and where names are known and a part is to train on, FOLDER.data
    and FOLDER.names; returns how many images each list has.

    All lists of the data set are one here. DataError for names that are no file names, for files that are there
    (unless `force`), and for wrong label files; images without a label file have no class. Of a
    classifier the paths tell it, and FOLDER.labels is written, too.
    """
    wrong = [name for name in parts if not name or os.path.basename(name) != name or name in (".", "..")]
    if wrong:
        raise DataError(f"expected the name of a part, such as train, found {wrong[0]!r}")
    images = data.images
    rule = class_rule_of(data)
    ids = [_classes(path, data, rule) for path in images]
    seen, columns = np.unique(np.concatenate(ids), return_inverse=True)  # of a million classes few may occur
    presence = np.zeros((len(images), max(1, len(seen))), np.int64)
    np.add.at(presence, (np.repeat(np.arange(len(images)), [len(each) for each in ids]), columns), 1)
    chosen = split(presence, parts, seed)
    texts = {
        os.path.join(fspath(out), f"{name}.txt"): "".join(f"{os.path.abspath(images[i])}\n" for i in indices)
        for name, indices in chosen.items()
    }
    folder = Path(os.path.abspath(fspath(out)))
    more = {}
    if data.names and "train" in parts:
        labels = [] if rule is None else read_path_labels(read_data(data.file).path("labels"))
        whole = Conversion(data.names, {name: [] for name in parts}, labels=labels)
        if labels:
            more[str(folder / f"{folder.name}.labels")] = "".join(f"{each}\n" for each in labels)
        more[str(folder / f"{folder.name}.data")] = data_text(whole, folder, folder.name)
        more[str(folder / f"{folder.name}.names")] = "".join(f"{each}\n" for each in data.names)
    write_texts(texts | more, force)
    return dict(zip(texts, map(len, chosen.values()), strict=True))


def _classes(path: str, data: DataSet, rule: Classes | None) -> npt.NDArray[np.int64]:
    """The class of each object of an image; of a classifier's those of its path."""
    if rule is not None:
        return np.array(rule(path), np.int64)
    label = find_label(path)
    return np.empty(0, np.int64) if label is None else read_labels(label, data.classes)[:, CLASS].astype(np.int64)


def split(presence: npt.NDArray[np.integer[Any]], parts: Mapping[str, float], seed: int = 0) -> dict[str, list[int]]:
    """Divide images among parts by their shares; the indices of each, in order.

    `presence` (images, classes): how many objects of each class an image has. Iterative stratification
    (Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-label Data, 2011): the rarest class that is left is
    dealt out first, each image to the part that lacks most of it. DataError for shares that are not positive.
    """
    shares = np.array(list(parts.values()), np.float64)
    if not len(shares) or not (shares > 0).all() or not np.isfinite(shares).all():
        raise DataError(f"expected positive shares, such as train=0.8 valid=0.2, found {dict(parts)}")
    shares /= shares.sum()
    rng = np.random.default_rng(seed)
    objects: npt.NDArray[np.int64] = np.asarray(presence, np.int64)
    room = shares * len(presence)  # images that each part still lacks
    lacking = shares[:, None] * objects.sum(axis=0)[None, :]
    part = np.full(len(presence), -1)
    order = rng.permutation(len(presence))
    remaining = (objects > 0).sum(axis=0)  # images of each class that aren't dealt out yet
    while remaining.any():
        left = order[part[order] < 0]
        rarest = int(np.where(remaining > 0, remaining, np.iinfo(np.int64).max).argmin())
        dealt = left[objects[left, rarest] > 0]
        _deal(dealt, [rarest], objects, part, room, lacking, rng)
        remaining -= (objects[dealt] > 0).sum(axis=0)
    _deal(order[part[order] < 0], [], objects, part, room, lacking, rng)
    return {name: np.flatnonzero(part == i).tolist() for i, name in enumerate(parts)}


def _deal(
    images: npt.NDArray[np.int64],
    by: Sequence[int],
    presence: npt.NDArray[np.int64],
    part: npt.NDArray[np.int64],
    room: npt.NDArray[np.float64],
    lacking: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Give each image to the part that lacks most of the class, then most images, then by chance."""
    for image in images:
        keys = [rng.random(len(room)), room, *(lacking[:, class_id] for class_id in by)]
        chosen = int(np.lexsort(keys)[-1])
        part[image] = chosen
        room[chosen] -= 1
        lacking[chosen] -= presence[image]
