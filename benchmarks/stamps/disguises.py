"""Cut-outs made to look like other things, so that finding a thing depends less on what it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from cutouts import Image

RECOLOURED = 0.5  # of the objects of scenes
PLAIN, TEXTURED = (
    0.25,
    0.5,
)  # of odd things: left as they are, and with the surface of a photograph; others recoloured
BENT = 0.6
BEND = 0.25  # the deviation of a bent thing's matrix from the unit matrix


class Recoloured:
    """Half of the cut-outs in strange colours."""

    def __call__(self, rng: np.random.Generator, stamp: Image) -> Image:
        return recoloured(rng, stamp) if rng.random() < RECOLOURED else stamp


@dataclass(frozen=True)
class Odd:
    """Most in strange colours or with the surface of a part of a photograph, and out of shape; upside down, too."""

    photographs: list[Image]

    def __call__(self, rng: np.random.Generator, stamp: Image) -> Image:
        chance = rng.random()
        if chance < TEXTURED:
            stamp = textured(rng, stamp, self.photographs[rng.integers(len(self.photographs))])
        elif chance < 1 - PLAIN:
            stamp = recoloured(rng, stamp)
        return bent(rng, stamp) if rng.random() < BENT else stamp


def recoloured(rng: np.random.Generator, stamp: Image) -> Image:
    """Blue, green and red in another order, and lighter or darker."""
    gains = rng.uniform(0.5, 1.4, 3)
    colours = np.clip(stamp[..., rng.permutation(3)] * gains, 0, 255)
    return np.dstack([colours, stamp[..., 3]]).astype(np.uint8)


def textured(rng: np.random.Generator, stamp: Image, photograph: Image) -> Image:
    """Its outline, filled with a part of the photograph; more or less of its own surface shows through."""
    extent = int(min(photograph.shape[:2]) * rng.uniform(0.1, 0.6))
    top, left = rng.integers(photograph.shape[0] - extent + 1), rng.integers(photograph.shape[1] - extent + 1)
    part = photograph[top : top + extent, left : left + extent]
    surface = cv2.resize(part, stamp.shape[1::-1], interpolation=cv2.INTER_AREA)
    share = rng.uniform(0.3, 1)
    mixed = surface * share + recoloured(rng, stamp)[..., :3] * (1 - share)
    lit = mixed * rng.uniform(0.6, 1.4) + rng.uniform(-40, 40)
    return np.dstack([np.clip(lit, 0, 255), stamp[..., 3]]).astype(np.uint8)


def bent(rng: np.random.Generator, stamp: Image) -> Image:
    """Turned by any angle, sheared and stretched, whole. Colours are weighed by alpha."""
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ (np.eye(2) + rng.normal(0, BEND, (2, 2)))
    height, width = stamp.shape[:2]
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2 @ matrix.T
    size = np.maximum(np.ceil(np.ptp(corners, axis=0)), 8)
    shift = size / 2 - matrix @ [width / 2, height / 2]
    alpha = stamp[..., 3:] / np.float32(255)
    premultiplied = np.dstack([stamp[..., :3] * alpha, stamp[..., 3:]]).astype(np.float32)
    moved: npt.NDArray[np.float32] = cv2.warpAffine(
        premultiplied, np.column_stack([matrix, shift]), (int(size[0]), int(size[1]))
    )
    moved[..., :3] /= np.maximum(moved[..., 3:] / 255, 1e-3)
    return np.clip(moved, 0, 255).astype(np.uint8)
