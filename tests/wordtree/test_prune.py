"""`tree prune`: the smaller detector finds what the whole one does, as far down as its tree goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.errors import CfgError, DataError
from pydarknet.formats.cfg import parse_cfg
from pydarknet.formats.data import read_map, read_names
from pydarknet.formats.tree import read_tree
from pydarknet.surgery import change_classes
from pydarknet.wordtree import NamedTree, open_tree, prune, subset
from pydarknet.wordtree.subset import whole_groups
from tests.lib import nets, tree_nets
from tests.lib.cli_nets import call

PICTURES = [nets.picture(seed=seed) for seed in range(3)]
WRITTEN = [".cfg", ".weights", ".tree", ".names", ".labels"]


def whole(folder: Path, seed: int) -> tuple[Network, NamedTree]:
    """A detector with a random tree, and its names."""
    net = tree_nets.detector(folder, seed)
    named = open_tree(folder / "random.tree")
    net.names = named.names
    return net, named


def pruned(net: Network, named: NamedTree, keep: list[int], folder: Path) -> Network:
    prune(net, named, keep, folder / "small")
    return Network(folder / "small.cfg", folder / "small.weights", names=folder / "small.names")


def shortened(net: Network, names: set[str], how: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Detections with their path down to the last of these names."""
    found = []
    for each in net.detect(PICTURES[0], nms=0, **how):
        path = tuple(name for name in each.path if name in names)
        assert path == each.path[: len(path)]
        found.append((path, each.confidence, each.box))
    return sorted(found)


@pytest.mark.parametrize("lazy", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_detections_for_what_is_kept(seed: int, lazy: bool, tmp_path: Path) -> None:
    net, named = whole(tmp_path, seed)
    keep = np.random.default_rng(seed).choice(len(named.names), 2, replace=False).tolist()
    small = pruned(net, named, keep, tmp_path)
    names = set(small.names)
    below = [[n for n in range(len(named.names)) if root in named.tree.path(n)] for root in keep]
    assert {named.names[n] for n in [*keep, *below[0], *below[1]]} <= names
    for mode, hier in (("darknet", 0.0), ("darknet", 0.3), ("paper", 0.2)):
        how = {"thresh": 0.2, "hier_mode": mode, "hier_thresh": hier, "lazy": lazy}
        assert shortened(small, names, how) == shortened(net, names, how)
        assert shortened(small, names, how)


@pytest.mark.parametrize("seed", range(3))
def test_after_suppression(seed: int, tmp_path: Path) -> None:
    """Boxes compete within a class: those of a kept subtree meet the same others as before."""
    net, named = whole(tmp_path, seed)
    keep = [int(named.tree.child.argmax())]  # has children
    small = pruned(net, named, keep, tmp_path)
    kept = {name for n, name in enumerate(named.names) if keep[0] in named.tree.path(n)}
    for way in ({"thresh": 0.2, "hier_thresh": 0.1}, {"thresh": 0.2, "hier_thresh": 0.3, "hier_mode": "paper"}):
        old, new = (
            [(d.name, d.confidence, d.box) for d in each.detect(PICTURES[1], **way) if d.name in kept]
            for each in (net, small)
        )
        assert old == new


def test_groups_stay_whole_and_subsets_do_not(tmp_path: Path) -> None:
    path = tmp_path / "t.tree"
    path.write_text("animal -1\nthing -1\ndog 0\ncat 0\nchair 1\nbed 1\npuppy 2\ntom 3\n")
    named = open_tree(path)
    hierarchy, numbers = whole_groups(named, [2])
    assert hierarchy.ordered() == ["animal", "thing", "dog", "cat", "puppy"]
    assert numbers == [0, 1, 2, 3, 6]
    assert subset(named, [2])[0].ordered() == ["animal", "dog", "puppy"]


def test_keeping_all_changes_nothing(tmp_path: Path) -> None:
    net, named = whole(tmp_path, 1)
    small = pruned(net, named, [n for n in range(len(named.names)) if named.tree.parent[n] < 0], tmp_path)
    assert shortened(small, set(named.names), {}) == shortened(net, set(named.names), {}) != []


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command line in a folder with tree.cfg and tree.weights, whose tree has dogs and chairs."""
    monkeypatch.chdir(tmp_path)
    Path("t.tree").write_text("animal -1\nthing -1\ndog 0\ncat 0\nchair 1\nbed 1\npuppy 2\n")
    Path("t.names").write_text("animal\nthing\ndog\ncat\nchair\nbed\nyoung dog\n")
    Path("t.map").write_text("6\n2\n")
    Path("tree.cfg").write_text(tree_nets.cfg_text(Path("t.tree")).replace("softmax=1", "softmax=1\nmap=t.map"))
    Network("tree.cfg").save_weights("tree.weights")
    return lambda *words: call(capsys, *words)


PRUNE = ("tree", "prune", "tree.cfg", "tree.weights", "--keep")


def test_files(cli) -> None:
    result = cli(*PRUNE, "dog", "--out", "small")
    assert result.code == 0
    assert result.out.split()[0] == "small.cfg,"
    section = parse_cfg("small.cfg").sections[-1]
    assert (section.options["tree"], section.options["map"]) == ("small.tree", "small.map")
    tree = read_tree("small.tree")
    assert tree.name == ["animal", "thing", "dog", "cat", "puppy"]
    assert read_names("small.names") == ["animal", "thing", "dog", "cat", "young dog"]
    assert [tree.name[n] for n in read_map("small.map")] == ["puppy", "dog"]
    assert sorted(p.name for p in Path().glob("small.*")) == sorted(f"small{e}" for e in [*WRITTEN, ".map"])
    assert Network("small.cfg", "small.weights").classes == 5


def test_a_map_to_what_is_gone(cli) -> None:
    result = cli(*PRUNE, "chair", "--out", "small")
    assert (result.code, result.out, list(Path().glob("small*"))) == (2, "", [])
    assert "tree.cfg:" in result.err
    assert "map=t.map: 2 of its 2 classes (class 0 is the first) lead to nodes that are not kept" in result.err
    assert cli(*PRUNE, "chair", "--out", "small", "--without-map").code == 0
    assert "map" not in parse_cfg("small.cfg").sections[-1].options


@pytest.mark.parametrize("ending", [*WRITTEN, ".map"])
def test_no_file_is_replaced(cli, ending: str) -> None:
    Path(f"small{ending}").write_text("mine")
    result = cli(*PRUNE, "dog", "--out", "small")
    assert (result.code, f"small{ending}: is there already" in result.err) == (2, True)
    assert [p.name for p in Path().glob("small*")] == [f"small{ending}"]
    assert cli(*PRUNE, "dog", "--out", "small", "--force").code == 0
    assert Path(f"small{ending}").read_bytes() != b"mine"


@pytest.mark.parametrize("out", ["tree", "t", "./t"])
def test_inputs_are_never_replaced(cli, out: str) -> None:
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = cli(*PRUNE, "dog", "--out", out, "--force")
    assert (result.code, "would replace a file that is read" in result.err) == (2, True)
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_what_cannot_be_pruned(cli) -> None:
    Path("flat.cfg").write_text(nets.net_text(nets.DETECTOR))
    Network("flat.cfg").save_weights("flat.weights")
    result = cli("tree", "prune", "flat.cfg", "flat.weights", "--keep", "dog", "--out", "small")
    assert "flat.cfg: expected one [region] with a tree, found 0" in result.err
    result = cli(*PRUNE, "horse", "--out", "small")
    assert "has no node 'horse'" in result.err
    result = cli(*PRUNE, "dog", "--out", "no/folder/small")
    assert (result.code, "can't be written" in result.err) == (2, True)


def test_filters_that_others_read_are_not_cut() -> None:
    """A layer whose weights would no longer fit is an error, for prune and for other classes alike."""
    text = nets.net_text(nets.DETECTOR + "[route]\nlayers=-2\n[convolutional]\nfilters=4\nactivation=linear\n")
    with pytest.raises(CfgError, match="reads the filters that would change"):
        change_classes(nets.from_text(text), [0])


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.tree"
    path.write_text("animal -1\nthing -1\ncrane 0\ncrane 1\n")
    with pytest.raises(DataError, match=r"t.tree:4: 'crane' is on line 3 too"):
        subset(open_tree(path), [0, 1])
