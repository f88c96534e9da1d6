"""What of the detections is reported: part of the full list, whatever is asked for; and the walk, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet import Network
from pydarknet.detection.options import DetectOptions
from pydarknet.detection.results import Box, Detection
from pydarknet.errors import CfgError, DataError
from pydarknet.formats.named_classes import subtrees
from pydarknet.formats.tree import Tree
from tests.lib import tree_nets
from tests.lib.decoding import decode_region, to_detections
from tests.lib.nets import picture
from tests.lib.trees import trees

ANCHORS = [(0.8, 1.1), (1.9, 1.4)]
SEEDS = st.integers(0, 1 << 30)
WALKS = st.fixed_dictionaries({"hier_thresh": st.floats(0, 0.9), "hier_mode": st.sampled_from(["darknet", "paper"])})
KINDS = st.sampled_from([{"nms": 0.0}, {"nms_kind": "sort"}, {"nms_kind": "obj"}])


def head(tree: Tree, seed: int) -> np.ndarray:
    """An activated output (2 (5 + nodes), 3, 4): each group of siblings sums to 1."""
    rng = np.random.default_rng(seed)
    output = rng.random((2, 5 + len(tree), 3, 4)).astype(np.float32)
    for offset, size in zip(tree.group_offset, tree.group_size, strict=True):
        drawn = rng.dirichlet([0.3] * size, (2, 3, 4)).transpose(0, 3, 1, 2)
        output[:, 5 + offset : 5 + offset + size] = drawn
    return output.reshape(-1, 3, 4)


def found(tree: Tree, seed: int, classes: Any = None, **options: Any) -> list[Detection]:
    """The detections in such an output, with names that are the nodes' numbers."""
    candidates = decode_region(head(tree, seed), ANCHORS, len(tree), 0.3, tree=tree, **options)
    return to_detections(candidates, [], 60, 40, 96, 96, tree, thresh=0.3, classes=classes, **options)


def under(tree: Tree, node: int, tops: Sequence[int]) -> bool:
    return any(top in tree.path(node) for top in tops)


@given(trees(), SEEDS, WALKS, KINDS, st.data())
def test_classes_leave_what_lies_below_them(tree: Tree, seed: int, walk: Any, kind: Any, data: st.DataObject) -> None:
    tops = data.draw(st.lists(st.integers(0, len(tree) - 1), min_size=1, max_size=3))
    chosen = subtrees([tree.name[top] for top in tops], [], len(tree), tree)
    every = found(tree, seed, **walk, **kind)
    assert found(tree, seed, **walk, **kind, classes=chosen) == [
        each for each in every if under(tree, each.class_id, tops)
    ]


@given(trees(), SEEDS, WALKS, KINDS, st.integers(1, 6))
def test_depth_cuts_the_path(tree: Tree, seed: int, walk: Any, kind: Any, depth: int) -> None:
    every, cut = found(tree, seed, **walk, **kind), found(tree, seed, **walk, **kind, depth=depth)
    assert [(each.path, each.path_probabilities, each.box, each.confidence) for each in cut] == [
        (each.path[:depth], each.path_probabilities[:depth], each.box, each.confidence) for each in every
    ]
    assert all((each.name, str(each.class_id)) == (each.path[-1], each.path[-1]) for each in cut)


@given(trees(), SEEDS, WALKS, st.data())
def test_leaves_and_classes_are_of_the_walk_and_depth_comes_last(
    tree: Tree, seed: int, walk: Any, data: st.DataObject
) -> None:
    top = data.draw(st.integers(0, len(tree) - 1))
    chosen = subtrees([top], [], len(tree), tree)
    every, at_roots = found(tree, seed, **walk), found(tree, seed, **walk, depth=1)
    expected = [
        root
        for each, root in zip(every, at_roots, strict=True)
        if tree.is_leaf(each.class_id) and under(tree, each.class_id, [top])
    ]
    assert found(tree, seed, **walk, classes=chosen, leaf_only=True, depth=1) == expected


@given(trees(), SEEDS, st.floats(0, 0.95))
def test_the_papers_walk_uses_each_conditional_once(tree: Tree, seed: int, thresh: float) -> None:
    """Step by step, with NumPy: the most probable child as long as the product stays above the threshold."""
    cells = head(tree, seed).reshape(2, 5 + len(tree), 12)
    expected = []
    for anchor, cell in np.ndindex(2, 12):
        values = cells[anchor, :, cell]
        if values[4] <= np.float32(0.3):
            continue
        node, product = -1, np.float32(1)
        path: list[float] = []
        while len(below := np.flatnonzero(tree.parent == node)):
            best = below[np.argmax(values[5 + below])]
            if path and not product * values[5 + best] > np.float32(thresh):
                break
            node, product = int(best), product * values[5 + best]
            path.append(float(product))
            if not product > np.float32(thresh):
                break
        expected.append((float(values[4]), node, tuple(path)))
    walked = found(tree, seed, hier_thresh=thresh, hier_mode="paper", nms=0.0)
    mine = [(each.confidence, each.class_id, each.path_probabilities) for each in walked]
    assert mine == sorted(expected, key=lambda each: -each[0])


@given(trees(), SEEDS, WALKS)
def test_probabilities_along_the_path_never_rise(tree: Tree, seed: int, walk: Any) -> None:
    for each in found(tree, seed, **walk):
        assert len(each.path_probabilities) == len(each.path)
        assert sorted(each.path_probabilities, reverse=True) == list(each.path_probabilities)


@given(SEEDS, KINDS, st.sets(st.integers(0, 3), min_size=1))
def test_flat_classes(seed: int, kind: Any, chosen: set[int]) -> None:
    output = np.random.default_rng(seed).random((2 * 9, 3, 4)).astype(np.float32)
    candidates = decode_region(output, ANCHORS, 4, 0.2)
    mask = subtrees(sorted(chosen), [], 4)
    every, some = (
        to_detections(candidates, [], 60, 40, 96, 96, thresh=0.2, **kind, **more) for more in ({}, {"classes": mask})
    )
    assert some == [each for each in every if each.class_id in chosen]
    assert all(each.path == each.path_probabilities == () for each in every)


@given(trees(), SEEDS, st.data())
def test_mapped_classes_are_those_of_their_nodes(tree: Tree, seed: int, data: st.DataObject) -> None:
    nodes = st.integers(0, len(tree) - 1)
    map, top = data.draw(st.lists(nodes, min_size=1, max_size=5)), data.draw(nodes)
    chosen = subtrees([top], [], len(tree), tree)
    every = found(tree, seed, map=map)
    some = found(tree, seed, map=map, classes=chosen)
    assert some == [each for each in every if under(tree, map[each.class_id], [top])]


@pytest.mark.parametrize("seed", range(3))
def test_of_a_network(tmp_path: Path, seed: int) -> None:
    """By names, in batches, with and without lazy classes."""
    net = tree_nets.detector(tmp_path, seed)
    net.names = [f"name {i}" for i in range(net.classes)]
    tree, images = net.class_tree(), [picture(seed=i) for i in range(3)]
    assert tree is not None
    every = net.detect(images, thresh=0.1, hier_thresh=0.2, hier_mode="paper")
    top = next(each.class_id for found in every for each in found)
    words: list[tuple[str | int, ...] | str] = [(f"Name_{top}",), (tree.name[top],), (top,), f"name {top}"]
    for lazy in (True, False):
        for classes in words:
            some = net.detect(images, thresh=0.1, hier_thresh=0.2, hier_mode="paper", classes=classes, lazy=lazy)
            assert some == [[each for each in found if top in tree.path(each.class_id)] for found in every]
    roots = net.detect(images, thresh=0.1, hier_thresh=0.2, hier_mode="paper", depth=1)
    assert roots == [found.at_depth(1) for found in every]


class TestWrong:
    @pytest.fixture
    def net(self, tmp_path: Path) -> Network:
        net = tree_nets.detector(tmp_path, 0)
        net.names = [f"name {i}" for i in range(net.classes)]
        return net

    @pytest.mark.parametrize(
        ("classes", "hint"),
        [
            (["nmae 1"], r"no class is called 'nmae 1'; did you mean 'name 1'\?"),
            (["fish"], "no class is called 'fish'; expected one of"),
            ([-1], "whole numbers from 0 to"),
            ([], "expected at least one name"),
            ([""], "no class is called ''"),
        ],
    )
    def test_names(self, net: Network, classes: list[str | int], hint: str) -> None:
        with pytest.raises(DataError, match=hint):
            net.detect(picture(), classes=classes)

    @pytest.mark.parametrize("depth", [0, -1, 1.5, True, "2"])
    def test_levels(self, depth: Any) -> None:
        with pytest.raises(ValueError, match="expected a level of the tree, a whole number from 1"):
            DetectOptions(depth=depth)

    @pytest.mark.parametrize("option", [{"depth": 1}, {"leaf_only": True}])
    def test_levels_of_flat_classes(self, net: Network, tmp_path: Path, option: dict[str, Any]) -> None:
        with pytest.raises(DataError, match="with a map"):
            net.detect(picture(), map=[0], **option)
        cfg = tmp_path / "flat.cfg"
        cfg.write_text("\n".join(line for line in Path(net.cfg.file).read_text().split("\n") if "tree=" not in line))
        with pytest.raises(CfgError, match=r"flat\.cfg:\d+: .*its classes are flat, without levels"):
            Network(cfg).detect(picture(), **option)

    def test_names_that_no_network_has_looked_up(self) -> None:
        with pytest.raises(ValueError, match="settle"):
            to_detections(
                decode_region(np.ones((6, 1, 1), np.float32), [(1, 1)], 1, 0.5), [], 9, 9, 9, 9, classes=["a"]
            )


def test_path_text() -> None:
    dog = Detection(2, "dog", 0.9, 0.9, Box(1, 1, 1, 1), ("animal", "mammal", "dog"), (0, 0), (1.0, 0.954, 0.05))
    assert dog.path_text() == "animal > mammal > dog"
    assert dog.path_text(probabilities=True) == "animal 1.00 > mammal .95 > dog .05"
    assert Detection(2, "dog", 0.9, 0.9, Box(1, 1, 1, 1)).path_text(probabilities=True) == "dog"
