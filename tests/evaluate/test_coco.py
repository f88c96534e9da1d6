"""COCO's measures against pycocotools, number by number."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pydarknet.evaluate import Detections, Truth, coco
from tests.evaluate.random_sets import random_set

CLASSES = 3
IMAGES = 4


def theirs(truth: Truth, detections: Detections, classes: int = CLASSES, images: int = IMAGES) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = {
            "images": [{"id": i} for i in range(images)],
            "categories": [{"id": i} for i in range(classes)],
            "annotations": [
                {
                    "id": i + 1,  # pycocotools takes an id of 0 for "no match"
                    "image_id": int(truth.image[i]),
                    "category_id": int(truth.class_id[i]),
                    "bbox": truth.box[i].tolist(),
                    "area": float(truth.area[i]),
                    "iscrowd": int(truth.crowd[i]),
                }
                for i in range(len(truth))
            ],
        }
        data.createIndex()
        found = COCO()
        found.dataset = {
            "images": data.dataset["images"],
            "categories": data.dataset["categories"],
            "annotations": [
                {
                    "id": i + 1,
                    "image_id": int(detections.image[i]),
                    "category_id": int(detections.class_id[i]),
                    "bbox": detections.box[i].tolist(),
                    "area": float(detections.box[i, 2] * detections.box[i, 3]),
                    "iscrowd": 0,
                    "score": float(detections.score[i]),
                }
                for i in range(len(detections))
            ],
        }
        found.createIndex()
        evaluation = COCOeval(data, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def assert_equal(truth: Truth, detections: Detections, classes: int = CLASSES, images: int = IMAGES) -> None:
    expected = theirs(truth, detections, classes, images)
    result = coco(truth, detections, range(classes))
    # The arithmetic is the same to the last bit but for the order of a few sums.
    np.testing.assert_allclose(result.precision, expected.eval["precision"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.recall, expected.eval["recall"], rtol=0, atol=1e-12)
    summary = [-1 if value is None else value for value in result.summary().values()]
    np.testing.assert_allclose(summary, expected.stats, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(100))
def test_random_sets(seed: int) -> None:
    assert_equal(*random_set(seed))


@pytest.mark.parametrize("seed", range(100, 200))
def test_crowds(seed: int) -> None:
    assert_equal(*random_set(seed, crowd=0.3))


@pytest.mark.parametrize("seed", range(200, 300))
def test_equal_overlaps_and_scores(seed: int) -> None:
    assert_equal(*random_set(seed, whole=True, crowd=0.2))


def test_the_random_sets_reach_every_number() -> None:
    """Otherwise the tests above would prove little."""
    values = [list(coco(*random_set(seed, crowd=0.3)).summary().values()) for seed in range(100, 130)]
    for column in zip(*values, strict=True):
        known = [value for value in column if value is not None]
        assert len({round(value, 3) for value in known}) > 5
        assert 0.02 < np.mean(known) < 0.98


def test_areas_of_segments() -> None:
    truth, detections = random_set(7)
    smaller = Truth.of(truth.image, truth.class_id, truth.box, area=truth.area * 0.3)
    assert_equal(smaller, detections)
    assert coco(smaller, detections).summary() != coco(truth, detections).summary()


def test_the_last_of_equally_close_objects_is_taken() -> None:
    """The second detection fits the last object only, so it finds none left."""
    truth = Truth.of([0, 0], [0, 0], [[0, 0, 30, 10], [10, 0, 30, 10]])
    found = Detections.of([0, 0], [0, 0], [[5, 0, 30, 10], [12, 0, 30, 10]], [0.9, 0.8])
    assert_equal(truth, found, 1, 1)
    assert coco(truth, found).recall[0, 0, 0, -1] == 0.5


def test_more_than_a_hundred_detections() -> None:
    rng = np.random.default_rng(3)
    box = np.array([[10.0, 10, 40, 40], [200, 10, 40, 40]])
    count = 150
    found = box[rng.integers(0, 2, count)] + rng.normal(0, 3, (count, 4))
    detections = Detections.of(np.zeros(count), np.zeros(count), found, rng.random(count))
    assert_equal(Truth.of([0, 0], [0, 0], box), detections, 1, 1)


def test_nothing_at_all() -> None:
    nothing = Detections.of([], [], [], [])
    result = coco(Truth.of([], [], []), nothing, range(2))
    assert set(result.summary().values()) == {None}
    assert "nan" not in result.table()
    assert result.table().splitlines()[0].split() == ["AP", "-"]
    one = Truth.of([0], [0], [[0, 0, 50, 50]])
    assert coco(one, nothing).ap() == coco(one, nothing).ar(100) == 0
    assert coco(one, nothing).ap(area="small") is None
    assert_equal(one, nothing, 2, 1)
    assert_equal(Truth.of([], [], []), Detections.of([0], [0], [[0, 0, 50, 50]], [1]), 2, 1)


def test_perfect_detections() -> None:
    truth, _ = random_set(11)
    result = coco(truth, Detections.of(truth.image, truth.class_id, truth.box, np.ones(len(truth))))
    # The recalls are floats, so 1.0 may be missed by the last of the 101 points in pycocotools too.
    assert result.ap() == pytest.approx(1, abs=0.01)
    assert result.ar(100) == 1


def test_difficult_objects_are_ignored() -> None:
    truth = Truth.of([0, 0], [0, 0], [[0, 0, 50, 50], [100, 0, 50, 50]], difficult=[False, True])
    both = Detections.of([0, 0], [0, 0], truth.box, [0.5, 0.9])
    assert coco(truth, both).ap() == pytest.approx(1)
    # Unlike a crowd it can be found only once; the second time is a mistake.
    twice = Detections.of([0, 0, 0], [0, 0, 0], truth.box[[1, 1, 0]], [0.9, 0.8, 0.5])
    assert coco(truth, twice).ap() == pytest.approx(0.5)
    crowd = Truth.of(truth.image, truth.class_id, truth.box, crowd=[False, True])
    assert coco(crowd, twice).ap() == pytest.approx(1)


def test_chosen_images_classes_and_thresholds() -> None:
    truth, detections = random_set(5)
    one = truth.image == 1
    part = coco(truth, detections, images=[1])
    assert part.summary() == coco(truth[one], detections[detections.image == 1]).summary()
    result = coco(truth, detections)
    each = [result.ap(0.5, class_id=class_id) for class_id in result.classes]
    assert np.mean([value for value in each if value is not None]) == pytest.approx(result.ap(0.5))
    with pytest.raises(ValueError, match="iou must be one of"):
        result.ap(0.52)
