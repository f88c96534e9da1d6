"""Augmentation's draws against formulas. Seeds are fixed: these pass or fail for good."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

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
    factor,
    uniform,
)
from pydarknet.train.truth import draw_order

F = np.float32
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
        (lambda: Detection("crop", 0.1, resize=1e-30), "resize=1e-30: expected a factor from 0.01 to 100"),
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
