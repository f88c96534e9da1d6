"""Ops of augmentation against naive versions, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.train.augment import Colour
from tests.lib.guarded import Arrays
from tests.lib.looks import LOOKS, Bytes, F, Floats, painted, random_image
from tests.reference import augment as naive


def look(colour: Colour, flip: bool) -> tuple[bool, float, float, float]:
    return flip, colour.hue, colour.saturation, colour.exposure


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
    image = random_image(*from_size)
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
    image = random_image(*from_size)
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
    image = random_image(*from_size)
    for colour in LOOKS[:2]:
        y = arrays.empty(1, 3, *to_size)
        ops.augment_turn(image, y, *turn, *look(colour, flip))
        np.testing.assert_array_equal(y[0], painted(naive.turn(image, *to_size, *turn), colour, flip))


def test_neutral_colours_change_nothing(ops: Ops, arrays: Arrays) -> None:
    """Where Darknet goes to hue and back it loses a rounding or two; nobody wants those."""
    image = random_image(31, 41)
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
def test_wrong_arguments(ops: Ops, call: Callable[[Ops, Bytes, Floats], None], message: str) -> None:
    with pytest.raises(ValueError, match=f"augment_.*{message}"):
        call(ops, random_image(5, 5), np.zeros((1, 3, 5, 5), F))
