"""Random truths and detections: images, near misses, equal scores, and objects of every kind."""

from __future__ import annotations

import numpy as np

from pydarknet.evaluate import Detections, Truth


def random_set(
    seed: int, *, whole: bool = False, difficult: float = 0.0, crowd: float = 0.0, classes: int = 3, images: int = 4
) -> tuple[Truth, Detections]:
    """With `whole`, all numbers are small integers, so that overlaps and scores are often equal."""
    rng = np.random.default_rng(seed)
    objects, extra = int(rng.integers(0, 25)), int(rng.integers(0, 25))
    # Sides around the limits of COCO's sizes, 32 and 96.
    box = np.concatenate([rng.uniform(0, 300, (objects, 2)), np.exp(rng.uniform(2, 5.3, (objects, 2)))], axis=1)
    near = np.repeat(box, rng.integers(0, 4, objects), axis=0)
    near[:, :2] += rng.normal(0, 0.12, (len(near), 2)) * near[:, 2:]
    near[:, 2:] *= np.exp(rng.normal(0, 0.15, (len(near), 2)))
    far = np.concatenate([rng.uniform(0, 300, (extra, 2)), np.exp(rng.uniform(2, 5.3, (extra, 2)))], axis=1)
    found = np.concatenate([near, far])
    image = rng.integers(0, images, objects)
    class_id = rng.integers(0, classes, objects)
    source = (np.abs(near[:, None] - box[None]).sum(2)).argmin(1) if len(near) else np.empty(0, int)
    found_image = np.concatenate([image[source], rng.integers(0, images, extra)])
    found_class = np.concatenate([class_id[source], rng.integers(0, classes, extra)])
    score = rng.random(len(found))
    if whole:
        grid = 16
        box, found = np.maximum(np.round(box / grid), [0, 0, 1, 1]) * grid, np.round(found / grid) * grid
        found[:, 2:] = np.maximum(found[:, 2:], grid)
        score = np.round(score * 4) / 4
    order = rng.permutation(len(found))
    truth = Truth.of(image, class_id, box, rng.random(objects) < difficult, rng.random(objects) < crowd)
    return truth, Detections.of(found_image[order], found_class[order], found[order], score[order])
