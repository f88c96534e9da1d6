"""From head outputs to detections: against loops over every cell, and the paper-era program's numbers on trees."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pydarknet.detection import decode
from pydarknet.detection.decode import Candidates, decode_detection, join
from pydarknet.formats.tree import Tree, read_tree
from pydarknet.writers.lines import in_darknet_order
from tests.lib.decoding import decode_gaussian, decode_region, decode_yolo, to_detections

F = np.float32
GOLDENS = Path(__file__).parents[1] / "goldens"
TOY_ANCHORS = [(0.8, 1.1), (1.9, 1.4), (2.6, 3.2)]


def head(seed: int, boxes: int, values: int, h: int = 5, w: int = 4) -> np.ndarray:
    """An activated output: everything in 0..1 but the sizes."""
    output = np.random.default_rng(seed).random((boxes, values, h, w)).astype(F)
    output[:, 2:4] = output[:, 2:4] * 3 - 2
    return output.reshape(boxes * values, h, w)


def naive_box(x, y, tw, th, column, row, w, h, anchor, unit_w, unit_h) -> list[F]:
    return [
        (F(column) + x) / F(w),
        (F(row) + y) / F(h),
        F(math.exp(tw) * float(F(anchor[0])) / unit_w),
        F(math.exp(th) * float(F(anchor[1])) / unit_h),
    ]


def naive_classes(objectness, classes, thresh) -> dict[int, F]:
    return {k: objectness * p for k, p in enumerate(classes) if objectness * p > F(thresh)}


def check(found: Candidates, expected: list[tuple[list[F], F, dict[int, F]]]) -> None:
    assert len(found) == len(expected) > 0
    for i, (box, objectness, classes) in enumerate(expected):
        np.testing.assert_array_equal(found.boxes[i], np.array(box, F))
        assert found.objectness[i] == objectness
        mine = found.index == i
        pairs = zip(found.class_id[mine].tolist(), found.probability[mine].tolist(), strict=True)
        assert dict(pairs) == classes


@pytest.mark.parametrize("thresh", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("coords", [4, 6])
def test_flat_region(coords: int, thresh: float) -> None:
    output = head(1, 3, coords + 1 + 4)
    cells = output.reshape(3, coords + 5, 5, 4)
    expected = []
    for n, row, column in np.ndindex(3, 5, 4):
        v = cells[n, :, row, column]
        if v[coords] > F(thresh):
            box = naive_box(*v[:4], column, row, 4, 5, TOY_ANCHORS[n], 4, 5)
            expected.append((box, v[coords], naive_classes(v[coords], v[coords + 1 :], thresh)))
    check(decode_region(output, TOY_ANCHORS, 4, thresh, coords=coords), expected)


def test_background_counts_as_objectness_1() -> None:
    output = head(2, 3, 9)
    found = decode_region(output, TOY_ANCHORS, 4, 0.5, background=True)
    assert len(found) == 60
    assert (found.objectness == 1).all()
    given = output.reshape(3, 9, 20)[:, 5:].transpose(0, 2, 1).reshape(60, 4)
    np.testing.assert_array_equal(found.dense(4), np.where(given > F(0.5), given, 0))


@pytest.mark.parametrize("thresh", [0.0, 0.3, 0.6])
def test_yolo(thresh: float) -> None:
    anchors = [(10.0, 14.0), (81.5, 82.25)]
    output = head(3, 2, 9)
    cells = output.reshape(2, 9, 5, 4)
    expected = []
    for row, column, n in np.ndindex(5, 4, 2):
        v = cells[n, :, row, column]
        if v[4] > F(thresh):
            box = naive_box(*v[:4], column, row, 4, 5, anchors[n], 128, 160)
            expected.append((box, v[4], naive_classes(v[4], v[5:], thresh)))
    check(decode_yolo(output, anchors, 128, 160, thresh), expected)


@pytest.mark.parametrize("to_centre", [-1, 0, 1])
def test_gaussian_yolo(to_centre: int) -> None:
    """The probability is less the mean uncertainty; (x, y) is the centre or a corner."""
    anchors, thresh = [(10.0, 14.0), (81.5, 82.25)], 0.1
    output = head(5, 2, 12)
    cells = output.reshape(2, 12, 5, 4)
    expected = []
    for row, column, n in np.ndindex(5, 4, 2):
        v = cells[n, :, row, column]
        if v[8] > F(thresh):
            box = naive_box(*v[0:8:2], column, row, 4, 5, anchors[n], 128, 160)
            for axis in range(2):
                box[axis] += F(to_centre) * box[2 + axis] / F(2)
            sure = 1 - float((v[1] + v[3] + v[5] + v[7]) / F(4))
            given = {k: F(float(v[8] * p) * sure) for k, p in enumerate(v[9:])}
            expected.append((box, v[8], {k: p for k, p in given.items() if p > F(thresh)}))
    check(decode_gaussian(output, anchors, 128, 160, thresh, to_centre), expected)


def test_yolo_of_new_coords() -> None:
    output = abs(head(3, 2, 9))
    found = decode_yolo(output, TOY_ANCHORS[:2], 128, 160, 0.0, new_coords=True)
    plain = decode_yolo(output, TOY_ANCHORS[:2], 128, 160, 0.0)
    np.testing.assert_array_equal(found.boxes[:, :2], plain.boxes[:, :2])
    sizes = 4 * output.reshape(2, 9, 20)[:, 2:4] ** 2 * np.array(TOY_ANCHORS[:2])[..., None] / [[128], [160]]
    np.testing.assert_allclose(found.boxes[:, 2:], sizes.transpose(2, 0, 1).reshape(-1, 2), rtol=1e-6)


@pytest.mark.parametrize("square", [False, True])
def test_detection(square: bool) -> None:
    side, num, classes = 3, 2, 4
    flat = np.random.default_rng(4).random(side * side * (classes + num * 5)).astype(F)
    expected = []
    for cell, n in np.ndindex(side * side, num):
        objectness = flat[9 * classes + cell * num + n]
        x, y, w, h = flat[9 * (classes + num) + (cell * num + n) * 4 :][:4]
        box = [(x + F(cell % side)) / F(side), (y + F(cell // side)) / F(side)]
        box += [F(float(v) ** 2) if square else v for v in (w, h)]
        expected.append((box, objectness, naive_classes(objectness, flat[cell * classes :][:classes], 0.2)))
    check(decode_detection(flat, side, num, classes, square, 0.2), expected)


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0])
def test_no_objectness_no_box(value: float) -> None:
    output = head(5, 3, 9)
    output.reshape(3, 9, 20)[:, 4] = value
    assert len(decode_region(output, TOY_ANCHORS, 4, 0.0)) == 0
    assert len(decode_yolo(output, TOY_ANCHORS, 64, 64, 0.0)) == 0


def test_a_threshold_is_not_above_itself() -> None:
    output = head(6, 3, 9)
    output.reshape(3, 9, 20)[:, 4] = 0.1
    assert len(decode_region(output, TOY_ANCHORS, 4, 0.1)) == 0  # as float32, both are equal


# Trees: the paper-era program


def golden_tree(golden, folder: Path) -> Tree:
    path = folder / "toy.tree"
    path.write_text(str(golden["tree"]))
    return read_tree(path)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_paper_era_trees(depth: int, tmp_path: Path) -> None:
    """Class, probability, box and suppression of every box, bit for bit.

    A box whose root group fails gets no class in that program (it writes in front of its array); newer
    Darknets, and we, answer with the best root. Such boxes suppress alike, only their class differs.
    """
    with np.load(GOLDENS / f"p17_tree_depth{depth}.npz") as golden:
        tree = golden_tree(golden, tmp_path)
        output, boxes, objectness = golden["output"], golden["boxes"].reshape(-1, 4), golden["objectness"].ravel()
        for k in range(4):
            thresh, hier = (float(v) for v in golden[f"thresh_{k}"])
            found = decode_region(output, TOY_ANCHORS, len(tree), thresh, tree=tree, hier_thresh=hier)
            places = np.flatnonzero(objectness > F(thresh))
            np.testing.assert_array_equal(found.boxes, boxes[places])
            np.testing.assert_array_equal(found.objectness, objectness[places])
            expected = golden[f"prob_{k}"].reshape(-1, len(tree))[places]
            named = expected.any(axis=1)
            assert named.any()
            np.testing.assert_array_equal(found.dense(len(tree))[named], expected[named])
            assert (tree.parent[found.class_id[~named]] == -1).all()
            left = found.suppressed(0.4, "obj").dense(len(tree))
            np.testing.assert_array_equal(left[named], golden[f"nms_{k}"].reshape(-1, len(tree))[places][named])


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_paper_era_map(depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "CHUNK", 10)  # several chunks
    with np.load(GOLDENS / f"p17_tree_depth{depth}.npz") as golden:
        tree = golden_tree(golden, tmp_path)
        found = decode_region(golden["output"], TOY_ANCHORS, len(tree), 0.05, tree=tree, map=golden["map"])
        places = np.flatnonzero(golden["objectness"].ravel() > F(0.05))
        np.testing.assert_array_equal(found.dense(200), golden["map_prob"].reshape(-1, 200)[places])


def test_paper_mode_goes_deeper(tmp_path: Path) -> None:
    with np.load(GOLDENS / "p17_tree_depth4.npz") as golden:
        tree = golden_tree(golden, tmp_path)
        args = (golden["output"], TOY_ANCHORS, len(tree), 0.1)
        darknet, paper = (
            decode_region(*args, tree=tree, hier_thresh=0.1, hier_mode=mode) for mode in ("darknet", "paper")
        )
    deeper = [len(tree.path(p)) - len(tree.path(d)) for d, p in zip(darknet.class_id, paper.class_id, strict=True)]
    assert min(deeper) == 0
    assert max(deeper) > 0


# Several heads, and the way to detections


def candidates(boxes, objectness, entries) -> Candidates:
    index, class_id, probability = zip(*entries, strict=True) if entries else ((), (), ())
    return Candidates(
        np.array(boxes, F).reshape(-1, 4), np.array(objectness, F),
        np.array(index, np.intp), np.array(class_id, np.intp), np.array(probability, F),
    )  # fmt: skip


def test_join_keeps_entries_with_their_boxes() -> None:
    a, b = (
        decode_yolo(head(7, 2, 9), TOY_ANCHORS[:2], 64, 64, 0.4),
        decode_region(head(8, 3, 9), TOY_ANCHORS, 4, 0.4),
    )
    both = join([a, b])
    assert len(both) == len(a) + len(b)
    np.testing.assert_array_equal(both.boxes, np.concatenate([a.boxes, b.boxes]))
    np.testing.assert_array_equal(both.dense(4), np.concatenate([a.dense(4), b.dense(4)]))
    assert len(join([])) == 0


def test_one_detection_for_each_box_and_class_best_first() -> None:
    given = candidates(
        [[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]], [0.9, 0.8], [(0, 1, 0.3), (0, 0, 0.5), (1, 2, 0.4)]
    )
    found = to_detections(given, ["cat", "dog"], 200, 100, 50, 50, fit="stretch")
    assert [(d.class_id, d.name) for d in found] == [(0, "cat"), (2, "2"), (1, "dog")]
    assert [d.confidence for d in found] == [pytest.approx(p, abs=1e-7) for p in (0.5, 0.4, 0.3)]
    assert found[0].box == found[2].box == pytest.approx((100, 50, 40, 20))
    assert found[1].objectness == pytest.approx(0.8)
    assert all(type(v) is float for d in found for v in (*d.box, d.confidence, d.objectness))


def test_equally_confident_ones_stand_in_the_order_of_boxes_and_classes() -> None:
    boxes = [[i / 64, 0.5, 0.1, 0.1] for i in range(64)]
    given = candidates(boxes, [0.9] * 64, [(i, k, 0.25 + 0.25 * (i % 2)) for i in range(64) for k in range(3)])
    found = to_detections(given, [], 64, 64, 64, 64, nms=0)
    assert [(d.box.x, d.class_id) for d in found] == [
        (i, k) for i in [*range(1, 64, 2), *range(0, 64, 2)] for k in range(3)
    ]


def test_darknets_order_of_lines() -> None:
    """As Debian's program prints dog.jpg at .25 (see goldens/real_weights.json)."""
    boxes = [[0.7, 0.2, 0.3, 0.2], [0.75, 0.22, 0.1, 0.1], [0.3, 0.6, 0.3, 0.6]]
    given = candidates(
        boxes, [0.86, 0.85, 0.57], [(0, 2, 0.62), (0, 7, 0.42), (1, 2, 0.52), (1, 7, 0.55), (2, 16, 0.56)]
    )

    def order(**options) -> list[tuple[int, float]]:
        found = to_detections(given, [], 64, 64, 64, 64, **options)
        assert [d.confidence for d in found] == sorted([d.confidence for d in found], reverse=True)
        return [(d.class_id, round(d.confidence, 2)) for d in in_darknet_order(found)]

    assert order() == [(16, 0.56), (2, 0.52), (7, 0.55), (2, 0.62), (7, 0.42)]
    assert [class_id for class_id, _ in order(nms_kind="obj")] == [2, 7, 2, 7, 16]
    assert [class_id for class_id, _ in order(nms=0)] == [2, 7, 2, 7, 16]


def test_letterbox_is_undone() -> None:
    # An image of 200x100 fills the rows 12 to 37 of 50x50.
    given = candidates([[0.5, 0.49, 1.0, 0.5]], [0.9], [(0, 0, 0.9)])
    (found,) = to_detections(given, ["dog"], 200, 100, 50, 50)
    assert found.box == pytest.approx((100, 48, 200, 100), abs=1e-3)  # (50 - 25) / 2 is 12.5 in Darknet, too


def test_suppression_by_class_by_box_and_none() -> None:
    boxes = [[0.5, 0.5, 0.2, 0.2]] * 2
    given = candidates(boxes, [0.9, 0.8], [(0, 0, 0.9), (1, 0, 0.7), (1, 1, 0.8)])

    def classes(**options) -> list[int]:
        return [d.class_id for d in to_detections(given, ["a", "b"], 10, 10, 10, 10, **options)]

    assert classes() == [0, 1]
    assert classes(nms_kind="obj") == [0]
    assert classes(nms=0) == [0, 1, 0]
    with pytest.raises(ValueError, match="'greedy'"):
        classes(nms_kind="greedy")


def test_path_in_a_tree(tmp_path: Path) -> None:
    path = tmp_path / "t.tree"
    path.write_text("n1 -1\nn2 0\nn3 1\n")
    given = candidates([[0.5, 0.5, 0.2, 0.2]], [0.9], [(0, 2, 0.9)])
    (found,) = to_detections(given, ["animal", "mammal", "dog"], 10, 10, 10, 10, tree=read_tree(path))
    assert found.path == ("animal", "mammal", "dog")


def test_boxes_without_end_are_left_out() -> None:
    output = head(9, 3, 9)
    output.reshape(3, 9, 20)[:, 2] = 1000
    found = decode_region(output, TOY_ANCHORS, 4, 0.1)
    assert np.isinf(found.boxes[:, 2]).all()
    assert to_detections(found, [], 10, 10, 10, 10) == []


def test_nothing_of_the_picture_nothing_found() -> None:
    given = candidates([[0.5, 0.5, 0.2, 0.2]], [0.9], [(0, 0, 0.9)])
    assert to_detections(given, ["dog"], 20_000, 1, 416, 416) == []
