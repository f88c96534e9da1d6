"""Overlaps and the way back from the network's input to the image, against Darknet's formulas one by one."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.detection.boxes import iou
from pydarknet.detection.decode import letterbox_size, to_image
from pydarknet.detection.results import Box

F = np.float32


def naive_overlap(x1: F, w1: F, x2: F, w2: F) -> F:
    return min(x1 + w1 / F(2), x2 + w2 / F(2)) - max(x1 - w1 / F(2), x2 - w2 / F(2))


def naive_iou(a: np.ndarray, b: np.ndarray) -> F:
    w, h = naive_overlap(a[0], a[2], b[0], b[2]), naive_overlap(a[1], a[3], b[1], b[3])
    shared = F(0) if w < 0 or h < 0 else w * h
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def test_iou_is_darknets_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((40, 4)).astype(F), rng.random((30, 4)).astype(F)
    expected = np.array([[naive_iou(p, q) for q in b] for p in a], F)
    np.testing.assert_array_equal(iou(a, b), expected)
    assert (expected > 0).any()
    assert (expected == 0).any()


def test_iou_of_known_boxes() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1], [0, 0, 2, 2]], F)
    np.testing.assert_array_equal(iou(boxes[:1], boxes)[0], np.array([1, 2 / 6, 0, 1], F))


def test_two_empty_boxes_have_no_iou() -> None:
    empty = np.zeros((1, 4), F)
    assert np.isnan(iou(empty, empty)).all()


def test_no_boxes() -> None:
    assert iou(np.zeros((0, 4), F), np.zeros((3, 4), F)).shape == (0, 3)


@pytest.mark.parametrize(
    ("image", "net", "expected"),
    [
        ((768, 576), (416, 416), (416, 312)),
        ((576, 768), (416, 416), (312, 416)),
        ((500, 333), (416, 416), (416, 277)),  # 277.06
        ((100, 100), (608, 320), (320, 320)),
        ((20_000, 1), (416, 416), (416, 0)),
        ((1, 20_000), (416, 416), (0, 416)),
        ((1, 1), (416, 416), (416, 416)),
    ],
)
def test_letterbox_size(image, net, expected) -> None:
    assert letterbox_size(*image, *net) == expected


def forward(box: Box, image_w: int, image_h: int, net_w: int, net_h: int) -> list[float]:
    """A box of the image in fractions of the letterbox."""
    new_w, new_h = letterbox_size(image_w, image_h, net_w, net_h)
    left, top = (net_w - new_w) / 2, (net_h - new_h) / 2
    x, y = box.x / image_w * new_w + left, box.y / image_h * new_h + top
    return [x / net_w, y / net_h, box.w / image_w * new_w / net_w, box.h / image_h * new_h / net_h]


@pytest.mark.parametrize(("image_w", "image_h"), [(768, 576), (333, 500), (1, 1), (20_000, 700)])
@pytest.mark.parametrize(("net_w", "net_h"), [(416, 416), (608, 320)])
def test_letterbox_there_and_back(image_w: int, image_h: int, net_w: int, net_h: int) -> None:
    box = Box(image_w * 0.3, image_h * 0.6, image_w * 0.2, image_h * 0.5)
    inside = np.array([forward(box, image_w, image_h, net_w, net_h)], F)
    # Six float32 roundings on the way.
    back = to_image(inside, image_w, image_h, net_w, net_h, "letterbox")[0]
    np.testing.assert_allclose(back, box, rtol=4e-6)
    assert inside.dtype == F


def test_stretch_is_a_product() -> None:
    boxes = np.array([[0.5, 0.25, 0.1, 1.5]], F)
    expected = boxes * np.array([640, 480, 640, 480], F)
    np.testing.assert_array_equal(to_image(boxes, 640, 480, 416, 416, "stretch"), expected)


def test_a_letterbox_without_a_picture_gives_no_finite_box() -> None:
    boxes = np.array([[0.5, 0.5, 0.1, 0.1]], F)
    assert not np.isfinite(to_image(boxes, 20_000, 1, 416, 416, "letterbox")).all()


def test_unknown_fit() -> None:
    with pytest.raises(ValueError, match="'letterbox' or 'stretch'"):
        to_image(np.zeros((1, 4), F), 4, 4, 4, 4, "fill")  # type: ignore[arg-type]


def test_edges_of_a_box() -> None:
    box = Box(10, 20, 4, 6)
    assert (box.left, box.top, box.right, box.bottom) == (8, 17, 12, 23)
