"""Augmentation: ops against naive versions bit for bit, boxes against a naive loop, draws against formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.backends.base import cpu_backend
from pydarknet.backends.ops import Ops
from pydarknet.dialects import DIALECTS
from pydarknet.dialects.base import Window
from pydarknet.errors import DataError
from pydarknet.train.augment import (
    Canvas,
    Classification,
    Colour,
    ColourRange,
    Crop,
    Detection,
    Turn,
    centre_square,
    centred,
    factor,
    stretched,
    uniform,
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


# Distributions. Seeds are fixed: these pass or fail for good.

MANY = 4000
LIMIT = 1.95 / math.sqrt(MANY)  # Kolmogorov and Smirnov's distance, one in a thousand


def distance(values: Sequence[Any], low: float, high: float) -> float:
    """Of the values from an even distribution, as Kolmogorov and Smirnov measure it."""
    ordered = (np.sort(np.array(values, np.float64)) - low) / (high - low)
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    return float(max(np.abs(ordered - ranks[:-1]).max(), np.abs(ordered - ranks[1:]).max()))


def share(condition: npt.ArrayLike) -> float:
    return float(np.mean(np.asarray(condition)))


HALF = 4 * 0.5 / math.sqrt(MANY)  # four standard deviations of a coin's share


def test_uniform_and_factor() -> None:
    rng = np.random.default_rng(1)
    assert distance([uniform(rng, 3, -2) for _ in range(MANY)], -2, 3) < LIMIT
    for limit in (1.5, 0.75):  # yolo9000's saturation is .75
        drawn = np.array([factor(rng, limit) for _ in range(MANY)])
        towards = (drawn > 1) == (limit > 1)
        assert abs(share(towards) - 0.5) < HALF
        low, high = min(1, limit), max(1, limit)
        both = np.where(towards, drawn, 1 / drawn)
        assert distance(list(both), low, high) < LIMIT
    assert {factor(rng, 1) for _ in range(10)} == {1.0}


def test_colours() -> None:
    rng = np.random.default_rng(2)
    drawn = [ColourRange(0.1, 1.5, 2.0).draw(rng) for _ in range(MANY)]
    assert distance([c.hue for c in drawn], -0.1, 0.1) < LIMIT
    assert distance([max(c.saturation, 1 / c.saturation) for c in drawn], 1, 1.5) < LIMIT
    assert distance([max(c.exposure, 1 / c.exposure) for c in drawn], 1, 2) < LIMIT
    table = np.array([[c.hue, c.saturation, c.exposure] for c in drawn])
    correlations = np.corrcoef(table.T)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 4 / math.sqrt(MANY)
    assert ColourRange(0, 0, 0).draw(rng) == Colour()


def test_canvas_draws() -> None:
    """Aspect ratio from (w +- jw) / (h +- jh); one side fills the canvas; the place is even in the room left."""
    rng = np.random.default_rng(3)
    drawn = [Detection("canvas", 0.3).draw(rng, (200, 150), (64, 64)) for _ in range(MANY)]
    aspects = np.array([d.width / d.height for d in drawn])
    assert aspects.min() >= 0.7 * 200 / (1.3 * 150) - 1e-5
    assert aspects.max() <= 1.3 * 200 / (0.7 * 150) + 1e-5
    other = np.random.default_rng(30)
    sides = other.uniform(0.7, 1.3, (MANY, 2)) * [200, 150]
    quantiles = np.linspace(0.02, 0.98, 25)
    formula = np.quantile(sides[:, 0] / sides[:, 1], quantiles)
    np.testing.assert_allclose(np.quantile(aspects, quantiles), formula, rtol=0.03)
    for d in drawn:
        assert isinstance(d, Canvas)
        assert max(d.width, d.height) == 64
    assert distance([d.dx / (64 - d.width) for d in drawn if d.width < 63], 0, 1) < 2 * LIMIT
    assert distance([d.dy / (64 - d.height) for d in drawn if d.height < 63], 0, 1) < LIMIT
    assert abs(share([d.flip for d in drawn]) - 0.5) < HALF


def test_canvas_may_exceed_a_net_that_is_not_square() -> None:
    draw = Detection("canvas", 0.0).draw(np.random.default_rng(4), (100, 100), (96, 32))
    assert isinstance(draw, Canvas)
    assert (draw.width, draw.height) == (96, 96)
    assert -64 <= draw.dy <= 0
    assert draw.dx == 0


def test_crop_draws() -> None:
    """Four sides, each even in +-jitter and cut off towards zero, so that 0 comes twice as often."""
    rng = np.random.default_rng(5)
    drawn = [Detection("crop", 0.1).draw(rng, (200, 100), (64, 64)) for _ in range(MANY)]
    left = np.array([d.left for d in drawn])
    right = np.array([200 - d.left - d.width for d in drawn])
    top = np.array([d.top for d in drawn])
    bottom = np.array([100 - d.top - d.height for d in drawn])
    for values, limit in ((left, 20), (right, 20), (top, 10), (bottom, 10)):
        counts = np.bincount(values + limit, minlength=2 * limit + 1)[1:-1]
        expected = np.full(2 * limit - 1, MANY / (2 * limit))
        expected[limit - 1] *= 2
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        freedom = len(expected) - 1
        assert chi_square < freedom + 3.3 * math.sqrt(2 * freedom)
        assert np.abs(values).max() <= limit
    assert np.abs(np.corrcoef([left, right, top, bottom])[np.triu_indices(4, 1)]).max() < 4 / math.sqrt(MANY)
    assert abs(share([d.flip for d in drawn]) - 0.5) < HALF


def test_resize_of_alexeyab() -> None:
    rng = np.random.default_rng(6)
    drawn = [Detection("crop", 0.0, resize=1.5).draw(rng, (400, 400), (64, 64)) for _ in range(MANY)]
    assert all(isinstance(d, Crop) and d.left == d.top for d in drawn)
    assert distance([d.left for d in drawn], -100, 66) < LIMIT + 2 / 166  # whole pixels
    assert distance([400 - d.left - d.width for d in drawn], -100, 66) < LIMIT + 2 / 166


def test_classification_draws() -> None:
    rng = np.random.default_rng(7)
    augment = Classification(32, 48, angle=7, aspect=1.2, colour=ColourRange(0.1))
    drawn = [augment.draw(rng, (100, 80), (32, 32)) for _ in range(MANY)]
    turns = [d for d in drawn if isinstance(d, Turn)]
    assert len(turns) == MANY
    assert distance([d.radians for d in turns], -math.radians(7), math.radians(7)) < LIMIT
    assert distance([max(d.aspect, 1 / d.aspect) for d in turns], 1, 1.2) < LIMIT
    shorter = np.array([80 if F(100) * F(d.aspect) > 80 else int(F(100) * F(d.aspect)) for d in turns])
    sizes = np.rint(np.array([d.scale for d in turns]) * shorter).astype(int)
    counts = np.bincount(sizes - 32, minlength=17)
    assert len(counts) == 17
    assert float(((counts - MANY / 17) ** 2 / (MANY / 17)).sum()) < 16 + 3.3 * math.sqrt(32)
    room = np.array([(80 * d.scale - 32) / 2 for d in turns])
    wide = room > 1
    assert distance(list((np.array([d.dy for d in turns]) / room)[wide]), -1, 1) < LIMIT * math.sqrt(
        MANY / wide.sum()
    )
    assert abs(share([d.flip for d in turns]) - 0.5) < HALF


def test_held_windows_stay_on_small_pictures() -> None:
    rng = np.random.default_rng(8)
    free = [Classification(16, 16).draw(rng, (50, 50), (32, 32)) for _ in range(50)]
    held = [Classification(16, 16, window=Window(held=True)).draw(rng, (50, 50), (32, 32)) for _ in range(50)]
    assert max(abs(d.dx) for d in free if isinstance(d, Turn)) > 4
    assert all(isinstance(d, Turn) and d.dx == d.dy == 0 for d in held)


def test_shuffle_is_darknets() -> None:
    """Swapping each place with any is not even: of three, three orders come 5 times in 27, the others 4 times."""
    rng = np.random.default_rng(10)
    found: dict[tuple[int, ...], int] = {}
    for _ in range(27 * 300):
        order = tuple(map(int, draw_order(rng, 3)))
        found[order] = found.get(order, 0) + 1
    expected = {(0, 1, 2): 4, (0, 2, 1): 5, (1, 0, 2): 5, (1, 2, 0): 5, (2, 0, 1): 4, (2, 1, 0): 4}
    for order, ways in expected.items():
        assert abs(found[order] - 300 * ways) < 4 * math.sqrt(300 * ways)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Detection("canvas", 1.0), "jitter=1"),
        (lambda: Detection("crop", 0.5), "jitter=0.5"),
        (lambda: Detection("crop", 0.4, resize=1.5), "leave nothing"),
        (lambda: Detection("crop", 0.1, resize=0), "resize=0"),
        (lambda: Detection("canvas", math.nan), "jitter=nan"),
        (lambda: ColourRange(hue=2), "hue=2"),
        (lambda: ColourRange(saturation=-1), "saturation=-1"),
        (lambda: ColourRange(exposure=math.inf), "exposure=inf"),
        (lambda: Classification(0, 10), "min_crop=0"),
        (lambda: Classification(8, 10, angle=math.nan), "angle=nan"),
    ],
)
def test_impossible_options(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()
