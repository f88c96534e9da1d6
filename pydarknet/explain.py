"""Which parts of an image a detection rests on: D-RISE (arXiv 2006.03204), from outside, for every network.

The image is seen many times, each time with other parts of it greyed out. A part is warm where the detection is
found again, in its place and of its class, when the part can be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from .detection.options import DetectOptions
from .detection.results import Box, Detection
from .images.image import Image
from .images.open_image import Given, open_image
from .network import Network
from .system.arguments import check_count

Floats = npt.NDArray[np.float32]
MASKS, CELLS, SEEN = 400, 12, 0.5
SURE = 0.01  # how sure one of the detections must be that are compared
GREY = 128
WARMTH = 0.5  # of the drawn map over the image


def explain(
    net: Network,
    image: Given,
    found: Sequence[Detection],
    *,
    masks: int = MASKS,
    cells: int = CELLS,
    seed: int = 0,
    batch: int = 4,
    options: DetectOptions | None = None,
) -> list[Floats]:
    """A map (H, W), 0..1, for each of the detections in an image, as `Network.detect` takes one: 1 where it rests on
    most.

    `masks`: how often the image is seen, so many times the time of a detection. `cells`: how many parts a mask has
    along the shorter side, each of which is seen half of the time. The same seed gives the same maps. `options`: how
    the detections were found, of which size, fit and suppression count. DataError, CfgError, ImageError as
    `Network.detect`; ValueError for detections that are none of this image.
    """
    image = open_image(image, "bgr", net.inputs.c)
    found = [found] if isinstance(found, Detection) else found
    theirs = getattr(found, "orig_shape", image.shape[:2])
    if theirs != image.shape[:2]:
        raise ValueError(f"the image has {image.shape[:2]} pixels, that of the detections {theirs}")
    for name, value in (("masks", masks), ("cells", cells), ("batch", batch)):
        check_count(name, value)
    how = net.settle(replace(options or DetectOptions(), thresh=SURE, tile=0, min_size=0.0))
    maps = np.zeros((len(found), *image.shape[:2]), np.float64)
    weights = np.zeros(len(found))
    for chunk in _chunks(_masks(image.shape[:2], cells, masks, seed), batch):
        seen = net.find([_greyed(image, mask) for mask in chunk], how)
        for mask, detections in zip(chunk, seen, strict=True):
            score = np.array([_again(each, detections) for each in found])
            maps += score[:, None, None] * mask
            weights += score
    share = SEEN * weights  # what an indifferent part would have
    return [_scaled(each - expected) for each, expected in zip(maps, share, strict=True)]


def draw_explained(image: Image, heat: Floats) -> Image:
    """The image under its map, from blue (rests on it least) to red, as BGR. ValueError for a map of another size."""
    if heat.shape != image.shape[:2]:
        raise ValueError(f"heat: expected a map of the image's size {image.shape[:2]}, found {heat.shape}")
    colours = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_JET)
    result: Image = cv2.addWeighted(image[:, :, :3], 1 - WARMTH, colours, WARMTH, 0)
    return result


def pointed(heat: Floats, box: Box) -> bool:
    """Whether the warmest place of a map lies within a box: the pointing game."""
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    return bool(box.left <= column <= box.right and box.top <= row <= box.bottom)


def _masks(size: tuple[int, ...], cells: int, count: int, seed: int) -> Iterator[Floats]:
    """Masks (H, W), 0..1: a coarse grid of coins, enlarged smoothly and shifted by less than a cell."""
    rng = np.random.default_rng(seed)
    height, width = size[:2]
    side = math.ceil(min(height, width) / cells)
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    for _ in range(count):
        coins = (rng.random((rows + 1, columns + 1)) < SEEN).astype(np.float32)
        large = cv2.resize(coins, ((columns + 1) * side, (rows + 1) * side), interpolation=cv2.INTER_LINEAR)
        top, left = int(rng.integers(side)), int(rng.integers(side))
        yield large[top : top + height, left : left + width]


def _chunks(masks: Iterator[Floats], size: int) -> Iterator[list[Floats]]:
    chunk: list[Floats] = []
    for mask in masks:
        chunk.append(mask)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _greyed(image: Image, mask: Floats) -> Image:
    seen = mask[..., None]
    greyed: Image = np.rint(image * seen + GREY * (1 - seen)).astype(np.uint8)
    return greyed


def _again(detection: Detection, seen: Sequence[Detection]) -> float:
    """How well a detection is found again: the most of overlap times confidence, of those of its class; along a tree
    of those that end on its path."""
    names = detection.path or (detection.name,)
    alike = [each for each in seen if each.class_id == detection.class_id or each.name in names]
    return max((_overlap(detection.box, each.box) * each.confidence for each in alike), default=0.0)


def _overlap(a: Box, b: Box) -> float:
    width, height = min(a.right, b.right) - max(a.left, b.left), min(a.bottom, b.bottom) - max(a.top, b.top)
    shared = max(width, 0.0) * max(height, 0.0)
    whole = a.w * a.h + b.w * b.h - shared
    return shared / whole if whole > 0 else 0.0


def _scaled(heat: npt.NDArray[np.float64]) -> Floats:
    low, high = float(heat.min()), float(heat.max())
    if high <= low:
        return np.zeros(heat.shape, np.float32)
    return ((heat - low) / (high - low)).astype(np.float32)
