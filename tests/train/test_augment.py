"""Augmentation: ops against naive versions bit for bit, boxes against a naive loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.backends.base import cpu_backend
from pydarknet.backends.ops import Ops
from pydarknet.dialects import DIALECTS
from pydarknet.train.augment import (
    Canvas,
    Colour,
    ColourRange,
    Crop,
    Detection,
    Turn,
    centre_square,
    centred,
    stretched,
)
from pydarknet.train.truth import boxes, draw_order
from tests.lib.guarded import Arrays
from tests.reference import augment as naive

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
F = np.float32

LOOKS = [Colour(), Colour(0.1, 1.5, 0.6), Colour(-0.9, 0.3, 2.0), Colour(1.0, 0.0, 1.0), Colour(-1.0, 2.5, 1.1)]


def picture(h: int, w: int, seed: int = 0) -> Bytes:
    """Random, with greys, black, white and pure colours, where hue is odd."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (h, w, 3), np.uint8)
    odd = np.array([[0, 0, 0], [255, 255, 255], [7, 7, 7], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]])
    image.reshape(-1, 3)[: len(odd)] = odd[: h * w]
    return image


def look(colour: Colour, flip: bool) -> tuple[bool, float, float, float]:
    return flip, colour.hue, colour.saturation, colour.exposure


def painted(x: Floats, colour: Colour, flip: bool) -> Floats:
    if colour != Colour():
        x = naive.distort(x, colour.hue, colour.saturation, colour.exposure)
    return naive.flip(x) if flip else x


# Picture (h, w), output (h, w), and the frame: left, top, width, height.
PLACES = [
    ((9, 13), (8, 10), (0, 0, 10, 8)),
    ((9, 13), (16, 17), (3, 2, 9, 11)),
    ((9, 13), (16, 17), (-4, -3, 30, 27)),
    ((1, 1), (5, 5), (1, 1, 3, 3)),
    ((31, 20), (6, 7), (0, 1, 7, 4)),
    ((5, 5), (6, 6), (0, 0, 0, 4)),
    ((5, 5), (6, 6), (7, 0, 3, 4)),
    ((5, 7), (6, 19), (2, -9, 19, 6)),
]
CROPS = [
    ((9, 13), (8, 10), (0, 0, 13, 9)),
    ((9, 13), (16, 17), (-4, -3, 20, 14)),
    ((9, 13), (6, 33), (3, 2, 4, 5)),
    ((9, 13), (5, 5), (12, 8, 1, 1)),
    ((1, 1), (4, 3), (-2, -2, 5, 5)),
    ((9, 13), (1, 1), (1, 1, 4, 4)),
    ((9, 13), (4, 4), (40, -30, 6, 6)),
]
TURNS = [
    ((9, 13), (8, 10), (0.0, 1.0, 1.0, 0.0, 0.0, False)),
    ((9, 13), (16, 17), (0.3, 1.4, 1.2, 2.5, -3.25, False)),
    ((20, 9), (5, 20), (-2.0, 0.4, 0.7, -4.0, 3.0, False)),
    ((1, 1), (5, 5), (0.1, 3.0, 1.0, 0.5, 0.5, False)),
    ((9, 13), (4, 4), (0.0, 1.0, 1.0, 1e9, -1e30, False)),
    ((9, 13), (16, 17), (0.3, 0.4, 1.2, 2.5, -3.25, True)),
    ((1, 1), (5, 5), (0.1, 3.0, 1.0, 0.5, 0.5, True)),
    ((9, 13), (4, 4), (0.5, 1.0, 1.0, 1e9, -1e30, True)),
]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("from_size", "to_size", "frame"), PLACES)
def test_place(
    ops: Ops, arrays: Arrays, from_size: tuple[int, int], to_size: tuple[int, int], frame: tuple[int, ...], flip: bool
) -> None:
    image = picture(*from_size)
    for colour in LOOKS:
        y = arrays.empty(1, 3, *to_size)
        ops.augment_place(image, y, *frame, *look(colour, flip))
        expected = painted(naive.place(image, *to_size, *frame), colour, flip)
        np.testing.assert_array_equal(y[0], expected)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("from_size", "to_size", "frame"), CROPS)
def test_crop(
    ops: Ops, arrays: Arrays, from_size: tuple[int, int], to_size: tuple[int, int], frame: tuple[int, ...], flip: bool
) -> None:
    image = picture(*from_size)
    for colour in LOOKS:
        y = arrays.empty(1, 3, *to_size)
        ops.augment_crop(image, y, *frame, *look(colour, flip))
        stretched_part = naive.resize(naive.crop(image, *frame), to_size[1], to_size[0])
        np.testing.assert_array_equal(y[0], painted(stretched_part, colour, flip))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("from_size", "to_size", "turn"), TURNS)
def test_turn(
    ops: Ops,
    arrays: Arrays,
    from_size: tuple[int, int],
    to_size: tuple[int, int],
    turn: tuple[float, ...],
    flip: bool,
) -> None:
    image = picture(*from_size)
    for colour in LOOKS[:2]:
        y = arrays.empty(1, 3, *to_size)
        ops.augment_turn(image, y, *turn, *look(colour, flip))
        np.testing.assert_array_equal(y[0], painted(naive.turn(image, *to_size, *turn), colour, flip))


def test_neutral_colours_change_nothing(ops: Ops, arrays: Arrays) -> None:
    """Where Darknet goes to hue and back it loses a rounding or two; nobody wants those."""
    image = picture(31, 41)
    y = arrays.empty(1, 3, 31, 41)
    ops.augment_crop(image, y, 0, 0, 41, 31, *look(Colour(), False))
    np.testing.assert_array_equal(y[0], naive.planes(image))
    # Near black, a part of a rounding of .5 is much of the pixel; hence absolute.
    np.testing.assert_allclose(naive.distort(naive.planes(image), 0, 1, 1), naive.planes(image), rtol=0, atol=5e-7)


def test_whole_circle_of_hues(ops: Ops, arrays: Arrays) -> None:
    """Every sector and its edges, after any shift, at odd lengths of rows."""
    steps = np.linspace(0, 6, 97)
    wheel = np.clip(np.abs((steps[:, None] + [0, 4, 2]) % 6 - 3) - 1, 0, 1)
    image = np.rint(np.concatenate([wheel, wheel * 0.6 + 0.2]) * 255).astype(np.uint8)[None]
    for hue in np.linspace(-1, 1, 13):
        y = arrays.empty(1, 3, 1, image.shape[1])
        ops.augment_crop(image, y, 0, 0, image.shape[1], 1, False, hue, 1.3, 0.9)
        np.testing.assert_array_equal(y[0], naive.distort(naive.planes(image), hue, 1.3, 0.9))


WRONG: list[tuple[Callable[[Ops, Bytes, Floats], None], str]] = [
    (lambda ops, x, y: ops.augment_crop(x, y, 0, 0, 0, 5, False, 0, 1, 1), "width"),
    (lambda ops, x, y: ops.augment_crop(x, y, 0, 1 << 30, 5, 5, False, 0, 1, 1), "top"),
    (lambda ops, x, y: ops.augment_place(x, y, 0, 0, 5, -1, False, 0, 1, 1), "height"),
    (lambda ops, x, y: ops.augment_place(x, y, 0, 0, 5, 5, False, 1.5, 1, 1), "hue"),
    (lambda ops, x, y: ops.augment_place(x, y, 0, 0, 5, 5, False, math.nan, 1, 1), "hue"),
    (lambda ops, x, y: ops.augment_place(x, y, 0, 0, 5, 5, False, 0, -1, 1), "saturation"),
    (lambda ops, x, y: ops.augment_place(x, y, 0, 0, 5, 5, False, 0, 1, math.inf), "exposure"),
    (lambda ops, x, y: ops.augment_turn(x, y, math.nan, 1, 1, 0, 0, False, False, 0, 1, 1), "radians"),
    (lambda ops, x, y: ops.augment_turn(x, y, 0, 0, 1, 0, 0, False, False, 0, 1, 1), "scale"),
    (lambda ops, x, y: ops.augment_turn(x, y, 0, 1, -1, 0, 0, False, False, 0, 1, 1), "aspect"),
    (lambda ops, x, y: ops.augment_crop(x[:, :, :2].copy(), y, 0, 0, 5, 5, False, 0, 1, 1), "three channels"),
    (lambda ops, x, y: ops.augment_crop(x, y[:, :2].copy(), 0, 0, 5, 5, False, 0, 1, 1), "y must have"),
    (lambda ops, x, y: ops.augment_crop(x, y[:, :, :0], 0, 0, 5, 5, False, 0, 1, 1), "y must have"),
    (lambda ops, x, y: ops.augment_crop(x.astype(F), y, 0, 0, 5, 5, False, 0, 1, 1), "image"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_arguments(call: Callable[[Ops, Bytes, Floats], None], message: str) -> None:
    with pytest.raises(ValueError, match=f"augment_.*{message}"):
        call(cpu_backend().ops, picture(5, 5), np.zeros((1, 3, 5, 5), F))


def test_draws_are_applied_as_they_say() -> None:
    """Whole pixels towards zero for the canvas, as C converts."""
    image, out = picture(20, 30), np.empty((3, 24, 24), F)
    Canvas(20.9, 17.2, -3.7, 2.6, True, LOOKS[1]).apply(image, out)
    np.testing.assert_array_equal(out, painted(naive.place(image, 24, 24, -3, 2, 20, 17), LOOKS[1], True))
    Crop(-3, 2, 25, 17, True, LOOKS[1]).apply(image, out)
    np.testing.assert_array_equal(
        out, painted(naive.resize(naive.crop(image, -3, 2, 25, 17), 24, 24), LOOKS[1], True)
    )
    Turn(0.2, 1.3, 0.9, 3.0, -2.0, True, True, LOOKS[1]).apply(image, out)
    np.testing.assert_array_equal(
        out, painted(naive.turn(image, 24, 24, 0.2, 1.3, 0.9, 3.0, -2.0, True), LOOKS[1], True)
    )


def test_neutral_draws() -> None:
    assert stretched((30, 20)) == Crop(0, 0, 30, 20)
    assert centre_square((30, 21)) == Crop(4, 0, 21, 21)
    assert centred((40, 20), (32, 32)) == Canvas(32, 16, 0, 8)
    assert centred((20, 40), (32, 32)) == Canvas(16, 32, 8, 0)


# Boxes.


def naive_boxes(draw: Canvas | Crop, labels: Floats, image: tuple[int, int], net: tuple[int, int], dialect: str,
                maximum: int) -> list[list[float]]:  # fmt: skip
    """One box after another, in float32."""
    rows: list[list[Any]] = [[F(0)] * 5 for _ in range(maximum)]
    at = 0
    for class_id, x, y, w, h in labels[:maximum]:
        if x == 0 and y == 0:
            moved = [F(999999)] * 4
        else:
            dx, dy, sx, sy = draw.frame(image, net)
            left, right = F(x - w / F(2)) * sx - dx, F(x + w / F(2)) * sx - dx
            top, bottom = F(y - h / F(2)) * sy - dy, F(y + h / F(2)) * sy - dy
            if draw.flip:
                left, right = F(1) - right, F(1) - left
            left, right, top, bottom = (min(max(side, F(0)), F(1)) for side in (left, right, top, bottom))
            moved = [(left + right) / F(2), (top + bottom) / F(2), right - left, bottom - top]
        drop = {
            "paper2017": float(moved[2]) < 0.005 or float(moved[3]) < 0.005,
            "darknet2018": float(moved[2]) < 0.001 or float(moved[3]) < 0.001,
            "alexeyab": moved[2] < F(1 / net[0]) or moved[3] < F(1 / net[1]) or moved[0] > 1 or moved[0] <= 0,
        }[dialect]
        if not drop:
            rows[at] = [*moved, class_id]
        at += not drop or dialect == "paper2017"
    return rows


@pytest.mark.parametrize("dialect", DIALECTS)
def test_boxes(dialect: str) -> None:
    rng = np.random.default_rng(9)
    image, net = (90, 60), (64, 48)
    lost = cut = 0
    for _ in range(60):
        n = int(rng.integers(0, 9))
        labels = rng.uniform(0, 1, (n, 5)).astype(F)
        labels[:, 3:] *= rng.choice([0.004, 0.02, 1.0], (n, 1)).astype(F)
        labels[:, 0] = rng.integers(0, 20, n)
        labels[rng.random(n) < 0.15, 1:] = 0
        draw: Canvas | Crop = Canvas(*rng.uniform(20, 90, 2), *rng.uniform(-20, 20, 2), bool(rng.integers(2)))
        if rng.integers(2):
            left, top, w, h = map(int, rng.integers([-20, -20, 30, 30], [50, 40, 110, 80]))
            draw = Crop(left, top, w, h, bool(rng.integers(2)))
        order = draw_order(rng, n)
        assert sorted(order) == list(range(n))
        maximum = int(rng.integers(1, 9))
        found = boxes(draw, labels, order, image, net, DIALECTS[dialect].truth, maximum)
        assert found.shape == (maximum, 5)
        assert found.dtype == F
        expected = np.array(naive_boxes(draw, labels[order], image, net, dialect, maximum), F)
        np.testing.assert_array_equal(found, expected)
        lost += n - int(np.count_nonzero(found[:, 2]))
        cut += n > maximum
    assert lost > 50
    assert cut > 5


def test_the_paper_era_loses_what_stands_behind_a_dropped_box() -> None:
    labels = np.array([[1, 0.5, 0.5, 0.3, 0.3], [2, 0.5, 0.5, 0.001, 0.3], [3, 0.4, 0.4, 0.2, 0.2]], F)
    order = np.arange(3)
    holes = boxes(stretched((10, 10)), labels, order, (10, 10), (32, 32), DIALECTS["paper2017"].truth, 4)
    assert holes[:, 4].tolist() == [1, 0, 3, 0]
    assert not holes[1].any()
    tight = boxes(stretched((10, 10)), labels, order, (10, 10), (32, 32), DIALECTS["alexeyab"].truth, 4)
    assert tight[:, 4].tolist() == [1, 3, 0, 0]


@pytest.mark.parametrize("generation", ["canvas", "crop"])
def test_boxes_follow_the_picture(generation: str) -> None:
    """A bright rectangle on black is found in the augmented picture where its box says."""
    rng = np.random.default_rng(21)
    augment = Detection(generation, 0.2, colour=ColourRange(0.05, 1.2, 1.2))  # type: ignore[arg-type]
    image = np.zeros((120, 160, 3), np.uint8)
    image[40:80, 50:120] = 255
    label = np.array([[4, 85 / 160, 0.5, 70 / 160, 40 / 120]], F)
    flipped = 0
    for _ in range(40):
        net = (96, 64)
        draw = augment.draw(rng, (160, 120), net)
        assert not isinstance(draw, Turn)
        out = np.empty((3, 64, 96), F)
        draw.apply(image, out)
        x, y, w, h, class_id = boxes(draw, label, np.arange(1), (160, 120), net, DIALECTS["darknet2018"].truth, 1)[0]
        inside = out.min(axis=0) > 0.7  # above the canvas at its brightest
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        assert class_id == 4
        # Whole pixels, and a canvas that begins at whole pixels: up to one and a half.
        assert abs(columns[0] - (x - w / 2) * 96) < 2
        assert abs(columns[-1] + 1 - (x + w / 2) * 96) < 2
        assert abs(rows[0] - (y - h / 2) * 64) < 2
        assert abs(rows[-1] + 1 - (y + h / 2) * 64) < 2
        flipped += draw.flip
    assert 8 < flipped < 32
