"""[yolo]'s loss against the naive one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.plan.statistics import HeadStatistics
from tests.lib.contents import Refused, contents
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_delta_close
from tests.reference import region as heads
from tests.reference.gaussian_terms import gaussian_terms
from tests.reference.yolo_loss import yolo_loss
from tests.reference.yolo_terms import yolo_terms

MEASURES = ("mse", "iou", "giou", "diou", "ciou")
ANCHORS = np.array([6, 8, 12, 9, 15, 20, 26, 10], np.float32)


def truths(rng: np.random.Generator, images: int, classes: int) -> np.ndarray:
    """Up to six boxes, some of them with the same centre, often of an anchor's size in an image of 64 x 48."""
    rows = np.zeros((images, 8, 5), np.float32)
    for image in range(images):
        count = int(rng.integers(0, 7))
        rows[image, :count, :2] = rng.choice(rng.uniform(0.01, 0.99, (4, 2)), count)
        sizes = ANCHORS.reshape(-1, 2)[rng.integers(0, 4, count)] / [64, 48]
        rows[image, :count, 2:4] = sizes * rng.uniform(0.7, 1.4, (count, 2))
        rows[image, :count, 4] = rng.integers(0, classes, count)
    return rows


@pytest.mark.parametrize("new_coords", [False, True])
@pytest.mark.parametrize("seed", range(80))
def test_against_naive(ops: Ops, arrays: Arrays, seed: int, new_coords: bool) -> None:
    rng = np.random.default_rng(seed)
    classes, images = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    mask = rng.permutation(4)[: int(rng.integers(1, 4))].tolist()
    h, w = int(rng.integers(1, 7)), int(rng.integers(1, 7))
    map_ = rng.integers(0, classes, 6).tolist() if rng.random() < 0.5 else None
    output = heads.yolo(rng.normal(0, 0.7, (images, len(mask) * (5 + classes), h, w)), len(mask), classes)
    if new_coords:
        output = abs(output)  # of a logistic
    rows = truths(rng, images, 6 if map_ else classes)
    ignore, certain = (0.2, 0.3) if seed % 2 else (0.5, 1.0)
    delta, y = arrays.empty(*output.shape), arrays.plain(output)
    statistics = HeadStatistics(
        *ops.yolo_loss(
            y, rows, delta, ANCHORS, np.array(mask, np.int32), classes, 64, 48, ignore, certain,
            None if map_ is None else np.array(map_, np.int32), new_coords,
        )
    )  # fmt: skip
    expected, sums = yolo_loss(y, rows, ANCHORS, mask, classes, (64, 48), ignore, certain, map_, new_coords)
    assert_delta_close(delta, expected)
    for name, value in sums.items():
        np.testing.assert_allclose(getattr(statistics, name), value, rtol=1e-5, atol=1e-6, err_msg=name)


def terms(rng: np.random.Generator, seed: int, classes: int) -> dict[str, Any]:
    """Everything that AlexeyAB's keys may be."""
    some = lambda low, high: float(np.float32(rng.uniform(low, high)))  # noqa: E731
    return {
        "iou_loss": MEASURES[seed % 5], "iou_thresh_kind": MEASURES[1 + seed % 4],
        "iou_thresh": some(0.2, 0.7) if rng.random() < 0.7 else 1.0, "iou_normalizer": some(0.05, 2),
        "obj_normalizer": some(0.3, 2), "cls_normalizer": some(0.3, 2), "delta_normalizer": some(0.3, 2),
        "max_delta": some(0.1, 2) if rng.random() < 0.5 else 1e30, "label_smooth_eps": some(0, 0.2),
        "objectness_smooth": bool(rng.random() < 0.5), "focal_loss": bool(rng.random() < 0.3),
        "class_weights": rng.uniform(1, 3, classes).astype(np.float32) if rng.random() < 0.5 else None,
        "adds": True, "least_class": some(0.3, 0.7), "skip_large_labels": True,
    }  # fmt: skip


@pytest.mark.parametrize("new_coords", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_keys_of_alexeyab(ops: Ops, arrays: Arrays, seed: int, new_coords: bool) -> None:
    rng = np.random.default_rng(seed)
    classes, images = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    mask = rng.permutation(4)[: int(rng.integers(1, 5))].tolist()
    h, w = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    output = heads.yolo(rng.normal(0, 0.7, (images, len(mask) * (5 + classes), h, w)), len(mask), classes)
    y = arrays.plain(abs(output) if new_coords else output)
    rows, options = truths(rng, images, classes + 1), terms(rng, seed, classes)
    thresholds = {"ignore_thresh": 0.2, "truth_thresh": 0.4 if seed % 3 else 1.0}
    delta = arrays.empty(*output.shape)
    statistics = HeadStatistics(
        *ops.yolo_loss(
            y, rows, delta, ANCHORS, np.array(mask, np.int32), classes, 64, 48, new_coords=new_coords, **thresholds,
            **options,
        )
    )  # fmt: skip
    expected, sums = yolo_terms(y, rows, ANCHORS, mask, classes, (64, 48), new_coords, options | thresholds)
    # Slopes are quotients of differences of edges, which are rounded to 2^-24: three digits of small boxes are lost.
    np.testing.assert_allclose(delta, expected, rtol=1e-4, atol=1e-5 * max(float(abs(expected).max()), 1))
    for name, value in sums.items():
        np.testing.assert_allclose(getattr(statistics, name), value, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("to_centre", [0, 1, -1])
@pytest.mark.parametrize("seed", range(15))
def test_gaussian(ops: Ops, arrays: Arrays, seed: int, to_centre: int) -> None:
    rng = np.random.default_rng(seed)
    classes, images = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    mask = rng.permutation(4)[: int(rng.integers(1, 5))].tolist()
    h, w = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    output = 1 / (1 + np.exp(-rng.normal(0, 0.7, (images, len(mask), 9 + classes, h, w))))
    output[:, :, [4, 6]] = rng.normal(0, 0.5, (images, len(mask), 2, h, w))
    y = arrays.plain(output.reshape(images, -1, h, w).astype(np.float32))
    rows, options = truths(rng, images, classes + 1), terms(rng, seed, classes)
    thresholds = {"ignore_thresh": 0.2, "truth_thresh": 0.4 if seed % 3 else 1.0}
    more = {
        "gaussian": True,
        "focal_loss": False,
        "uc_normalizer": float(np.float32(rng.uniform(0.1, 2))),
        "to_centre": to_centre,
    }
    delta = arrays.empty(*y.shape)
    statistics = HeadStatistics(
        *ops.yolo_loss(
            y, rows, delta, ANCHORS, np.array(mask, np.int32), classes, 64, 48, **{**thresholds, **options, **more}
        )
    )
    expected, sums = gaussian_terms(y, rows, ANCHORS, mask, classes, (64, 48), options | thresholds | more)
    # As above; and squares of ways divided by small deviations.
    np.testing.assert_allclose(delta, expected, rtol=1e-4, atol=1e-5 * max(float(abs(expected).max()), 1))
    for name, value in sums.items():
        np.testing.assert_allclose(getattr(statistics, name), value, rtol=2e-4, atol=1e-5, err_msg=name)


def test_second_truth_of_a_box_adds_its_class(ops: Ops, arrays: Arrays) -> None:
    output = arrays.plain(heads.yolo(np.random.default_rng(1).normal(size=(1, 8, 1, 1)), 1, 3))
    rows = np.array([[[0.5, 0.5, 0.1, 0.2, 0], [0.5, 0.5, 0.1, 0.2, 2]]], np.float32)
    delta = arrays.empty(1, 8, 1, 1)
    ops.yolo_loss(output, rows, delta, ANCHORS, np.zeros(1, np.int32), 3, 64, 48)
    np.testing.assert_allclose(delta[0, 5:, 0, 0], np.array([1, 0, 1]) - output[0, 5:, 0, 0], rtol=1e-6)


def test_threads_dont_change_a_bit(ops: Ops, arrays: Arrays) -> None:
    rng = np.random.default_rng(5)
    output = arrays.plain(heads.yolo(rng.normal(size=(7, 16, 4, 5)), 2, 3))
    rows = truths(rng, 7, 3)
    results = []
    for threads in (1, 2, 3):
        ops.set_num_threads(threads)
        delta = arrays.empty(*output.shape)
        statistics = ops.yolo_loss(output, rows, delta, ANCHORS, np.array([0, 2], np.int32), 3, 64, 48)
        results.append(np.concatenate([delta.ravel(), statistics]))
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"classes": 4}, "output"), contents({"mask": np.array([0, 4], np.int32)}, "mask"),
     ({"net_w": 0}, "net_w"),
     contents({"mask": np.array([0, -1], np.int32)}, "mask"), ({"mask": np.zeros(0, np.int32)}, "mask"),
     ({"anchors": ANCHORS[:3]}, "anchors"), ({"truth": np.zeros((1, 5), np.float32)}, "truth"),
     contents({"truth": np.full((1, 1, 5), 999999, np.float32)}, "truth': image 0, box 0: a class without a box"),
     contents({"truth": np.array([[[0.5, 0.5, 0.5, 0.5, 3.5]]], np.float32)}, "truth': image 0, box 0: class"),
     ({"iou_loss": "l1"}, "iou_loss': expected 'mse'"), ({"iou_thresh_kind": ""}, "iou_thresh_kind"),
     ({"class_weights": np.ones(2, np.float32)}, "class_weights"),
     ({"map": np.array([1], np.int16)}, "map"), ({"delta": np.zeros((1, 16, 3, 2), np.float32)}, "delta")],
)  # fmt: skip
def test_arguments(ops: Ops, refused: Refused, change: dict[str, Any], argument: str) -> None:
    given: dict[str, Any] = {
        "output": np.zeros((1, 16, 2, 3), np.float32), "truth": np.zeros((1, 3, 5), np.float32),
        "delta": np.zeros((1, 16, 2, 3), np.float32), "anchors": ANCHORS, "mask": np.array([2, 0], np.int32),
        "classes": 3, "net_w": 64, "net_h": 48,
    }  # fmt: skip
    ops.yolo_loss(**given)
    with refused(f"yolo_loss: argument '{argument}"):
        ops.yolo_loss(**given | change)
    with pytest.raises(ValueError, match="yolo_loss: argument 'delta': must not be output"):
        ops.yolo_loss(**given | {"delta": given["output"]})
