"""What is decided of a converted data set before it is written: what to validate on, and images that aren't there."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from ..errors import DataError
from .convert import Conversion
from .split import split


def set_aside(data: Conversion, share: float, seed: int = 0) -> Conversion:
    """The data set with a share of its training images to validate on, every class in both as far as it can be.

    A share of 0 leaves it as it is, with a note if there is nothing to validate on. DataError if there is.
    """
    train, valid = (
        next((key for key in keys if key in data.sets), "") for keys in (("train", "trainval"), ("valid", "val"))
    )
    if not share:
        told = (
            [] if valid or "test" in data.sets else ["no images to validate on; --valid 0.2 would set a fifth aside"]
        )
        return replace(data, notes=[*data.notes, *told])
    if valid:
        raise DataError(f"--valid {share:g}: the data set has {len(data.sets[valid])} images to validate on already")
    if not 0 < share < 1:
        raise DataError(f"--valid: expected a share above 0 and below 1, found {share:g}")
    if not train:
        raise DataError(f"--valid {share:g}: the data set has no images to train on, to take some of")
    samples = data.sets[train]
    presence = np.zeros((len(samples), len(data.names)), np.int64)
    for i, sample in enumerate(samples):
        for row in sample.labels:
            presence[i, row[0]] += 1
    parts = split(presence, {"train": 1 - share, "valid": share}, seed)
    note = f"{len(parts['valid'])} of {len(samples)} images are to validate on, chosen by class"
    others = {key: each for key, each in data.sets.items() if key != train}
    sets = {**{key: [samples[i] for i in chosen] for key, chosen in parts.items()}, **others}
    return replace(data, sets=sets, notes=[*data.notes, note])


def without_missing(data: Conversion) -> Conversion:
    """The data set without images that aren't there, which are said. DataError if no image of a set is there."""
    sets, notes = {}, list(data.notes)
    for key, samples in data.sets.items():
        sets[key] = [sample for sample in samples if os.path.lexists(sample.image)]
        missing = [sample.image for sample in samples if not os.path.lexists(sample.image)]
        if missing and not sets[key]:
            raise DataError(
                f"{missing[0]}: no such image, nor any other of {len(samples)}; are they in another folder?"
            )
        if missing:
            notes.append(
                f"left out {len(missing)} of {len(samples)} images that aren't there; the first: {missing[0]}"
            )
    return replace(data, sets=sets, notes=notes)
