"""Large images in tiles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.detection.results import Box, Detection
from pydarknet.detection.tiles import Tile, merged, moved, tiles
from tests.lib import nets


def found(x: float, y: float, w: float, h: float, confidence: float, class_id: int = 0) -> Detection:
    return Detection(class_id, str(class_id), confidence, confidence, Box(x, y, w, h))


@given(st.integers(1, 500), st.integers(1, 500), st.integers(32, 200), st.floats(0, 0.9))
def test_tiles_cover_the_image_and_share_enough(width: int, height: int, side: int, overlap: float):
    places = tiles(width, height, side, overlap)
    if width <= side and height <= side:
        assert places == []
        return
    covered = np.zeros((height, width), bool)
    for each in places:
        assert 0 <= each.left < each.right <= width
        assert 0 <= each.top < each.bottom <= height
        assert each.right - each.left == min(side, width)
        covered[each.top : each.bottom, each.left : each.right] = True
    assert covered.all()
    for starts in (sorted({each.left for each in places}), sorted({each.top for each in places})):
        assert all(b - a <= max(1, round(side * (1 - overlap))) for a, b in pairwise(starts))


def test_halves_become_one_object():
    """The left and the right half of a box in two tiles, and the whole less surely in the image."""
    whole, left, right = found(50, 20, 40, 20, 0.5), found(40, 20, 20, 20, 0.9), found(60, 20, 20, 20, 0.7)
    (one,) = merged([[whole], [left], [right]])
    assert (one.box, one.confidence) == (whole.box, 0.9)


def test_what_one_part_tells_apart_stays_apart():
    a, b = found(50, 20, 40, 20, 0.9), found(55, 20, 40, 20, 0.8)
    assert len(merged([[a, b], []])) == 2
    assert len(merged([[a], [b]])) == 1
    assert len(merged([[a], [found(55, 20, 40, 20, 0.8, class_id=1)]])) == 2
    assert len(merged([[a], [found(150, 20, 40, 20, 0.8)]])) == 2


def test_the_order_is_that_of_confidence():
    result = merged([[found(10, 10, 5, 5, 0.3)], [found(50, 10, 5, 5, 0.8)]])
    assert [each.confidence for each in result] == [0.8, 0.3]
    assert [each.order for each in result] == [(0, 0), (1, 0)]


def test_a_detection_moves_with_its_tile():
    assert moved(found(1, 2, 3, 4, 0.5), 10, 20).box == Box(11, 22, 3, 4)


def test_a_network_looks_at_the_tiles_and_at_the_whole():
    net = nets.network(size=32)
    image = nets.picture(100, 60)
    places = tiles(100, 60, 40, 0.2)
    parts: list[list[Detection]] = [net.detect(image, 0.2)]
    parts += [
        [moved(each, at.left, at.top) for each in net.detect(image[at.top : at.bottom, at.left : at.right], 0.2)]
        for at in places
    ]
    result = net.detect(image, 0.2, tile=40)
    assert list(result) == merged(parts)
    assert len(result) > len(parts[0])
    assert net.detect(image, 0.2, tile=100) == parts[0]  # an image no larger than a tile
    least = net.detect(image, 0.2, tile=40, min_size=20)
    assert list(least) == [each for each in result if min(each.box.w, each.box.h) >= 20]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"tile": 5}, "tile=5"), ({"tile_overlap": 0.95}, "tile_overlap"), ({"min_size": -1}, "min_size"),
     ({"min_size": float("nan")}, "min_size")],
)  # fmt: skip
def test_numbers_out_of_range(options: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        nets.network().detect(nets.picture(), **options)


def test_the_parts_of_a_tile():
    assert tiles(60, 30, 40, 0.5) == [Tile(0, 0, 40, 30), Tile(20, 0, 60, 30)]
