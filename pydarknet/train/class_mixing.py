"""AlexeyAB's `mixup`, `cutmix`, `mosaic` and `blur` of [net] for classifiers: several images in one, whose truths
count as much as is seen of them. Every other image stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .augment import Draw, coin
from .disturb import blur_whole
from .mixing import OFFSET, another
from .tasks import ClassificationTask
from .truth import Floats

F = np.float32
Mixing = Literal["", "mixup", "cutmix", "mosaic", "cutmix or mosaic"]
LEAST, MOST = 0.3, 0.8  # of a side, what cutmix pastes
USUAL_BLUR = 15  # pixels, of blur=1


@dataclass(frozen=True)
class MixedClasses:
    """Images of `inner`, mixed in the way named. `blur`: every fourth image is blurred by squares of so many pixels,
    15 of them if it is 1."""

    inner: ClassificationTask
    images: Sequence[str] = field(repr=False)
    mixing: Mixing = ""
    blur: int = 0

    @property
    def truth_shape(self) -> tuple[int, ...]:
        return self.inner.truth_shape

    def load(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image and perhaps others, by their paths."""
        draw = self.inner.load(path, rng, x, truth)
        if self.mixing and coin(rng):
            self._mix(rng, x, truth)
        if self.blur and not rng.integers(4):
            blur_whole(x, USUAL_BLUR if self.blur == 1 else self.blur)
        return draw

    def _mix(self, rng: np.random.Generator, x: Floats, truth: Floats) -> None:
        mixing = self.mixing
        if mixing == "cutmix or mosaic":
            mixing = "cutmix" if coin(rng) else "mosaic"
        if mixing == "mosaic":
            self._mosaic(rng, x, truth)
            return
        other, its = self._another(rng, x, truth)
        if mixing == "mixup":
            x += other
            x *= F(0.5)
            share = 0.5
        else:
            part, share = drawn_part(rng, x.shape[2], x.shape[1])
            x[part] = other[part]
        truth *= F(1 - share)
        truth += F(share) * its

    def _mosaic(self, rng: np.random.Generator, x: Floats, truth: Floats) -> None:
        h, w = x.shape[1:]
        column, row = (int(rng.integers(int(n * OFFSET), int(n * (1 - OFFSET)), endpoint=True)) for n in (w, h))
        truth *= F(row * column / (w * h))
        for down, across in ((slice(0, row), slice(column, w)), (slice(row, h), slice(0, column)),
                             (slice(row, h), slice(column, w))):  # fmt: skip
            other, its = self._another(rng, x, truth)
            x[:, down, across] = other[:, down, across]
            truth += F((down.stop - down.start) * (across.stop - across.start) / (w * h)) * its

    def _another(self, rng: np.random.Generator, x: Floats, truth: Floats) -> tuple[Floats, Floats]:
        other, its = np.empty_like(x), np.zeros_like(truth)
        self.inner.load(another(self.images, rng), rng, other, its)
        return other, its


def drawn_part(rng: np.random.Generator, w: int, h: int) -> tuple[tuple[slice, slice, slice], float]:
    """Where cutmix pastes, .3 to .8 of both sides, and how much of the image that is."""
    width, height = (int(rng.integers(int(n * LEAST), int(n * MOST), endpoint=True)) for n in (w, h))
    left, top = int(rng.integers(0, max(w - width, 1))), int(rng.integers(0, max(h - height, 1)))
    return (slice(None), slice(top, top + height), slice(left, left + width)), width * height / (w * h)
