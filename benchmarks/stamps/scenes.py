"""Scenes: cut-outs at random scale, rotation, flip and light over a part of a photograph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from cutouts import Image, Stamp

SIDE = 192  # pixels of a scene
TURN = 10  # degrees, the deviation of rotations
STRETCH = 0.15  # logarithm of the factor by which the width grows and the height shrinks, at most
OVERLAP = 0.25  # of the smaller of two boxes
TRIES = 20
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Disguise = Callable[[np.random.Generator, Image], Image]


@dataclass
class Scene:
    """A image and what lies in it: each object's stamp and the box around what its alpha shows."""

    image: Image
    objects: list[tuple[Stamp, Box]]


def compose(
    rng: np.random.Generator,
    background: Image,
    stamps: Sequence[Stamp],
    others: Sequence[Stamp],
    sizes: tuple[float, float],
    disguise: Disguise | None = None,
    side: int = SIDE,
) -> Scene:
    """A scene of the stamps and, unlabelled, the others. `sizes`: of the longer side, in sides of the scene, which is
    square, `side` pixels. `disguise` changes each cut-out first.

    What finds no room is left out.
    """
    image = _part(rng, background, side)
    taken: list[Box] = []
    objects = []
    labelled = [True] * len(stamps) + [False] * len(others)
    order = rng.permutation(len(labelled)) if len(stamps) > 1 else np.arange(len(labelled))
    for i in order:
        stamp = [*stamps, *others][i]
        cutout = stamp.image if disguise is None else disguise(rng, stamp.image)
        box = _paste(rng, image, cutout, sizes, taken)
        if box is None:
            continue
        taken.append(box)
        if labelled[i]:
            objects.append((stamp, box))
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (3, 3), 0)
    noise = rng.normal(0, rng.uniform(0, 6), image.shape)
    return Scene(np.clip(image + noise, 0, 255).astype(np.uint8), objects)


def _part(rng: np.random.Generator, background: Image, side: int) -> Image:
    height, width = background.shape[:2]
    extent = int(min(height, width) * rng.uniform(0.3, 1))
    top, left = rng.integers(height - extent + 1), rng.integers(width - extent + 1)
    part = background[top : top + extent, left : left + extent]
    image: Image = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return _lit(rng, image)


def _lit(rng: np.random.Generator, image: Image) -> Image:
    """Brighter or darker, with more or less contrast."""
    shade = 255 * (image / 255.0) ** rng.uniform(0.7, 1.4) * rng.uniform(0.75, 1.2)
    return np.clip(shade, 0, 255).astype(np.uint8)


def _paste(
    rng: np.random.Generator, image: Image, stamp: Image, sizes: tuple[float, float], taken: Sequence[Box]
) -> Box | None:
    """Draw into `image`; the box, or None where there was no room."""
    side = len(image)
    longest = side * np.exp(rng.uniform(*np.log(sizes)))
    wider = np.exp(rng.uniform(-STRETCH, STRETCH))
    stamp = cv2.resize(stamp, None, fx=wider, fy=1 / wider, interpolation=cv2.INTER_AREA)
    turned = _turned(rng, stamp, longest / max(stamp.shape[:2]))
    solid = turned[..., 3] > 127
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        return None
    turned = turned[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = turned.shape[:2]
    if min(height, width) < 4 or max(height, width) > side:
        return None
    for _ in range(TRIES):
        left, top = int(rng.integers(side - width + 1)), int(rng.integers(side - height + 1))
        box = (float(left), float(top), float(left + width), float(top + height))
        if all(_overlap(box, other) <= OVERLAP for other in taken):
            place = image[top : top + height, left : left + width]
            alpha = turned[..., 3:] / 255.0
            place[:] = _lit(rng, turned[..., :3]) * alpha + place * (1 - alpha)
            return box
    return None


def _turned(rng: np.random.Generator, stamp: Image, scale: float) -> Image:
    """Flipped, resized and rotated, whole. Colours are weighed by alpha, so that none shows what lies behind."""
    if rng.random() < 0.5:
        stamp = stamp[:, ::-1]
    alpha = stamp[..., 3:] / np.float32(255)
    premultiplied = np.dstack([stamp[..., :3] * alpha, stamp[..., 3:]]).astype(np.float32)
    if scale < 1:
        premultiplied = cv2.resize(premultiplied, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        scale = 1.0
    height, width = premultiplied.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.clip(rng.normal(0, TURN), -45, 45)), scale)
    extent = np.abs(matrix[:, :2]) @ [width, height]
    matrix[:, 2] += extent / 2 - [width / 2, height / 2]
    size = (int(np.ceil(extent[0])), int(np.ceil(extent[1])))
    turned: npt.NDArray[np.float32] = cv2.warpAffine(premultiplied, matrix, size, flags=cv2.INTER_LINEAR)
    turned[..., :3] /= np.maximum(turned[..., 3:] / 255, 1e-3)
    return np.clip(turned, 0, 255).astype(np.uint8)


def _overlap(a: Box, b: Box) -> float:
    """What the two share, of the smaller one."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((each[2] - each[0]) * (each[3] - each[1]) for each in (a, b))
    return max(width, 0.0) * max(height, 0.0) / smaller
