"""[region]'s loss: against the naive one over all settings, and against the numbers of two Darknets."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.dialects import DIALECTS
from pydarknet.plan.statistics import HeadStatistics
from pydarknet.train.augment import stretched
from pydarknet.train.truth import NOWHERE, boxes
from tests.lib.contents import Refused, contents
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_delta_close
from tests.ops.loss_goldens import cases, load, run_region
from tests.reference import region as heads
from tests.reference.region_loss import Rules, path, region_loss

# Depths 1 to 5; groups {0, 1, 2}, {3, 4}, {5, 6, 7}, {8}, {9, 10}, {11, 12}.
TREE = [-1, -1, -1, 0, 0, 1, 1, 1, 4, 8, 8, 10, 10]
ANCHORS = np.array([0.8, 1.1, 1.9, 1.4, 2.6, 3.2], np.float32)


def groups(parents: list[int]) -> tuple[np.ndarray, ...]:
    """The arrays of a tree: parent, group, and each group's offset and size."""
    starts = [i for i in range(len(parents)) if i == 0 or parents[i] != parents[i - 1]]
    sizes = np.diff([*starts, len(parents)])
    group = np.repeat(np.arange(len(starts)), sizes)
    return tuple(np.array(a, np.int32) for a in (parents, group, starts, sizes))


def truths(rng: np.random.Generator, images: int, classes: int, coords: int = 4, most: int = 8) -> np.ndarray:
    """Lists of 0 to `most` boxes, often several of a cell."""
    rows = np.zeros((images, most, coords + 1), np.float32)
    for image in range(images):
        count = int(rng.integers(0, most + 1))
        centres = rng.uniform(0.01, 0.99, (count, 2))
        if count > 2:
            centres[2] = centres[0]
        rows[image, :count, :2] = centres
        rows[image, :count, 2:4] = rng.uniform(0.02, 0.9, (count, 2))
        rows[image, :count, 4:coords] = rng.uniform(0, 1, (count, coords - 4))
        rows[image, :count, coords] = rng.integers(0, classes, count)
    return rows


def mark_class_only(rng: np.random.Generator, rows: np.ndarray, classes: int) -> None:
    """Some images get a class without a box, first in the list or behind boxes."""
    for image in rows:
        if rng.random() < 0.5:
            image[int(rng.integers(0, 1 + np.count_nonzero(image[:, 0]) % len(image)))] = [
                *[999999] * (rows.shape[2] - 1), rng.integers(0, classes),
            ]  # fmt: skip


def random_rules(rng: np.random.Generator, dialect: str) -> Rules:
    flip = lambda: bool(rng.random() < 0.5)  # noqa: E731
    kind = rng.choice(["softmax", "linear", "tree", "background"])
    tree = TREE if kind == "tree" else None
    classes = len(TREE) if tree else int(rng.integers(1, 6))
    labels = int(rng.integers(1, 8))
    region, classfix = DIALECTS[dialect].region, DIALECTS[dialect].classfix
    options: dict[str, Any] = asdict(region) | {"multi_label": region.multi_label and kind == "linear"}
    if flip():
        options["class_only"] = "assume"
    return Rules(
        ANCHORS[: 2 * int(rng.integers(1, 4))], classes, int(rng.choice([4, 4, 6])), tree,
        rng.integers(0, classes, max(labels, classes)).tolist() if flip() else None,
        int(rng.choice([1, 12799, 12800, 40000])),
        *rng.uniform(0.3, 5, 5).tolist(),
        thresh=float(rng.uniform(0.1, 0.7)), bias_match=flip(), rescore=flip(), background=kind == "background",
        class_only_box=str(rng.choice(["probable", "largest", "surest"])),
        focal_loss=classfix and flip(), classfix=int(rng.integers(-1, 3)) if classfix else 0, **options,  # type: ignore[misc]
    )  # fmt: skip


def run(
    ops: Ops, arrays: Arrays, output: np.ndarray, rows: np.ndarray, rules: Rules
) -> tuple[np.ndarray, HeadStatistics]:
    options = asdict(rules)
    tree = None if rules.tree is None else groups(list(rules.tree))
    anchors, classes, coords = (options.pop(name) for name in ("anchors", "classes", "coords"))
    options |= {"tree": tree, "map": None if rules.map is None else np.array(rules.map, np.int32)}
    delta = arrays.empty(*output.shape)
    statistics = ops.region_loss(output, rows, delta, anchors, classes, coords, **options)
    assert statistics.dtype == np.float64
    return delta, HeadStatistics(*statistics)


def random_output(rng: np.random.Generator, rules: Rules, images: int, h: int, w: int) -> np.ndarray:
    num = len(rules.anchors) // 2
    x = rng.normal(0, 1, (images, num * (rules.coords + 1 + rules.classes), h, w))
    if rng.random() < 0.5:  # nothing to be seen: the objectness is below .3
        x.reshape(images, num, -1, h, w)[:, :, rules.coords] -= 3
    sizes = None if rules.tree is None else groups(list(rules.tree))[3].tolist()
    softmax = not rules.multi_label
    y = heads.region(x, num, rules.classes, rules.coords, softmax, rules.background, sizes)
    return y.astype(np.float32)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("seed", range(40))
def test_against_naive(ops: Ops, arrays: Arrays, dialect: str, seed: int) -> None:
    rng = np.random.default_rng([seed, *map(ord, dialect)])
    for _ in range(3):
        rules = random_rules(rng, dialect)
        images, h, w = int(rng.integers(1, 4)), int(rng.integers(1, 6)), int(rng.integers(1, 6))
        output = random_output(rng, rules, images, h, w)
        most = len(rules.map) if rules.map else rules.classes
        rows = truths(rng, images, most + 2 if rules.skip_large_labels and not rules.map else most, rules.coords)
        if rules.skip_large_labels and rules.map:
            rows[..., -1] %= rules.classes + 1  # one label too many, which is passed over
        if rules.tree is not None:
            mark_class_only(rng, rows, rules.classes)
        delta, statistics = run(ops, arrays, arrays.plain(output), rows, rules)
        expected, sums = region_loss(output, rows, rules)
        assert_delta_close(delta, expected)
        for name, value in sums.items():
            np.testing.assert_allclose(getattr(statistics, name), value, rtol=1e-5, atol=1e-6, err_msg=name)


# Relative to the norm. The programs' logistic and exp are -Ofast ones, and products come in another order; the
# input of AlexeyAB's head is not kept, and differs from the one that is by batch norm (which plain_* don't have).
def golden_tolerance(name: str, dialect: str) -> float:
    return 1e-5 if dialect == "p17" or name.startswith("train_plain") else 1e-4


@pytest.mark.parametrize(("name", "dialect"), cases())
def test_goldens(ops: Ops, name: str, dialect: str, tmp_path: Path) -> None:
    golden = load(name)
    delta, statistics = run_region(ops, golden, dialect, tmp_path)
    expected = golden[f"{dialect}_head_delta"]
    tolerance = golden_tolerance(name, dialect)
    assert np.linalg.norm(delta - expected) < tolerance * np.linalg.norm(expected)
    np.testing.assert_array_equal(delta == 0, expected == 0)
    s = HeadStatistics(*statistics)
    np.testing.assert_allclose(s.loss, golden[f"{dialect}_errors"][0, 0], rtol=tolerance)
    assert_line(str(golden[f"{dialect}_lines"][0]), s, delta, tolerance)


def assert_line(line: str, s: HeadStatistics, delta: np.ndarray, tolerance: float) -> None:
    """The printed averages, to six decimals; nan where nothing was counted."""
    values = [float(v) for v in re.findall(r"(-?nan|-?\d+\.\d+|\d+$)", line)]
    iou, category, objectness, no_objectness, recall, count = values
    assert count == s.matched
    assert np.isnan(iou) == (s.matched == 0)
    boxes = 3 * delta[:, 0].size
    ours = [s.category / s.classified, s.any_objectness / boxes]
    theirs = [category, no_objectness]
    if s.matched:
        ours += [s.iou / s.matched, s.objectness / s.matched, s.recall / s.matched]
        theirs += [iou, objectness, recall]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_threads_dont_change_a_bit(ops: Ops, arrays: Arrays, dialect: str) -> None:
    rng = np.random.default_rng(7)
    rules = random_rules(rng, dialect)
    output = random_output(rng, rules, 7, 5, 4)
    rows = truths(rng, 7, rules.classes, rules.coords)
    results = []
    for threads in (1, 2, 3):
        ops.set_num_threads(threads)
        results.append(run(ops, arrays, output, rows, rules))
    for delta, statistics in results[1:]:
        np.testing.assert_array_equal(delta, results[0][0])
        assert statistics == results[0][1]


def test_later_truth_wins_along_the_tree(ops: Ops, arrays: Arrays) -> None:
    """Two truths of one box: the groups that only the first one's path touches keep their deltas."""
    rules = Rules(ANCHORS[:2], len(TREE), tree=TREE, seen=20000)
    output = random_output(np.random.default_rng(1), rules, 1, 1, 1)
    rows = np.array([[[0.5, 0.5, 0.4, 0.4, 12], [0.5, 0.5, 0.2, 0.3, 5]]], np.float32)
    delta, _ = run(ops, arrays, output, rows, rules)
    p, d = output[0, 5:, 0, 0], delta[0, 5:, 0, 0]
    np.testing.assert_allclose(d[12], 1 - p[12], rtol=1e-6)
    np.testing.assert_allclose([d[5], d[1], d[0]], [1 - p[5], 1 - p[1], -p[0]], rtol=1e-6)


@pytest.mark.parametrize("boxed", [False, True])
def test_labels_of_inner_nodes_leave_the_groups_below_untouched(ops: Ops, arrays: Arrays, boxed: bool) -> None:
    """With a box and without one: what learns is the groups on the way up, all of each; but 8, which is alone and
    knows it."""
    rules = Rules(ANCHORS, len(TREE), tree=TREE, seen=20000)
    output = random_output(np.random.default_rng(6), rules, 1, 3, 3)
    learns = {1: [0, 1, 2], 4: [0, 1, 2, 3, 4], 8: [0, 1, 2, 3, 4], 10: [0, 1, 2, 3, 4, 9, 10]}
    for node, expected in learns.items():
        row = [0.5, 0.5, 0.4, 0.4, node] if boxed else [999999] * 4 + [node]
        delta, statistics = run(ops, arrays, output, np.array([[row]], np.float32), rules)
        classes = delta.reshape(3, -1, 9)[:, 5:].transpose(0, 2, 1).reshape(27, -1)
        (taught,) = np.flatnonzero(classes.any(axis=1))
        assert np.flatnonzero(classes[taught]).tolist() == expected
        assert statistics.classified == 1


@pytest.mark.parametrize("bias_match", [False, True])
def test_first_of_equal_anchors_wins(ops: Ops, arrays: Arrays, bias_match: bool) -> None:
    rules = Rules(np.tile(ANCHORS[:2], 3), 2, seen=20000, bias_match=bias_match)
    output = np.full((1, 21, 2, 2), 0.25, np.float32)
    delta, _ = run(ops, arrays, output, np.array([[[0.4, 0.4, 0.3, 0.3, 1]]], np.float32), rules)
    np.testing.assert_array_equal(delta.reshape(3, 7, 2, 2)[:, 5:].any(axis=(1, 2, 3)), [True, False, False])


def test_classfix_with_a_map(ops: Ops, arrays: Arrays) -> None:
    """Boxes above the threshold learn the label as it is: nothing where the head has no such class."""
    rules = Rules(ANCHORS, 2, map=[0, 1, 0, 1, 0], classfix=1, thresh=0.01, seen=20000)
    output = random_output(np.random.default_rng(4), rules, 1, 4, 4)
    for label in (1, 4):
        rows = np.array([[[0.5, 0.5, 0.6, 0.6, label]]], np.float32)
        delta, statistics = run(ops, arrays, output, rows, rules)
        expected, _ = region_loss(output, rows, rules)
        assert_delta_close(delta, expected)
        assert (statistics.classified > 1) == (label == 1)


def test_zero_ends_the_list_and_far_edges_are_inside(ops: Ops, arrays: Arrays) -> None:
    rules = Rules(ANCHORS, 2, seen=20000)
    output = random_output(np.random.default_rng(2), rules, 1, 3, 4)
    rows = np.array([[[1, 1, 0.3, 0.3, 1], [0, 0.5, 0.2, 0.2, 9], [7, 7, -1, 0, 77]]], np.float32)
    delta, statistics = run(ops, arrays, output, rows, rules)
    assert statistics.matched == 1
    taught = delta.reshape(3, 7, 3, 4)[:, 5:].any(axis=(0, 1))
    assert taught[2, 3]
    assert taught.sum() == 1


@pytest.mark.contents
@pytest.mark.parametrize(
    ("row", "message"),
    [([0.5, 0.5, 0.1, 0.1, 3], "image 1, box 1: class 3"), ([0.5, 0.5, 0.1, 0.1, -1], "image 1, box 1: class -1"),
     ([0.5, 0.5, 0.1, 0.1, np.nan], "image 1, box 1: class"), ([1.5, 0.5, 0.1, 0.1, 0], "image 1, box 1: centre"),
     ([0.5, np.nan, 0.1, 0.1, 0], "image 1, box 1: centre"), ([0.5, 0.5, 0, 0.1, 0], "image 1, box 1: size"),
     ([0.5, 0.5, 0.1, np.inf, 0], "image 1, box 1: size"), ([np.nan, 0.5, 0.1, 0.1, 0], "image 1, box 1: centre"),
     ([999999, 999999, 999999, 999999, 0], "image 1, box 1: a class without a box needs a tree")],
)  # fmt: skip
def test_bad_truths(ops: Ops, arrays: Arrays, refused: Refused, row: list[float], message: str) -> None:
    rules = Rules(ANCHORS, 3)
    output = random_output(np.random.default_rng(3), rules, 2, 2, 2)
    rows = np.zeros((2, 3, 5), np.float32)
    rows[1, :2] = [[0.5, 0.5, 0.1, 0.1, 0], row]
    with refused(f"region_loss: argument 'truth': {re.escape(message)}"):
        run(ops, arrays, output, rows, rules)


def test_a_class_without_a_box_is_marked_as_the_losses_read_it(ops: Ops, arrays: Arrays) -> None:
    """From the label to the loss: the image becomes one of a class only, which learns wherever it is likeliest."""
    assert ops.nowhere == NOWHERE
    label = np.array([[3, 0, 0, 0, 0]], np.float32)
    rules = Rules(ANCHORS, len(TREE), tree=TREE, class_only="ignore", seen=20000)
    rows = boxes(stretched((8, 8)), label, np.arange(1), (8, 8), (8, 8), DIALECTS["darknet2018"].truth, 2)[None]
    output = random_output(np.random.default_rng(3), rules, 1, 2, 2)
    delta, statistics = run(ops, arrays, output, rows, rules)
    learnt = delta.reshape(len(ANCHORS) // 2, 5 + len(TREE), -1)
    assert not learnt[:, :5].any()
    assert np.count_nonzero(learnt.any(axis=1)) == 1
    assert statistics.matched == 0


def test_a_class_without_a_box_teaches_the_largest_that_is_seen(ops: Ops, arrays: Arrays) -> None:
    """By its area inside the image, whatever its objectness; cell by cell the first of those that fill it. No place,
    and no other box's classes, learn."""
    rules = Rules(ANCHORS, len(TREE), tree=TREE, class_only_box="largest", seen=20000)
    output = random_output(np.random.default_rng(3), rules, 1, 3, 3)
    entries = output.reshape(3, -1, 3, 3)
    entries[:, 2:4] = -3
    entries[:, 4] = 0.9
    entries[2, :5, 1, 1] = [0.5, 0.5, 0, 0, 0.1]
    entries[2, :4, 0, 0] = [0, 0, 0.2, 0.2]  # larger, but three quarters of it are outside
    rows = np.array([[[999999] * 4 + [12]]], np.float32)
    for place in ((2, 1, 1), (0, 2, 2), (1, 1, 0)):
        if place[0] < 2:
            entries[place[0], 2:4, place[1], place[2]] = 8
        learnt = run(ops, arrays, output, rows, rules)[0].reshape(entries.shape)
        assert not learnt[:, :4].any()
        np.testing.assert_array_equal(np.argwhere(learnt[:, 5:].any(axis=1)), [place])


@pytest.mark.parametrize("chosen", ["probable", "largest", "surest"])
def test_classes_of_a_class_without_a_box_are_the_gradient_of_its_cross_entropy(ops: Ops, chosen: str) -> None:
    """Finite differences of -log p(class) of the box that learns, over the head's input."""
    rules = Rules(ANCHORS, len(TREE), tree=TREE, class_only_box=chosen, class_only="ignore", seen=20000)
    x = np.random.default_rng(5).normal(0, 1, (1, 3 * (5 + len(TREE)), 2, 2))
    sizes = groups(TREE)[3].tolist()

    def head(x: np.ndarray) -> np.ndarray:
        return heads.region(x, 3, len(TREE), 4, True, False, sizes)

    rows = np.array([[[999999] * 4 + [11]]], np.float32)
    delta = np.empty(x.shape, np.float32)
    options = asdict(rules) | {"tree": groups(TREE)}
    anchors, classes, coords = (options.pop(name) for name in ("anchors", "classes", "coords"))
    ops.region_loss(head(x).astype(np.float32), rows, delta, anchors, classes, coords, **options)
    (a, i, j), *others = np.argwhere(delta.reshape(3, -1, 2, 2).any(axis=1))
    assert not others

    def loss(x: np.ndarray) -> float:
        return -float(np.log(head(x).reshape(3, -1, 2, 2)[a, 5:, i, j][path(TREE, 11)]).sum())

    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-4
        np.testing.assert_allclose(delta[place], (loss(x - step) - loss(x + step)) / 2e-4, atol=1e-6)


@pytest.mark.contents
def test_bad_classes_of_maps_and_trees(ops: Ops, arrays: Arrays, refused: Refused) -> None:
    output = random_output(np.random.default_rng(3), Rules(ANCHORS, len(TREE), tree=TREE), 1, 2, 2)
    box = np.array([[[0.5, 0.5, 0.1, 0.1, 1]]], np.float32)
    with refused("image 0, box 0: class 1, expected 0 to 0"):
        run(ops, arrays, output, box, Rules(ANCHORS, len(TREE), map=[2]))
    with refused("image 0, box 0: the map leads to class 13"):
        run(ops, arrays, output, box, Rules(ANCHORS, len(TREE), map=[2, 13]))
    only = np.array([[[999999, 999999, 999999, 999999, 13]]], np.float32)
    for dialect in DIALECTS.values():
        with refused("image 0, box 0: class 13"):
            run(ops, arrays, output, only, Rules(ANCHORS, len(TREE), tree=TREE, **asdict(dialect.region)))


@pytest.mark.parametrize("damage", [*map(contents, ["parent", "group", "offset", "size"]), "length", "type"])
def test_bad_trees(ops: Ops, arrays: Arrays, refused: Refused, damage: str) -> None:
    output = random_output(np.random.default_rng(3), Rules(ANCHORS, len(TREE), tree=TREE), 1, 2, 2)
    parent, group, offset, size = groups(TREE)
    if damage == "parent":
        parent[3] = 3
    elif damage == "group":
        group[5] = 6
    elif damage == "offset":
        offset[1] = 13
    elif damage == "size":
        size[5] = 3
    elif damage == "length":
        parent = parent[:-1]
    tree = (parent, group, offset, size) if damage != "type" else [parent, group, offset, size]
    with refused("region_loss: argument 'tree'"):
        ops.region_loss(
            output, np.zeros((1, 1, 5), np.float32), arrays.empty(*output.shape), ANCHORS, len(TREE), 4, tree, seen=0
        )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"classes": 3}, "output"), ({"coords": 3}, "coords"), ({"anchors": ANCHORS[:5]}, "anchors"),
     ({"anchors": ANCHORS[:0]}, "anchors"), ({"classfix": 3}, "classfix"), ({"class_only": "none"}, "class_only"),
     ({"class_only_box": "first"}, "class_only_box"),
     ({"truth": np.zeros((2, 3, 5), np.float32)}, "truth"), ({"truth": np.zeros((1, 3, 6), np.float32)}, "truth"),
     ({"map": np.zeros(3, np.int64)}, "map"), ({"delta": np.zeros((1, 21, 2, 3), np.float32)}, "delta")],
)  # fmt: skip
def test_arguments(ops: Ops, change: dict[str, Any], argument: str) -> None:
    given: dict[str, Any] = {
        "output": np.zeros((1, 21, 2, 2), np.float32), "truth": np.zeros((1, 3, 5), np.float32),
        "delta": np.zeros((1, 21, 2, 2), np.float32), "anchors": ANCHORS, "classes": 2, "coords": 4, "seen": 0,
    }  # fmt: skip
    ops.region_loss(**given)
    with pytest.raises(ValueError, match=f"region_loss: argument '{argument}'"):
        ops.region_loss(**given | change)
    with pytest.raises(ValueError, match="region_loss: argument 'delta': must not be output"):
        ops.region_loss(**given | {"delta": given["output"]})
