"""Augmentation: draws as they are applied, boxes against a naive loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.train.augment import (
    Canvas,
    ColourRange,
    Crop,
    Detection,
    Turn,
    centre_square,
    centred,
    stretched,
)
from pydarknet.train.truth import boxes, draw_order
from tests.lib.looks import LOOKS, F, Floats, painted, random_image
from tests.reference import augment as naive


def test_draws_are_applied_as_they_say() -> None:
    """Whole pixels towards zero for the canvas, as C converts."""
    image, out = random_image(20, 30), np.empty((3, 24, 24), F)
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
    """A bright rectangle on black is found in the augmented image where its box says."""
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
