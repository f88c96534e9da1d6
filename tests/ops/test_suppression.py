"""Suppression of runs of sorted boxes, against the naive version: the same boxes live on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.contents import Refused, contents
from tests.reference import nms as naive

F = np.float32


def crowd(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.concatenate([rng.random((count, 2)), 0.05 + 0.4 * rng.random((count, 2))], axis=1).astype(F)


def suppress(ops: Ops, boxes: np.ndarray, starts: list[int], thresh: float) -> np.ndarray:
    alive = np.full(len(boxes) + 2, 7, np.int32)  # with guards
    ops.nms(boxes, np.array(starts, np.int32), thresh, alive[1:-1])
    assert alive[0] == alive[-1] == 7
    return alive[1:-1]


@pytest.mark.parametrize("thresh", [0.0, 0.2, 0.45, 1.0])
@pytest.mark.parametrize("starts", [[0], [0, 0], [0, 1], [0, 33, 33, 40], [0, 300], list(range(0, 41, 5))])
def test_against_naive(ops: Ops, starts: list[int], thresh: float) -> None:
    boxes = crowd(np.random.default_rng(len(starts)), starts[-1])
    np.testing.assert_array_equal(suppress(ops, boxes, starts, thresh), naive.suppress(boxes, starts, thresh))


@pytest.mark.parametrize("beta", [0.0, 0.6, 1.0, -0.5])
def test_the_distance_of_centres_takes_from_the_overlap(ops: Ops, beta: float) -> None:
    boxes, starts = crowd(np.random.default_rng(3), 60), [0, 60]
    alive = np.empty(60, np.int32)
    ops.nms(boxes, np.array(starts, np.int32), 0.3, alive, beta)
    np.testing.assert_array_equal(alive, naive.suppress(boxes, starts, 0.3, beta))


def test_boxes_of_one_place_have_no_distance(ops: Ops) -> None:
    alive = np.empty(4, np.int32)
    boxes = np.array([[0.5, 0.5, 0.2, 0.2]] * 2 + [[0.1, 0.1, 0, 0]] * 2, F)
    ops.nms(boxes, np.array([0, 2, 4], np.int32), 0.9, alive, 0.6)
    assert alive.tolist() == [1, 0, 1, 1]


def test_boxes_that_are_no_boxes(ops: Ops) -> None:
    """Empty ones have no overlap, and what holds NaN neither falls nor suppresses."""
    odd = [0.0, 0.5, 0.2, np.nan, np.inf, -np.inf, 1e30]
    grid = np.stack(np.meshgrid(odd, [0.5, np.nan], odd, [0.4, np.inf]), axis=-1)
    boxes = np.random.default_rng(1).permutation(grid.reshape(-1, 4).astype(F))
    for thresh in (0.0, 0.45):
        starts = [0, 90, len(boxes)]
        np.testing.assert_array_equal(suppress(ops, boxes, starts, thresh), naive.suppress(boxes, starts, thresh))


def test_an_overlap_equal_to_the_threshold_stays(ops: Ops) -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        pair = np.tile(crowd(rng, 1), (2, 1)) * rng.uniform(0.98, 1.02, (2, 4)).astype(F)
        exactly = naive.overlap(pair[0], pair[1])
        assert suppress(ops, pair, [0, 2], float(exactly)).tolist() == [1, 1]
        assert suppress(ops, pair, [0, 2], float(np.nextafter(exactly, F(0)))).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"boxes": np.zeros((3, 5), F)}, "boxes"), ({"boxes": np.zeros(12, F)}, "boxes"),
     contents({"starts": np.array([1, 3], np.int32)}, "starts"),
     contents({"starts": np.array([0, 2], np.int32)}, "starts"),
     contents({"starts": np.array([0, 2, 1, 3], np.int32)}, "starts"),
     contents({"starts": np.array([0, 4, 3], np.int32)}, "starts"),
     ({"starts": np.zeros(0, np.int32)}, "starts"), ({"starts": np.array([0, 3])}, "starts"),
     ({"alive": np.zeros(2, np.int32)}, "alive"), ({"alive": np.zeros(3, F)}, "alive")],
)  # fmt: skip
def test_arguments(ops: Ops, refused: Refused, change: dict[str, np.ndarray], argument: str) -> None:
    given = {"boxes": np.zeros((3, 4), F), "starts": np.array([0, 1, 3], np.int32), "alive": np.zeros(3, np.int32)}
    ops.nms(thresh=0.5, **given)
    with refused(f"nms: argument '{argument}'"):
        ops.nms(thresh=0.5, **given | change)
