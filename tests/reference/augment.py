"""Naive versions of Darknet's augmentation, given the drawn numbers: float32, a step at a time.

Images are uint8 (H, W, 3) BGR as `load_image` gives them; results are (3, h, w) RGB.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
F = np.float32
D = np.float64


def planes(picture: Bytes) -> Floats:
    """RGB in 0..1, (3, H, W)."""
    return np.ascontiguousarray((picture[:, :, ::-1] / 255.0).astype(F).transpose(2, 0, 1))


def black_pixel(x: Floats, row: int, column: int) -> Floats:
    """The three channels of a pixel, 0 outside."""
    if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
        return x[:, row, column]
    return np.zeros(3, F)


def edge_pixel(x: Floats, row: int, column: int) -> Floats:
    """The three channels of the nearest pixel."""
    return x[:, min(max(row, 0), x.shape[1] - 1), min(max(column, 0), x.shape[2] - 1)]


def bilinear(x: Floats, at_x: np.float32, at_y: np.float32, edge: bool = False) -> Floats:
    pixel = edge_pixel if edge else black_pixel
    left, top = math.floor(at_x), math.floor(at_y)
    dx, dy, one = F(at_x - F(left)), F(at_y - F(top)), F(1)
    return (
        (one - dy) * (one - dx) * pixel(x, top, left)
        + dy * (one - dx) * pixel(x, top + 1, left)
        + (one - dy) * dx * pixel(x, top, left + 1)
        + dy * dx * pixel(x, top + 1, left + 1)
    )


def place(picture: Bytes, h: int, w: int, left: int, top: int, width: int, height: int) -> Floats:
    """The image, width x height large, on a canvas of .5."""
    x, canvas = planes(picture), np.full((3, h, w), F(0.5))
    for j in range(height):
        for i in range(width):
            if 0 <= j + top < h and 0 <= i + left < w:
                at_x = F(i) / F(width) * F(x.shape[2])
                at_y = F(j) / F(height) * F(x.shape[1])
                canvas[:, j + top, i + left] = bilinear(x, at_x, at_y)
    return canvas


def crop(picture: Bytes, left: int, top: int, width: int, height: int) -> Floats:
    """A part of the image, the edge repeated outside."""
    x = planes(picture)
    rows = np.clip(np.arange(top, top + height), 0, x.shape[1] - 1)
    columns = np.clip(np.arange(left, left + width), 0, x.shape[2] - 1)
    return np.ascontiguousarray(x[:, rows][:, :, columns])


def resize(x: Floats, w: int, h: int) -> Floats:
    """Darknet's resize, width first."""
    c, from_h, from_w = x.shape
    part = np.zeros((c, from_h, w), F)
    for i in range(w):
        if i == w - 1 or from_w == 1:
            part[:, :, i] = x[:, :, -1]
            continue
        at = F(i) * (F(from_w - 1) / F(w - 1))
        fraction = at - F(int(at))
        part[:, :, i] = (F(1) - fraction) * x[:, :, int(at)] + fraction * x[:, :, int(at) + 1]
    result = np.zeros((c, h, w), F)
    for j in range(h):
        if h == 1 or from_h == 1:
            result[:, j] = part[:, -1]
            continue
        at = F(j) * (F(from_h - 1) / F(h - 1))
        fraction = at - F(int(at))
        result[:, j] = (F(1) - fraction) * part[:, int(at)]
        if j < h - 1:
            result[:, j] += fraction * part[:, int(at) + 1]
    return result


def turn(
    picture: Bytes, h: int, w: int, radians: float, scale: float, aspect: float, dx: float, dy: float, edge: bool
) -> Floats:
    """A window on the turned and enlarged image; positions in double, as C computes them."""
    x = planes(picture)
    rad, s, a = D(F(radians)), F(scale), F(aspect)
    moved_x, moved_y = D(F(dx) / s * a), D(F(dy) / s)
    result = np.zeros((3, h, w), F)
    for j in range(h):
        for i in range(w):
            u = (i - w / 2.0) / D(s) * D(a) + moved_x
            v = (j - h / 2.0) / D(s) + moved_y
            at_x = F(math.cos(rad) * u - math.sin(rad) * v + x.shape[2] / 2.0)
            at_y = F(math.sin(rad) * u + math.cos(rad) * v + x.shape[1] / 2.0)
            result[:, j, i] = bilinear(x, at_x, at_y, edge)
    return result


def to_hsv(rgb: Floats) -> Floats:
    """One pixel."""
    r, g, b = rgb
    most, delta = max(rgb), max(rgb) - min(rgb)
    if most == 0 or delta == 0:  # Darknet's hue is then 0/0, and never looked at
        return np.array([0, 0, most], F)
    if r == most:
        hue = (g - b) / delta
    elif g == most:
        hue = F(2) + (b - r) / delta
    else:
        hue = F(4) + (r - g) / delta
    if hue < 0:
        hue += F(6)
    return np.array([hue / F(6), delta / most, most], F)


def from_hsv(hsv: Floats) -> Floats:
    hue, s, v = F(6) * hsv[0], hsv[1], hsv[2]
    if s == 0:
        return np.array([v, v, v], F)
    sector = math.floor(hue)
    f, one = hue - F(sector), F(1)
    p, q, t = v * (one - s), v * (one - s * f), v * (one - s * (one - f))
    sectors = {0: (v, t, p), 1: (q, v, p), 2: (p, v, t), 3: (p, q, v), 4: (t, p, v)}
    return np.array(sectors.get(sector, (v, p, q)), F)


def distort(x: Floats, hue: float, saturation: float, exposure: float) -> Floats:
    result = np.empty_like(x)
    for j in range(x.shape[1]):
        for i in range(x.shape[2]):
            hsv = to_hsv(x[:, j, i])
            hsv[0] += F(hue)
            if hsv[0] > 1:
                hsv[0] -= F(1)
            if hsv[0] < 0:
                hsv[0] += F(1)
            hsv[1] *= F(saturation)
            hsv[2] *= F(exposure)
            result[:, j, i] = np.clip(from_hsv(hsv), F(0), F(1))
    return result


def flip(x: Floats) -> Floats:
    return np.ascontiguousarray(x[:, :, ::-1])
