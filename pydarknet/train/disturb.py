"""AlexeyAB's `blur` and `gaussian_noise` of [net]: drawn after the colours of an image, done after them.

His program adds the positive half of the noise only, since its bytes hold no negative numbers; here both halves.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

AROUND = 1  # blur: all but the objects
AROUND_SIDE = 17  # pixels
LARGEST_NOISE = 127
_BYTE = 255


@dataclass(frozen=True)
class Disturbance:
    """`blur`: the side of the blurred square in pixels, over the whole image, or 1 for all but its objects. `noise`:
    the deviation of what is added, in 255ths, and the `seed` of it."""

    blur: int = 0
    noise: int = 0
    seed: int = 0

    def apply(self, x: Floats, truth: Floats) -> None:
        """Change x (channels, h, w), 0..1; truth (N, 5) are its boxes as heads read them."""
        if self.blur == AROUND:
            _blur_around(x, truth)
        elif self.blur:
            blur_whole(x, _side(self.blur, x, truth))
        if self.noise:
            noise = np.random.default_rng(self.seed).standard_normal(x.shape, np.float32)
            np.clip(x + noise * np.float32(self.noise / _BYTE), 0, 1, out=x)


@dataclass(frozen=True)
class DisturbanceRange:
    """The keys of [net]. An image is left alone, blurred around its objects, or blurred whole by `blur` pixels, each
    a third of the time; every other one gets noise."""

    blur: int = 0
    noise: int = 0

    def draw(self, rng: np.random.Generator) -> Disturbance:
        """What happens to one image; nothing is drawn for a key that isn't given."""
        blur = (0, AROUND, self.blur)[int(rng.integers(3))] if self.blur else 0
        noise = min(self.noise, LARGEST_NOISE) if self.noise and rng.integers(2) else 0
        return Disturbance(blur, noise, int(rng.integers(1 << 32)) if noise else 0)


UNDISTURBED, NEVER_DISTURBED = Disturbance(), DisturbanceRange()


def blur_whole(x: Floats, side: int) -> None:
    """Blur x (channels, h, w) by squares of that many pixels; of an even number one more."""
    for plane in x:
        plane[...] = cv2.GaussianBlur(plane, (side // 2 * 2 + 1,) * 2, 0)


def _side(blur: int, x: Floats, truth: Floats) -> int:
    """No more than an eighth of the smallest object, so that it can still be seen."""
    found = truth[truth[:, 0] > 0]
    if not len(found):
        return blur
    return min(blur, int((found[:, 2:4] * x.shape[:0:-1]).min() / 8))


def _blur_around(x: Floats, truth: Floats) -> None:
    sharp = x.copy()
    blur_whole(x, AROUND_SIDE)
    h, w = x.shape[1:]
    for cx, cy, bw, bh in truth[truth[:, 0] > 0, :4]:
        left, top = int((cx - bw / 2) * w), int((cy - bh / 2) * h)
        part = np.s_[:, max(top, 0) : top + int(bh * h), max(left, 0) : left + int(bw * w)]
        x[part] = sharp[part]
