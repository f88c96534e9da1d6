"""The heads' forward passes: [region], [yolo], [detection]."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.contents import Refused, contents
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_close
from tests.reference import region as naive

SIZES = [2, 5, 1, 4]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("classes", ["logistic", "softmax", "tree", "tree and softmax"])
@pytest.mark.parametrize(("anchors", "coords", "h", "w"), [(1, 4, 1, 1), (5, 4, 13, 13), (3, 7, 4, 5)])
def test_region(
    ops: Ops,
    arrays: Arrays,
    anchors: int,
    coords: int,
    h: int,
    w: int,
    classes: str,
    background: bool,
    in_place: bool,
) -> None:
    sizes, softmax, count = (SIZES if "tree" in classes else None), "softmax" in classes, sum(SIZES)
    shape = (2, anchors * (coords + 1 + count), h, w)
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*shape)
    groups = None if sizes is None else np.array(sizes, np.int32)
    ops.region_forward(source, y, anchors, count, coords, softmax, background, groups)
    expected = naive.region(x, anchors, count, coords, softmax, background, sizes)
    assert_close(y, expected, "softmax")
    # Width and height are not touched at all.
    values = (2, anchors, coords + 1 + count, h, w)
    np.testing.assert_array_equal(y.reshape(values)[:, :, 2:4], x.reshape(values)[:, :, 2:4])


@pytest.mark.parametrize("softmax", [False, True])
def test_region_without_classes(ops: Ops, arrays: Arrays, softmax: bool) -> None:
    x = np.random.default_rng(2).normal(0, 3, (1, 10, 3, 3)).astype(np.float32)
    y = arrays.empty(1, 10, 3, 3)
    ops.region_forward(arrays.plain(x), y, 2, 0, 4, softmax, False, None)
    assert_close(y, naive.region(x, 2, 0, 4, softmax, False, None), "softmax")


def test_the_logistic_is_that_of_activations_bit_for_bit(ops: Ops, arrays: Arrays) -> None:
    x = np.random.default_rng(4).normal(0, 3, (1, 5 * 5, 13, 13)).astype(np.float32)
    y, activated = arrays.empty(*x.shape), arrays.plain(x)
    ops.region_forward(arrays.plain(x), y, 5, 0, 4, False, False, None)
    ops.activate(activated, ops.Activation("logistic"))
    boxes = (5, 5, 13, 13)
    for entry in (0, 1, 4):
        np.testing.assert_array_equal(y.reshape(boxes)[:, entry], activated.reshape(boxes)[:, entry])


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("coords", [(1, False), (1.2, False), (2, True), (1, True)])
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("anchors", "classes", "h", "w"), [(3, 80, 13, 13), (1, 0, 1, 1), (2, 1, 3, 5)])
def test_yolo(
    ops: Ops, arrays: Arrays, anchors: int, classes: int, h: int, w: int, in_place: bool, coords: tuple[float, bool],
    gaussian: bool,
) -> None:  # fmt: skip
    values = (9 if gaussian else 5) + classes
    x = np.random.default_rng(3).normal(0, 3, (2, anchors * values, h, w)).astype(np.float32)
    source = arrays.plain(x)
    y = source if in_place else arrays.empty(*x.shape)
    ops.yolo_forward(source, y, anchors, classes, *coords, gaussian)
    assert_close(y, naive.yolo(x, anchors, classes, *coords, gaussian), "logistic" if coords[0] == 1 else "spread")


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize(("side", "classes", "num"), [(7, 20, 3), (1, 1, 1), (3, 17, 2)])
def test_detection(
    ops: Ops, arrays: Arrays, side: int, classes: int, num: int, softmax: bool, in_place: bool
) -> None:
    inputs = side * side * (5 * num + classes)
    x = np.random.default_rng(4).normal(0, 3, (2, inputs)).astype(np.float32)
    source = arrays.plain(x).reshape(2, inputs, 1, 1)
    y = source if in_place else arrays.empty(2, inputs, 1, 1)
    ops.detection_forward(source, y, side, classes, num, 4, softmax)
    expected = naive.detection(x, side, classes, softmax)
    assert_close(y.reshape(x.shape), expected, "softmax")
    cells = side * side * classes
    np.testing.assert_array_equal(y.reshape(x.shape)[:, cells:], x[:, cells:])


@pytest.mark.parametrize(
    ("anchors", "classes", "coords", "sizes", "argument"),
    [(0, 3, 4, None, "anchors"), (2, -1, 4, None, "classes"), (2, 3, 3, None, "coords"), (2, 4, 4, None, "x"),
     contents(2, 3, 4, [2], "group_sizes"), contents(2, 3, 4, [2, 2], "group_sizes"),
     (1 << 24, 1 << 24, 1 << 24, None, "x")],
)  # fmt: skip
def test_region_arguments(
    ops: Ops,
    arrays: Arrays,
    refused: Refused,
    anchors: int,
    classes: int,
    coords: int,
    sizes: list[int] | None,
    argument: str,
) -> None:
    x, y = arrays.empty(1, 16, 2, 2), arrays.empty(1, 16, 2, 2)
    groups = None if sizes is None else np.array(sizes, np.int32)
    with refused(f"region_forward: argument '{argument}'"):
        ops.region_forward(x, y, anchors, classes, coords, False, False, groups)


def test_other_arguments(ops: Ops, arrays: Arrays) -> None:
    x, y = arrays.empty(1, 16, 2, 2), arrays.empty(1, 16, 2, 2)
    with pytest.raises(ValueError, match="yolo_forward: argument 'x'"):
        ops.yolo_forward(x, y, 3, 3)
    with pytest.raises(ValueError, match="yolo_forward: argument 'y'"):
        ops.yolo_forward(x, arrays.empty(1, 16, 2, 3), 2, 3)
    with pytest.raises(ValueError, match="detection_forward: argument 'x'"):
        ops.detection_forward(x, y, 2, 20, 2, 4, False)
    with pytest.raises(ValueError, match="detection_forward: argument 'side'"):
        ops.detection_forward(x, y, 0, 20, 2, 4, False)
