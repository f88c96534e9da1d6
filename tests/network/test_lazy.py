"""Classes of a tree computed for those who ask: the detections of the whole head, for less."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.detection.options import DetectOptions
from pydarknet.formats.tree import read_tree
from pydarknet.video.averaging import Averager
from tests.lib import nets, tree_nets

PICTURES = [nets.picture(seed=seed) for seed in range(3)]
WAYS: list[dict[str, Any]] = [
    {"thresh": thresh, "hier_thresh": hier, "hier_mode": mode, "region_rule": rule}
    for thresh in (0.0, 0.5)
    for hier, mode in ((0.1, "darknet"), (0.5, "darknet"), (0.2, "paper"))
    for rule in ("objectness", "class")
]


class Counted:
    """How many numbers `pointwise_softmax` was asked for; the op works as ever."""

    def __init__(self, net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self.values, self.calls = 0, 0
        op = net.backend.ops.pointwise_softmax

        def counting(*args: Any, **options: Any) -> None:
            self.values, self.calls = self.values + args[6].size, self.calls + 1
            op(*args, **options)

        monkeypatch.setattr(net.backend.ops, "pointwise_softmax", counting)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_the_same_detections(seed: int, tmp_path: Path) -> None:
    net = tree_nets.detector(tmp_path, seed)
    maps = [None, [0], np.random.default_rng(seed).integers(0, net.classes, 7).tolist(), list(range(net.classes))]
    seen = set()
    reports = [{"depth": 2}, {"leaf_only": True}, {"classes": [0, net.classes - 1]}]
    for way in [*WAYS, *reports, *({"thresh": 0.05, "map": map} for map in maps)]:
        lazy = net.detect(PICTURES, **way, batch=3)
        assert lazy == net.detect(PICTURES, **way, batch=3, lazy=False), way
        assert lazy == [net.detect(each, **way) for each in PICTURES], way
        seen |= {len(found.path) for each in lazy for found in each}
    assert len(seen) > 2, "walks of several depths"


@pytest.mark.emu
@pytest.mark.parametrize("seed", range(3))
def test_the_same_detections_on_a_device(seed: int, tmp_path: Path) -> None:
    """There sums go in other orders, so that numbers differ in their last digits."""
    net = tree_nets.detector(tmp_path, seed, device="emu", precision="fp32")
    paper = {"thresh": 0.3, "hier_mode": "paper", "hier_thresh": 0.2}
    for way in ({"thresh": 0.3}, paper, {"thresh": 0.001, "map": list(range(0, net.classes, 5))}):
        lazy, whole = net.detect(PICTURES[0], **way), net.detect(PICTURES[0], **way, lazy=False)
        assert [each.path for each in lazy] == [each.path for each in whole]
        numbers = [[(each.confidence, *each.box) for each in found] for found in (lazy, whole)]
        np.testing.assert_allclose(*numbers, rtol=1e-5)
        assert lazy


def test_only_what_the_walk_looks_at_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tree_nets.detector(tmp_path, 1)
    tree, counted = net.class_tree(), Counted(net, monkeypatch)
    assert tree is not None
    found = net.detect(PICTURES[0], thresh=0.9, hier_thresh=0, nms=0)  # all walks end at a leaf
    passed = np.concatenate([tree.groups_above([each.class_id]) for each in found])
    assert 0 < len(found) < net.heads()[0].boxes / 2
    assert counted.values == tree.group_size[passed].sum() < len(found) * len(tree) / 2
    assert counted.calls == max(len(each.path) for each in found), "all boxes take a step together"
    assert not {key for key in net._constants if key.startswith(f"{len(net.layers) - 2}.packed")}


def test_no_box_asks_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tree_nets.detector(tmp_path, 1)
    counted = Counted(net, monkeypatch)
    assert net.detect(PICTURES[0], thresh=1.0) == net.detect(PICTURES[0], thresh=1.0, map=[1, 2]) == []
    assert counted.calls == 0


def test_who_wants_all_classes_gets_them(tmp_path: Path) -> None:
    net, whole = (tree_nets.detector(tmp_path, 2) for _ in range(2))
    net.detect(PICTURES[0])
    whole.detect(PICTURES[0], lazy=False)
    np.testing.assert_array_equal(net.layers[-1].output, whole.layers[-1].output)
    np.testing.assert_array_equal(net.layers[-2].output, whole.layers[-2].output)
    x = nets.batch(net)
    assert net.forward(x).shape == (1, *net.outputs)
    np.testing.assert_array_equal(net.forward(x), whole.forward(x))


def test_averages_of_frames_are_of_whole_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tree_nets.detector(tmp_path, 3)
    counted, options = Counted(net, monkeypatch), DetectOptions(0.4)
    averager = Averager(net, 2)
    assert averager.detect(PICTURES[0], options) == net.find(PICTURES[:1], DetectOptions(0.4, lazy=False))[0]
    averager.detect(PICTURES[1], options)
    assert counted.calls == 0


def test_weights_and_sizes_are_followed(tmp_path: Path) -> None:
    net = tree_nets.detector(tmp_path, 4)

    def change() -> None:
        net.layers[-2].parameters["weights"][...] *= -1
        net.layers[-2].parameters["biases"][...] += 0.5
        net.parameters_changed()

    for step in (lambda: None, change, lambda: net.resize(16, 8), change):
        step()
        assert net.detect(PICTURES[0], thresh=0.3) == net.detect(PICTURES[0], thresh=0.3, lazy=False) != []


def test_threads_at_once(tmp_path: Path) -> None:
    net = tree_nets.detector(tmp_path, 5)
    alone = [net.detect(each, thresh=0.2) for each in PICTURES]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda each: net.detect(each, thresh=0.2), PICTURES * 4))
    assert together == alone * 4


CHANGES = {
    "activation": ("activation=linear", "activation=leaky"),
    "batch norm": ("filters=FILTERS", "filters=FILTERS\nbatch_normalize=1"),
    "kernel": ("filters=FILTERS", "filters=FILTERS\nsize=3\npad=1"),
    "groups": ("filters=FILTERS", "filters=FILTERS\ngroups=3"),
    "background": ("softmax=1", "softmax=1\nbackground=1"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_heads_are_computed_whole(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tree_nets.write_tree(tmp_path, 0)
    text = tree_nets.cfg_text(tree, tree_nets.DETECTOR)
    count = len(read_tree(tree))
    before, after = (each.replace("FILTERS", str(3 * (5 + count))) for each in CHANGES[change])
    head, _, last = text.rpartition(before)
    net = nets.from_text(head + after + last)
    counted = Counted(net, monkeypatch)
    assert not net.is_lazy
    assert net.detect(PICTURES[0], thresh=0.1) == net.detect(PICTURES[0], thresh=0.1, lazy=False)
    assert counted.calls == 0


def test_a_network_whose_class_filters_somebody_else_reads_is_computed_whole(tmp_path: Path) -> None:
    text = tree_nets.cfg_text(tree_nets.write_tree(tmp_path, 0))
    assert nets.from_text(text).is_lazy
    assert not nets.from_text(text + "[route]\nlayers=-2\n").is_lazy
    assert not nets.from_text(nets.net_text(nets.DETECTOR)).is_lazy, "no tree"
