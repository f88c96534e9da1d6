"""Images, and colours that augmentation gives them, as its tests want them."""

from __future__ import annotations

import numpy as np

from pydarknet.train.augment import Colour
from tests.reference import augment as naive
from tests.reference.augment import Bytes, F, Floats

__all__ = ["LOOKS", "Bytes", "F", "Floats", "painted", "random_image"]

LOOKS = [Colour(), Colour(0.1, 1.5, 0.6), Colour(-0.9, 0.3, 2.0), Colour(1.0, 0.0, 1.0), Colour(-1.0, 2.5, 1.1)]


def random_image(h: int, w: int, seed: int = 0) -> Bytes:
    """Random, with greys, black, white and pure colours, where hue is odd."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (h, w, 3), np.uint8)
    odd = np.array([[0, 0, 0], [255, 255, 255], [7, 7, 7], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]])
    image.reshape(-1, 3)[: len(odd)] = odd[: h * w]
    return image


def painted(x: Floats, colour: Colour, flip: bool) -> Floats:
    if colour != Colour():
        x = naive.distort(x, colour.hue, colour.saturation, colour.exposure)
    return naive.flip(x) if flip else x
