"""VOC's average precision against the naive version, by hand, and by its properties."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.errors import DataError
from pydarknet.evaluate import Detections, Truth, curves, voc
from tests.evaluate import naive
from tests.evaluate.random_sets import random_set

BOX = [0.0, 0, 10, 10]


@pytest.mark.parametrize("points", [0, 11, 101])
@pytest.mark.parametrize("seed", range(40))
def test_naive(seed: int, points: int) -> None:
    truth, detections = random_set(seed, whole=seed % 2 == 1, difficult=0.2, crowd=0.1)
    for thresh in (0.5, 0.75):
        expected = [
            naive.average_precision(*naive.flags(truth, detections, class_id, thresh), points)
            for class_id in range(3)
        ]
        # Some tens of fractions are summed.
        assert voc(truth, detections, 3, thresh, points) == [
            value if value is None else pytest.approx(value, abs=1e-13) for value in expected
        ]


def one_class(hits: str, objects: int) -> tuple[Truth, Detections]:
    """Detections that hit (+) or not (-), from the surest on."""
    boxes = [[20.0 * i, 0, 10, 10] for i in range(len(hits))]
    wanted = [box for box, hit in zip(boxes, hits, strict=True) if hit == "+"]
    wanted += [[20.0 * i, 100, 10, 10] for i in range(objects - len(wanted))]
    zeros = [0] * len(hits)
    return Truth.of([0] * objects, [0] * objects, wanted), Detections.of(zeros, zeros, boxes, -np.arange(len(hits)))


@pytest.mark.parametrize(
    ("hits", "objects", "area", "eleven"),
    [
        ("+", 1, 1, 1),
        ("-+", 1, 1 / 2, 1 / 2),
        ("+", 2, 1 / 2, 6 / 11),
        ("+-+", 2, (1 + 2 / 3) / 2, (6 + 5 * 2 / 3) / 11),
        ("-", 3, 0, 0),
        ("", 3, 0, 0),
        # Recall 3/10 reaches the point 0.3, though not as floats: 3 * 0.1 > 0.3.
        ("+++", 10, 3 / 10, 4 / 11),
    ],
)
def test_by_hand(hits: str, objects: int, area: float, eleven: float) -> None:
    assert voc(*one_class(hits, objects), 1) == [pytest.approx(area)]
    assert voc(*one_class(hits, objects), 1, points=11) == [pytest.approx(eleven)]


def test_an_overlap_of_exactly_the_threshold_is_enough() -> None:
    truth = Truth.of([0], [0], [BOX])
    half = Detections.of([0], [0], [[0, 0, 10, 5]], [1])
    assert voc(truth, half, 1, 0.5) == [1]
    assert voc(truth, half, 1, 0.5000001) == [0]


def test_the_second_detection_of_an_object_is_a_mistake() -> None:
    curve = curves(Truth.of([0], [0], [BOX]), Detections.of([0, 0], [0, 0], [BOX, BOX], [0.5, 0.9]))[0]
    assert curve.hit.tolist() == [True, False]
    assert curve.score.tolist() == [0.9, 0.5]
    assert curve.precision.tolist() == [1, 0.5]
    assert curve.recall.tolist() == [1, 1]


def test_class_and_picture_must_be_right() -> None:
    truth = Truth.of([0], [0], [BOX])
    assert voc(truth, Detections.of([0], [1], [BOX], [1]), 2) == [0, None]
    assert voc(truth, Detections.of([1], [0], [BOX], [1]), 1) == [0]


def test_difficult_objects_count_neither_way() -> None:
    boxes = [BOX, [50, 0, 10, 10]]
    truth = Truth.of([0, 0], [0, 0], boxes, difficult=[True, False])
    found = Detections.of([0, 0, 0], [0, 0, 0], [BOX, BOX, boxes[1]], [0.9, 0.8, 0.1])
    assert voc(truth, found, 1) == [1]
    assert voc(Truth.of([0], [0], [BOX], difficult=[True]), found, 1) == [None]


def test_nothing() -> None:
    nothing = Detections.of([], [], [], [])
    assert voc(Truth.of([], [], []), nothing, 2) == [None, None]
    assert voc(Truth.of([0], [1], [BOX]), nothing, 2) == [None, 0]
    assert voc(Truth.of([], [], []), Detections.of([0], [0], [BOX], [1]), 1) == [None]


@pytest.mark.parametrize("seed", range(20))
def test_properties(seed: int) -> None:
    truth, detections = random_set(seed)
    values = voc(truth, detections, 3)
    rng = np.random.default_rng(seed)
    # The order of images and objects, and any rising function of the scores, change nothing.
    shuffled = Detections(
        detections.image, detections.class_id, detections.box, np.exp(3 * detections.score)
    )[rng.permutation(len(detections))]  # fmt: skip
    assert voc(truth[rng.permutation(len(truth))], shuffled, 3) == pytest.approx(values)
    # A false detection below all others can't raise anything; a higher threshold can't either.
    worse = Detections.of(
        [*detections.image, 0],
        [*detections.class_id, 0],
        [*detections.box, [900, 900, 5, 5]],
        [*detections.score, -1],
    )
    for less in (voc(truth, worse, 3), voc(truth, detections, 3, 0.8)):
        for low, value in zip(less, values, strict=True):
            assert (low is None) == (value is None)
            assert low is None or low <= value + 1e-12
    perfect = Detections.of(truth.image, truth.class_id, truth.box, np.ones(len(truth)))
    assert all(value is None or value == pytest.approx(1) for value in voc(truth, perfect, 3))


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="expected a box for each of 2 objects, found 1"):
        Truth.of([0, 1], [0, 0], [BOX])
    with pytest.raises(DataError, match="expected a score for each of 1 objects, found 2"):
        Detections.of([0], [0], [BOX], [1, 2])
    with pytest.raises(DataError, match="detection 1: the score is not a number"):
        Detections.of([0, 0], [0, 0], [BOX, BOX], [1, np.nan])
    with pytest.raises(DataError, match="object 0: the box has a NaN"):
        Truth.of([0], [0], [[0, np.nan, 1, 1]])
