"""AlexeyAB's `mosaic` and `mixup` of [net] for detectors: several images of the list in one.

As his program does it: every other image stays as it is, a mosaic is cut at 20 to 80 percent of both sides, its
images are augmented one by one, and every other one of them is moved so that the corner that is shown holds more of
it. Images that have a class only stay alone: nobody knows where in them it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .augment import Crop, Draw, Size, coin
from .tasks import DetectionTask
from .truth import Floats

F = np.float32
OFFSET = 0.2  # of a side, nearest to an edge where a mosaic is cut
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixing(ABC):
    """Loads an image, every other time with others of the list."""

    inner: DetectionTask
    images: Sequence[str] = field(repr=False)

    @property
    def truth_shape(self) -> tuple[int, ...]:
        return self.inner.truth_shape

    def load(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image, alone or with others."""
        alone = path in self.inner.nodes or not coin(rng)
        return (self.inner.load if alone else self.mix)(path, rng, x, truth)

    @abstractmethod
    def mix(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image with others."""


@dataclass(frozen=True)
class MixupTask(Mixing):
    """Two images of equal weight, and the objects of both: the second one's behind those of the first."""

    def mix(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image, and another one on top."""
        draw = self.inner.load(path, rng, x, truth)
        other, rows = np.empty_like(x), np.zeros_like(truth)
        self.inner.load(another(self.images, rng), rng, other, rows)
        x += other
        x *= F(0.5)
        append(truth, rows[rows[:, 0] > 0])
        return draw


@dataclass(frozen=True)
class Corner:
    """One of the four parts of a mosaic of `net`, cut at (x, y); `right` and `low` say which."""

    net: Size
    x: int
    y: int
    right: bool
    low: bool

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of the mosaic."""
        w, h = self.net
        return slice(self.y, h) if self.low else slice(0, self.y), slice(self.x, w) if self.right else slice(
            0, self.x
        )

    def hold(self, draw: Crop, image: Size) -> Crop:
        """The crop moved to the edges of the image whose corner is shown: the far ones of what is left behind."""
        (w, h), right = image, self.right != draw.flip
        return replace(draw, left=w - draw.width if right else 0, top=h - draw.height if self.low else 0)

    def start(self, draw: Crop, image: Size) -> tuple[int, int]:
        """Where in the augmented image the part begins, in pixels of the network: at its outer edges, but that edges
        of nothing are passed over as far as there is something behind them."""
        (w, h), (iw, ih) = self.net, image
        left, right = draw.left, iw - draw.left - draw.width
        if draw.flip:
            left, right = right, left
        top, bottom = draw.top, ih - draw.top - draw.height
        column = min(self.x, max(0, -left * w // iw)) if self.right else (
            w - self.x - min(w - self.x, max(0, -right * w // iw)))  # fmt: skip
        row = min(self.y, max(0, -top * h // ih)) if self.low else (
            h - self.y - min(h - self.y, max(0, -bottom * h // ih)))  # fmt: skip
        return column, row

    def moved(self, rows: Floats, start: tuple[int, int], bound: bool) -> Floats:
        """Truths of the augmented image in the mosaic, cut off at its edges, or (`bound`) at the part's; those
        without a pixel's extent, or outside, are left out."""
        w, h = self.net
        x, y, width, height = rows[:, :4].T
        x = x - F(start[0] - (self.x if self.right else 0)) / F(w)
        y = y - F(start[1] - (self.y if self.low else 0)) / F(h)
        across, down = self.place[1], self.place[0]
        if bound:
            x, width = _within(x, width, w, across)
            y, height = _within(y, height, h, down)
        else:
            x, width = _cut(x, width, w)
            y, height = _cut(y, height, h)
        stays = _inside(x, width, w) & _inside(y, height, h)
        return np.stack([x, y, width, height, rows[:, 4]], axis=1).astype(F)[stays]


@dataclass(frozen=True)
class MosaicTask(Mixing):
    """Four images, each in a corner, and what is seen of their objects. `bound`: objects end where their image ends;
    without it they end at the mosaic's edges, `mosaic_bound` of [net]."""

    bound: bool = False

    def mix(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image with three others."""
        net = x.shape[2], x.shape[1]
        cut = [int(rng.integers(int(side * OFFSET), int(side * (1 - OFFSET)), endpoint=True)) for side in net]
        paths = [path, *(another(self.images, rng) for _ in range(3))]
        truth[...] = 0
        first: Draw | None = None
        part, rows = np.empty_like(x), np.zeros_like(truth)
        for number, each in enumerate(paths):
            corner = Corner(net, cut[0], cut[1], right=number % 2 == 1, low=number >= 2)
            draw = self._add(each, rng, corner, part, rows, x, truth)
            first = first or draw
        assert first is not None
        return first

    def _add(
        self, path: str, rng: np.random.Generator, corner: Corner, part: Floats, rows: Floats, x: Floats,
        truth: Floats,
    ) -> Draw:  # fmt: skip
        loaded = self.inner.draw(path, rng, corner.net, len(x))
        draw = loaded.draw
        if isinstance(draw, Crop) and coin(rng):
            draw = corner.hold(draw, loaded.size)
        self.inner.fill(replace(loaded, draw=draw), part, rows)
        start = corner.start(draw, loaded.size) if isinstance(draw, Crop) else (0, 0)
        down, across = corner.place
        shown = np.s_[
            :, start[1] : start[1] + down.stop - down.start, start[0] : start[0] + across.stop - across.start
        ]
        x[:, down, across] = part[shown]
        append(truth, corner.moved(rows[rows[:, 0] > 0], start, self.bound))
        return draw


def another(images: Sequence[str], rng: np.random.Generator) -> str:
    """One of the list, each as likely."""
    return images[int(rng.integers(len(images)))]


def append(truth: Floats, rows: Floats) -> None:
    """Put rows behind those that there are, as many as find room."""
    count = int(np.count_nonzero(truth[:, 0] > 0))
    room = truth[count : count + len(rows)]
    room[...] = rows[: len(room)]


def _cut(centre: Floats, extent: Floats, side: int) -> tuple[Floats, Floats]:
    """Cut off what is below 0 or above the side, by whole pixels as in C."""
    low, high = _pixels(centre - extent / F(2), side), _pixels(centre + extent / F(2), side)
    under, over = np.minimum(low, 0) / F(side), np.maximum(high - side, 0) / F(side)
    return (centre - under / 2 - over / 2).astype(F), (extent + under - over).astype(F)


def _within(centre: Floats, extent: Floats, side: int, part: slice) -> tuple[Floats, Floats]:
    low = np.maximum(_pixels(centre - extent / F(2), side), part.start)
    high = np.minimum(_pixels(centre + extent / F(2), side), part.stop)
    return ((high + low) / F(2) / F(side)).astype(F), ((high - low) / F(side)).astype(F)


def _inside(centre: Floats, extent: Floats, side: int) -> npt.NDArray[np.bool_]:
    low, high = _pixels(centre - extent / F(2), side), _pixels(centre + extent / F(2), side)
    inside: npt.NDArray[np.bool_] = (low >= 0) & (high <= side) & (centre > 0) & (centre < 1)
    return inside & (extent > F(1) / F(side)) & (extent < 1)


def _pixels(values: npt.NDArray[np.floating[Any]], side: int) -> Ints:
    return (values * F(side)).astype(np.int64)
