"""Boxes of heads above the threshold: the same ones in the same order on every backend, and their entries."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.contents import Refused, contents
from tests.reference import candidates as naive

F = np.float32
# Around 256, the boxes that a device looks at together.
SIZES = [(1, 1, 5, 1, 1), (2, 3, 7, 1, 1), (1, 1, 5, 15, 17), (1, 1, 5, 16, 16), (2, 1, 5, 1, 257), (3, 5, 6, 13, 11)]


def activated(n: int, anchors: int, entries: int, h: int, w: int) -> np.ndarray:
    return np.random.default_rng(n + h).random((n, anchors * entries, h, w)).round(1).astype(F)


def find(
    ops: Ops, output: np.ndarray, anchors: int, objectness: int, thresh: float, by_cell: bool
) -> tuple[np.ndarray, list[int]]:
    n, _, h, w = output.shape
    boxes = n * anchors * h * w
    found, starts = np.full(boxes + 2, -7, np.int32), np.full(n + 3, -7, np.int32)  # with guards
    ops.find_boxes(output, anchors, objectness, thresh, by_cell, found[1:-1], starts[1:-1])
    assert found[0] == found[-1] == starts[0] == starts[-1] == -7
    assert (found[1:-1][starts[-2] :] == -7).all()
    return found[1 : 1 + starts[-2]], starts[1:-1].tolist()


@pytest.mark.parametrize("by_cell", [False, True])
@pytest.mark.parametrize(("objectness", "thresh"), [(4, -1.0), (4, 0.6), (0, 0.95), (4, 1.0), (-1, 0.5), (-1, 1.0)])
@pytest.mark.parametrize("size", SIZES)
def test_against_naive(ops: Ops, size: tuple[int, ...], objectness: int, thresh: float, by_cell: bool) -> None:
    output, anchors = activated(*size), size[1]
    found, starts = find(ops, output, anchors, objectness, thresh, by_cell)
    expected = naive.find(output, anchors, objectness, thresh, by_cell)
    assert found.tolist() == list(chain.from_iterable(expected))
    assert starts == [0, *np.cumsum([len(each) for each in expected])]


def test_more_images_than_threads_of_a_block(ops: Ops) -> None:
    output = activated(300, 1, 5, 1, 2)
    found, starts = find(ops, output, 1, 4, 0.5, False)
    expected = naive.find(output, 1, 4, 0.5, False)
    assert found.tolist() == list(chain.from_iterable(expected))
    assert starts == [0, *np.cumsum([len(each) for each in expected])]


def test_nan_is_above_no_threshold(ops: Ops) -> None:
    output = np.full((1, 5, 3, 3), np.nan, F)
    output[0, 4, 1, 1] = np.inf
    assert find(ops, output, 1, 4, 0.0, False)[0].tolist() == [4]


def test_without_images(ops: Ops) -> None:
    assert find(ops, np.zeros((0, 5, 3, 3), F), 1, 4, 0.5, False)[1] == [0]


@pytest.mark.parametrize("size", SIZES)
def test_entries(ops: Ops, size: tuple[int, ...]) -> None:
    n, anchors, entries, h, w = size
    output = activated(*size)
    rows = output.reshape(n, anchors, entries, h * w).transpose(0, 1, 3, 2).reshape(-1, entries)
    for count in (0, 1, len(rows)):
        found = np.random.default_rng(count).permutation(len(rows))[:count].astype(np.int32)
        values = np.full((count + 2, entries), 7, F)
        ops.gather_boxes(output, anchors, found, values[1:-1])
        np.testing.assert_array_equal(values[1:-1], rows[found])
        assert (values[[0, -1]] == 7).all()


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"anchors": 0}, "anchors"), ({"anchors": 3}, "anchors"), ({"objectness": 5}, "objectness"),
     ({"objectness": -2}, "objectness"), ({"found": np.zeros(17, np.int32)}, "found"),
     ({"found": np.zeros(18, F)}, "found"), ({"starts": np.zeros(1, np.int32)}, "starts"),
     ({"output": np.zeros((10, 3, 3), F)}, "output")],
)  # fmt: skip
def test_find_arguments(ops: Ops, change: dict[str, object], argument: str) -> None:
    given = {"output": np.zeros((1, 10, 3, 3), F), "anchors": 2, "objectness": 4, "found": np.zeros(18, np.int32),
             "starts": np.zeros(2, np.int32)}  # fmt: skip
    ops.find_boxes(thresh=0.5, by_cell=False, **given)
    with pytest.raises(ValueError, match=f"find_boxes: argument '{argument}'"):
        ops.find_boxes(thresh=0.5, by_cell=False, **given | change)


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"anchors": 4}, "anchors"), contents({"found": np.array([0, 18], np.int32)}, "found"),
     contents({"found": np.array([0, -1], np.int32)}, "found"), ({"values": np.zeros((2, 6), F)}, "values")],
)  # fmt: skip
def test_gather_arguments(ops: Ops, refused: Refused, change: dict[str, object], argument: str) -> None:
    given = {"output": np.zeros((1, 10, 3, 3), F), "anchors": 2, "found": np.array([0, 17], np.int32),
             "values": np.zeros((2, 5), F)}  # fmt: skip
    ops.gather_boxes(**given)
    with refused(f"gather_boxes: argument '{argument}'"):
        ops.gather_boxes(**given | change)
