"""Suppression against a naive version that goes through Darknet's loops one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.detection.boxes import iou
from pydarknet.detection.decode import Candidates
from pydarknet.detection.nms import Kind, nms_obj, nms_sort
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.graph import Graph
from tests.lib.decoding import suppression

F = np.float32


def naive_sort(boxes, table, thresh):
    """A table (boxes, classes) of probabilities after do_nms_sort, equal ones in the order of the boxes."""
    table = table.copy()
    for k in range(table.shape[1]):
        order = sorted(range(len(boxes)), key=lambda i: -table[i, k])
        for place, i in enumerate(order):
            if table[i, k] == 0:
                continue
            for j in order[place + 1 :]:
                if iou(boxes[i : i + 1], boxes[j : j + 1])[0, 0] > F(thresh):
                    table[j, k] = 0
    return table


def naive_obj(boxes, objectness, thresh):
    alive = objectness.copy()
    order = sorted(np.flatnonzero(objectness), key=lambda i: -objectness[i])
    for place, i in enumerate(order):
        if alive[i] == 0:
            continue
        for j in order[place + 1 :]:
            if alive[j] != 0 and iou(boxes[i : i + 1], boxes[j : j + 1])[0, 0] > F(thresh):
                alive[j] = 0
    return alive != 0


def crowd(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.random((count, 2)), 0.05 + 0.4 * rng.random((count, 2))], axis=1).astype(F)


def entries(table):
    index, class_id = np.nonzero(table)
    return index, class_id, table[index, class_id]


@pytest.mark.parametrize("thresh", [0.0, 0.2, 0.45, 1.0])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_sort(count: int, thresh: float) -> None:
    boxes = crowd(count, count)
    rng = np.random.default_rng(1)
    # Rounded, so that many are equal.
    table = np.where(rng.random((count, 3)) < 0.7, rng.random((count, 3)).round(1), 0).astype(F)
    index, class_id, probability = entries(table)
    kept = nms_sort(boxes, index, class_id, probability, thresh)
    result = np.zeros_like(table)
    result[index[kept], class_id[kept]] = probability[kept]
    np.testing.assert_array_equal(result, naive_sort(boxes, table, thresh))


def test_sort_does_not_depend_on_the_order_of_entries() -> None:
    boxes = crowd(3, 30)
    table = np.random.default_rng(2).random((30, 4)).astype(F).round(1)
    index, class_id, probability = entries(table)
    shuffled = np.random.default_rng(3).permutation(len(index))
    kept = nms_sort(boxes, index, class_id, probability, 0.3)
    again = nms_sort(boxes, index[shuffled], class_id[shuffled], probability[shuffled], 0.3)
    np.testing.assert_array_equal(again, kept[shuffled])


@pytest.mark.parametrize("thresh", [0.0, 0.2, 0.45, 1.0])
@pytest.mark.parametrize("count", [0, 1, 60])
def test_obj(count: int, thresh: float) -> None:
    boxes = crowd(count, count)
    objectness = np.random.default_rng(4).random(count).round(1).astype(F)
    np.testing.assert_array_equal(nms_obj(boxes, objectness, thresh), naive_obj(boxes, objectness, thresh))


def test_the_earlier_of_two_equal_boxes_stays() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.2]] * 2, F)
    equal = np.array([0.7, 0.7], F)
    assert nms_obj(boxes, equal, 0.45).tolist() == [True, False]
    zeros, both = np.zeros(2, np.intp), np.arange(2)
    assert nms_sort(boxes, both, zeros, equal, 0.45).tolist() == [True, False]


def test_classes_do_not_suppress_each_other_but_boxes_do() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.2]] * 2, F)
    both = np.arange(2)
    assert nms_sort(boxes, both, both, np.array([0.7, 0.6], F), 0.45).all()
    assert nms_obj(boxes, np.array([0.7, 0.6], F), 0.45).tolist() == [True, False]


def test_empty_boxes_do_not_suppress_each_other() -> None:
    boxes = np.zeros((2, 4), F)
    assert nms_obj(boxes, np.array([0.7, 0.6], F), 0.0).all()


def test_iou_equal_to_the_threshold_stays() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 0, 2, 2]], F)
    third = float(iou(boxes[:1], boxes[1:])[0, 0])
    scores = np.array([0.9, 0.8], F)
    assert nms_obj(boxes, scores, third).all()
    assert not nms_obj(boxes, scores, float(np.nextafter(F(third), F(0)))).all()


def test_a_suppressed_box_suppresses_nobody() -> None:
    boxes = np.array([[0, 0, 4, 4], [1, 0, 4, 4], [2, 0, 4, 4]], F)  # neighbours .6, ends .33
    scores = np.array([0.9, 0.8, 0.7], F)
    assert nms_obj(boxes, scores, 0.5).tolist() == [True, False, True]


def diou(a, b, beta):
    """IoU less (d^2 / c^2)^beta, d the distance of centres, c the diagonal around both; in double precision."""
    low, high = [np.stack([box[:2] + sign * box[2:] / 2 for box in (a, b)]) for sign in (-1, 1)]
    around = ((high.max(axis=0) - low.min(axis=0)) ** 2).sum()
    return iou(a[None], b[None])[0, 0] - (((a[:2] - b[:2]) ** 2).sum() / around) ** beta


@pytest.mark.parametrize(("kind", "beta", "exponent"), [("greedynms", 0.1, 0.6), ("diounms", 0.1, 0.1)])
def test_kinds_of_distance(kind: str, beta: float, exponent: float) -> None:
    """They spare boxes that IoU alone takes, measured in fractions of the image, whatever its shape."""
    boxes = crowd(5, 40).astype(np.float64)
    places = np.arange(40)
    scores = np.linspace(1, 0.1, 40).astype(F)
    wide = (boxes * [1000, 10, 1000, 10]).astype(F)
    found = Candidates(wide, scores, places, np.zeros(40, np.intp), scores)
    alive = set(places)
    for i in places:
        if i in alive:
            alive -= {j for j in alive if j > i and diou(boxes[i], boxes[j], exponent) > 0.1}
    kept = found.suppressed(0.1, kind, beta=beta, image=(1000, 10)).index.tolist()
    assert kept == sorted(alive)
    assert set(found.suppressed(0.1, "sort").index) < alive


NET = "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=6\n"
YOLO = "[yolo]\nclasses=1\nnum=1\nanchors=9,9\n"


@pytest.mark.parametrize(
    ("keys", "asked", "result"),
    [("", None, ("sort", 0.6)), ("nms_kind=greedynms\nbeta_nms=.8\n", None, ("greedynms", 0.8)),
     ("nms_kind=diounms\n", None, ("diounms", 0.6)), ("nms_kind=diounms\n", "obj", ("obj", 0.6)),
     ("nms_kind=cornersnms\n", None, ("sort", 0.6)), ("nms_kind=greedy\n", None, ("sort", 0.6))],
)  # fmt: skip
def test_the_last_head_says_which_kind(keys: str, asked: Kind | None, result: tuple[Kind, float]) -> None:
    graph = Graph(parse_cfg_text(NET + YOLO + keys))
    assert suppression(graph, asked) == result
    assert bool(graph.warnings) == ("greedy\n" in keys)
