"""Augmentation as the Darknets do it: what is drawn, what the draw does to an image, and to its boxes.

Drawing and applying are apart: a draw is a value that can be kept, compared, and applied again. All numbers are
float32, as in C. What is drawn stands in the order in which the Darknet of each generation draws it:

- `canvas` (pjreddie 2018): width and height of the aspect ratio, dx, dy, hue, saturation and its coin, exposure
  and its coin, flip.
- `crop` (the paper's 2017, AlexeyAB): left, right, top, bottom, flip, hue, saturation and its coin, exposure and
  its coin. AlexeyAB's `resize` draws two numbers before them.
- classification: aspect and its coin, size, angle, dx, dy, flip, hue, saturation and its coin, exposure and its coin.

The order of an image's boxes is drawn last (`pydarknet.train.truth`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..backends.base import cpu_backend
from ..dialects.base import Generation, Window
from ..errors import DataError
from ..images.image import Image
from .disturb import NEVER_DISTURBED, UNDISTURBED, Disturbance, DisturbanceRange
from .paint import Look, paint

Size: TypeAlias = tuple[int, int]  # width, height
Number: TypeAlias = float | np.float32
Frame: TypeAlias = tuple[np.float32, np.float32, np.float32, np.float32]
F = np.float32
MOST_RESIZED = 100.0  # beyond which nothing of an image is left, and sides overflow


@dataclass(frozen=True)
class Colour:
    """Hue is shifted by a part of a turn (-1 to 1), saturation and exposure are factors."""

    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0


@dataclass(frozen=True)
class Canvas:
    """The image `width` x `height` pixels of the network large, its corner at (dx, dy) of a grey canvas.

    Pixels are placed at the whole numbers below; boxes follow the fractions, as in Darknet.
    """

    width: float
    height: float
    dx: float
    dy: float
    flip: bool = False
    colour: Colour = Colour()

    def apply(self, image: Image, out: npt.NDArray[np.float32]) -> None:
        """Fill out (channels, h, w) with the image (uint8, BGR), RGB in 0..1; see `paint`."""
        op, place = cpu_backend().ops.augment_place, (int(self.dx), int(self.dy), int(self.width), int(self.height))
        paint(lambda pixels, planes, look: op(pixels, planes, *place, *look), image, out, _look(self))

    def frame(self, image: Size, net: Size) -> Frame:
        """dx, dy, sx, sy: a side at x of the image lies at x * sx - dx of the network, before flipping."""
        w, h = net
        return -F(self.dx) / F(w), -F(self.dy) / F(h), F(self.width) / F(w), F(self.height) / F(h)


@dataclass(frozen=True)
class Crop:
    """A part of the image, in its pixels, stretched over the network; it may reach over the edges. The disturbance
    is done last, by who knows the boxes."""

    left: int
    top: int
    width: int
    height: int
    flip: bool = False
    colour: Colour = Colour()
    disturbance: Disturbance = UNDISTURBED

    def apply(self, image: Image, out: npt.NDArray[np.float32]) -> None:
        """Fill out (channels, h, w) with the image (uint8, BGR), RGB in 0..1; see `paint`."""
        op, place = cpu_backend().ops.augment_crop, (self.left, self.top, self.width, self.height)
        paint(lambda pixels, planes, look: op(pixels, planes, *place, *look), image, out, _look(self))

    def frame(self, image: Size, net: Size) -> Frame:
        """dx, dy, sx, sy: a side at x of the image lies at x * sx - dx of the network, before flipping."""
        w, h = image
        sx, sy = F(self.width) / F(w), F(self.height) / F(h)
        dx, dy = F(self.left) / F(w) / sx, F(self.top) / F(h) / sy
        return dx, dy, F(1 / float(sx)), F(1 / float(sy))


@dataclass(frozen=True)
class Turn:
    """A window on the image, turned about its centre, enlarged by `scale`, its width divided by `aspect`.

    Outside the image is black, or with `edge` its edge.
    """

    radians: float
    scale: float
    aspect: float
    dx: float
    dy: float
    edge: bool = False
    flip: bool = False
    colour: Colour = Colour()

    def apply(self, image: Image, out: npt.NDArray[np.float32]) -> None:
        """Fill out (channels, h, w) with the image (uint8, BGR), RGB in 0..1; see `paint`."""
        op, place = cpu_backend().ops.augment_turn, (self.radians, self.scale, self.aspect, self.dx, self.dy)
        paint(lambda pixels, planes, look: op(pixels, planes, *place, self.edge, *look), image, out, _look(self))


@dataclass(frozen=True)
class ColourRange:
    """hue, saturation and exposure of [net]: the largest change. 0 stands for 1 with the factors, as in Darknet."""

    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= abs(self.hue) <= 1:
            raise DataError(f"hue={self.hue:g}: expected 0 to 1, a part of the circle of colours")
        for name, value in (("saturation", self.saturation), ("exposure", self.exposure)):
            if not 0 <= value < math.inf:
                raise DataError(f"{name}={value:g}: expected a factor above 0, for instance 1.5")

    def draw(self, rng: np.random.Generator) -> Colour:
        """Hue even in +-hue; a factor even between 1 and its limit, or one over that."""
        hue = float(uniform(rng, -self.hue, self.hue))
        return Colour(hue, factor(rng, self.saturation or 1), factor(rng, self.exposure or 1))


@dataclass(frozen=True)
class Detection:
    """How images with boxes vary: `jitter` and `resize` of the head, colours of [net], `flip` where allowed. Of the
    generation `crop`: `letterbox` keeps their aspect, with edges of nothing, and `disturbance` is AlexeyAB's."""

    generation: Generation = "canvas"
    jitter: float = 0.2
    resize: float = 1.0
    flip: bool = True
    colour: ColourRange = ColourRange()
    letterbox: bool = False
    disturbance: DisturbanceRange = NEVER_DISTURBED

    def __post_init__(self) -> None:
        limit = 1.0 if self.generation == "canvas" else 0.5
        if not 0 <= self.jitter < limit:
            raise DataError(f"jitter={self.jitter:g}: expected 0 to below {limit:g}, a part of the image's sides")
        if not 1 / MOST_RESIZED <= self.resize <= MOST_RESIZED:
            expected = f"a factor from {1 / MOST_RESIZED:g} to {MOST_RESIZED:g}, for instance 1.5"
            raise DataError(f"resize={self.resize:g}: expected {expected}")
        if self.generation == "crop" and self.jitter + _most_cut(self.resize) >= 0.5:
            raise DataError(f"jitter={self.jitter:g} and resize={self.resize:g} may leave nothing of an image")

    def draw(self, rng: np.random.Generator, image: Size, net: Size) -> Canvas | Crop:
        """What happens to one image of that size (width, height)."""
        return self._canvas(rng, image, net) if self.generation == "canvas" else self._crop(rng, image, net)

    def _canvas(self, rng: np.random.Generator, image: Size, net: Size) -> Canvas:
        (iw, ih), (w, h) = image, net
        dw, dh = F(self.jitter) * F(iw), F(self.jitter) * F(ih)
        aspect = (F(iw) + uniform(rng, -dw, dw)) / (F(ih) + uniform(rng, -dh, dh))
        width, height = placed_size(aspect, net)
        dx, dy = uniform(rng, F(0), F(w) - width), uniform(rng, F(0), F(h) - height)
        colour = self.colour.draw(rng)
        return Canvas(float(width), float(height), float(dx), float(dy), coin(rng) and self.flip, colour)

    def _crop(self, rng: np.random.Generator, image: Size, net: Size) -> Crop:
        iw, ih = image
        grown = [F(rng.random(dtype=F)) for _ in range(2)] if self.resize != 1 else []
        dw, dh = int(F(iw) * F(self.jitter)), int(F(ih) * F(self.jitter))
        left, right = (int(uniform(rng, -dw, dw)) for _ in range(2))
        top, bottom = (int(uniform(rng, -dh, dh)) for _ in range(2))
        if grown:
            left, top = (_resized(a, side, self.resize, grown[0]) for a, side in ((left, iw), (top, ih)))
            right, bottom = (_resized(a, side, self.resize, grown[1]) for a, side in ((right, iw), (bottom, ih)))
        if self.letterbox:
            left, right, top, bottom = widened((left, right, top, bottom), image, net)
        flip = coin(rng) and self.flip
        width, height = max(iw - left - right, 1), max(ih - top - bottom, 1)
        return Crop(left, top, width, height, flip, self.colour.draw(rng), self.disturbance.draw(rng))


@dataclass(frozen=True)
class Classification:
    """How images with a class vary, as [net] says; `low` and `high` are min_crop and max_crop in pixels.

    `ratios`: instead, these two as parts of the network's width, where that changes. `centre`: the largest square in
    the middle instead of a window, [net] center=1 of 2018.
    """

    low: int
    high: int
    angle: float = 0.0
    aspect: float = 1.0
    flip: bool = True
    window: Window = field(default_factory=Window)
    centre: bool = False
    colour: ColourRange = ColourRange()
    ratios: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if min(self.low, self.high) < 1:
            raise DataError(f"min_crop={self.low} max_crop={self.high}: expected sizes in pixels, above 0")
        if not (math.isfinite(self.angle) and 0 <= self.aspect < math.inf):
            raise DataError(f"angle={self.angle:g} aspect={self.aspect:g}: expected degrees, and a factor above 0")

    def draw(self, rng: np.random.Generator, image: Size, net: Size) -> Turn | Crop:
        """What happens to one image of that size (width, height)."""
        if self.centre:
            flip = coin(rng) and self.flip
            return replace(centre_square(image), flip=flip, colour=self.colour.draw(rng))
        (iw, ih), w = image, net[0]
        aspect = F(factor(rng, self.aspect or 1))
        low, high = sorted(self._crops(w))
        size = int(rng.integers(low, high, endpoint=True))
        shorter = max(ih if F(ih) < F(iw) * aspect else int(F(iw) * aspect), 1)
        scale = F(size) / F(shorter)
        radians = math.radians(uniform(rng, -self.angle, self.angle))
        # Darknet takes the network's width from both sides: its classifiers are square.
        room_x, room_y = (F(iw) * scale / aspect - F(w)) / F(2), (F(ih) * scale - F(w)) / F(2)
        if self.window.held:
            room_x, room_y = max(room_x, F(0)), max(room_y, F(0))
        dx, dy = uniform(rng, -room_x, room_x), uniform(rng, -room_y, room_y)
        flip = coin(rng) and self.flip
        place = float(F(radians)), float(scale), float(aspect), float(dx), float(dy)
        return Turn(*place, self.window.edge, flip, self.colour.draw(rng))

    def _crops(self, width: int) -> tuple[int, int]:
        if self.ratios is None:
            return self.low, self.high
        low, high = (max(1, int(F(ratio) * F(width))) for ratio in self.ratios)
        return low, high


Draw: TypeAlias = Canvas | Crop | Turn


def widened(cuts: tuple[int, int, int, int], image: Size, net: Size) -> tuple[int, int, int, int]:
    """AlexeyAB's letter_box: less is cut off (left, right, top, bottom) so that the whole image would keep its aspect
    in the network."""
    left, right, top, bottom = cuts
    iw, ih = image
    aspect = F(net[0]) / F(net[1])
    if F(iw) / F(ih) / aspect > 1:
        more = (F(iw) / aspect - F(ih)) / F(2)
        return left, right, int(F(top) - more), int(F(bottom) - more)
    more = (F(ih) * aspect - F(iw)) / F(2)
    return int(F(left) - more), int(F(right) - more), top, bottom


def stretched(image: Size) -> Crop:
    """No augmentation in the crop generation: the whole image, stretched, as `image.stretch` does."""
    return Crop(0, 0, *image)


def centred(image: Size, net: Size) -> Canvas:
    """No augmentation in the canvas generation: the whole image in its aspect, in the middle."""
    width, height = placed_size(F(image[0]) / F(image[1]), net)
    dx, dy = (F(net[0]) - width) / F(2), (F(net[1]) - height) / F(2)
    return Canvas(float(width), float(height), float(dx), float(dy))


def centre_square(image: Size) -> Crop:
    """The largest square in the middle: what classifiers are validated on, and trained on with center=1."""
    side = min(image)
    return Crop((image[0] - side) // 2, (image[1] - side) // 2, side, side)


def placed_size(aspect: np.float32, net: Size) -> tuple[np.float32, np.float32]:
    """Width and height on a canvas of the network's size: one side fills it, if the network is square.

    On others the image may exceed the canvas, as in Darknet.
    """
    w, h = F(net[0]), F(net[1])
    return (h * aspect, h) if aspect < 1 else (w, w / aspect)


def uniform(rng: np.random.Generator, low: Number, high: Number) -> np.float32:
    """Even between the two, whichever is larger."""
    low, high = min(low, high), max(low, high)
    return F(rng.random(dtype=F) * F(F(high) - F(low)) + F(low))


def factor(rng: np.random.Generator, limit: float) -> float:
    """Even between 1 and the limit, or, by the toss of a coin, one over that."""
    scale = uniform(rng, 1, limit)
    return float(scale) if coin(rng) else float(F(1 / float(scale)))


def coin(rng: np.random.Generator) -> bool:
    """True every other time."""
    return bool(rng.integers(2))


def _look(draw: Draw) -> Look:
    return draw.flip, draw.colour.hue, draw.colour.saturation, draw.colour.exposure


def _most_cut(resize: float) -> float:
    """The largest part of a side that `resize` cuts off at one end."""
    return (1 - min(resize, 1 / resize)) / 2 if resize >= 1 else 0.0


def _resized(cut: int, side: int, resize: float, part: np.float32) -> int:
    """AlexeyAB's `resize`: the cut is moved evenly between a smaller and (from 1 on) a larger image."""
    one, two = F(1), F(2)
    down, up = (one / F(resize), F(resize)) if resize > 1 else (F(resize), one / F(resize))
    least = int(F(side) * (one - one / down) / two)
    most = int(F(side) * (one - one / up) / two) if resize >= 1 else 0
    return int(F(cut) + (part * F(most - least) + F(least)))
