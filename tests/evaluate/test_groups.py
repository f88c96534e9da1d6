"""Measures along a tree as others define them, and boxed and never-boxed classes apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydarknet.errors import DataError
from pydarknet.evaluate import Detections, Truth, expanded, groups, hierarchical, naming, report, voc
from pydarknet.evaluate.ancestors import lift
from pydarknet.evaluate.groups import table
from pydarknet.evaluate.unboxed import never_boxed, read_unboxed
from pydarknet.evaluate.voc import mean
from pydarknet.formats.data import read_data
from pydarknet.formats.tree import Tree, read_tree
from tests.evaluate import naive
from tests.evaluate.random_sets import random_set
from tests.lib.trees import random_tree, trees

ANIMAL, THING, DOG, CAT, CHAIR, TERRIER, POODLE = range(7)
NAMES = ["animal", "thing", "dog", "cat", "chair", "terrier", "poodle"]
BOX, ASIDE = [0.0, 0, 10, 10], [50.0, 0, 10, 10]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    path: Path = tmp_path_factory.mktemp("tree") / "a.tree"
    path.write_text("animal -1\nthing -1\ndog 0\ncat 0\nchair 1\nterrier 2\npoodle 2\n")
    return read_tree(path)


def wandering(tree: Tree, seed: int) -> tuple[Truth, Detections]:
    """A random set whose detections are often of a node above or below the truth's."""
    truth, found = random_set(seed, classes=len(tree), images=2, difficult=0.2, whole=seed % 3 == 0)
    rng = np.random.default_rng(seed)
    nodes = [int(rng.choice([*tree.path(c), *np.flatnonzero(tree.parent == c)])) for c in found.class_id]
    return truth, Detections.of(found.image, nodes, found.box, found.score)


@pytest.mark.slow
@given(trees(), st.integers(0, 10_000))
def test_expanded_is_the_naive_one(tree: Tree, seed: int) -> None:
    truth, found = wandering(tree, seed)
    expected = naive.expanded(truth, found, tree, 0.5)
    assert expanded(truth, found, tree) == {
        node: value if value is None else pytest.approx(value, abs=1e-12) for node, value in expected.items()
    }


@pytest.mark.slow
@given(trees(), st.integers(0, 10_000))
def test_naming_is_the_naive_one(tree: Tree, seed: int) -> None:
    truth, found = wandering(tree, seed)
    nodes = np.random.default_rng(seed).random(len(tree)) < 0.7
    pairs, missed, false = naive.naming(truth, found, tree, 0.5, set(np.flatnonzero(nodes)))
    result = naming(truth, found, tree, nodes=nodes)
    shared, said, true = (
        sum(len(each) for each in sets)
        for sets in ([p & t for p, t in pairs], [p for p, _ in pairs], [t for _, t in pairs])
    )
    assert result.scores.precision == (shared / said if said else None)
    assert result.scores.recall == (shared / true if true else None)
    said, true = said + sum(map(len, false)), true + sum(map(len, missed))
    assert (result.overall.precision, result.overall.recall) == (
        shared / said if said else None,
        shared / true if true else None,
    )
    if shared:
        p, r = shared / said, shared / true
        assert result.overall.f == pytest.approx(2 * p * r / (p + r))
    assert (result.pairs, result.objects) == (len(pairs), len(pairs) + len(missed))


@pytest.mark.parametrize(
    ("said", "precision", "recall"), [(DOG, 1, 2 / 3), (POODLE, 2 / 3, 2 / 3), (CHAIR, 0, 0), (TERRIER, 1, 1)]
)
def test_naming_of_a_terrier(tree: Tree, said: int, precision: float, recall: float) -> None:
    found = naming(Truth.of([0], [TERRIER], [BOX]), Detections.of([0], [said], [BOX], [1]), tree).scores
    assert (found.precision, found.recall) == (precision, recall)


def test_an_inner_node_has_all_below_it(tree: Tree) -> None:
    """The "Helmet" of Open Images' page: a terrier is a dog, too; who only says dog misses the terrier."""
    truth = Truth.of([0, 1], [TERRIER, DOG], [BOX, BOX])
    found = Detections.of([0, 1], [DOG, TERRIER], [BOX, BOX], [0.9, 0.8])
    # The second detection says more than is known of its dog: as a terrier it is no mistake.
    assert expanded(truth, found, tree) == {ANIMAL: 1, DOG: 1, TERRIER: 0}
    assert hierarchical(truth, found, tree).by_depth == [1, 1, 0]


def test_a_detection_right_of_one_object_is_judged(tree: Tree) -> None:
    """Where a dog and a terrier stand in one place, "terrier" is right, though the dog's label can't say so."""
    truth = Truth.of([0, 0], [DOG, TERRIER], [BOX, BOX])
    assert expanded(truth, Detections.of([0], [TERRIER], [BOX], [1]), tree)[TERRIER] == 1


@pytest.mark.slow
@given(trees(), st.integers(0, 10_000))
def test_depths_are_what_lifting_everything_gives(tree: Tree, seed: int) -> None:
    """Where all objects are leaves of the deepest level: labels of others can't judge everything."""
    truth, found = wandering(tree, seed)
    truth = truth[tree.depth[truth.class_id] == tree.depth.max()]
    for level, ap in enumerate(hierarchical(truth, found, tree).by_depth, 1):
        deep, known = (part[tree.depth[part.class_id] >= level] for part in (truth, found))
        lifted = [lift(tree, part.class_id, level) for part in (deep, known)]
        objects, said = replace(deep, class_id=lifted[0]), replace(known, class_id=lifted[1])
        expected = mean(voc(objects, said, len(tree)))
        assert ap == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_the_means_over_their_classes(seed: int) -> None:
    tree = random_tree(seed)
    truth, found = wandering(tree, seed)
    unboxed = np.random.default_rng(seed).random(len(tree)) < 0.5
    own, up = voc(truth, found, len(tree)), expanded(truth, found, tree)
    every, boxed, never = groups(truth, found, len(tree), tree, unboxed=unboxed)
    for group, part in ((every, np.ones_like(unboxed)), (boxed, ~unboxed), (never, unboxed)):
        assert group.ap == mean([value for node, value in enumerate(own) if part[node]])
        assert group.expanded == mean([value for node, value in up.items() if part[node]])
        assert group.naming == naming(truth, found[found.score > 0.25], tree, nodes=part)
    assert every.objects == boxed.objects + never.objects
    assert every.classes == boxed.classes + never.classes


def test_groups_of_flat_classes() -> None:
    truth = Truth.of([0, 0], [0, 1], [BOX, ASIDE])
    found = Detections.of([0, 0], [0, 0], [BOX, ASIDE], [0.9, 0.8])
    result = groups(truth, found, 2, unboxed=np.array([False, True]))
    assert [(each.ap, each.classes, each.expanded, each.naming) for each in result] == [
        (0.5, 2, None, None),
        (1, 1, None, None),
        (0, 1, None, None),
    ]
    assert table(result).splitlines()[-1].split() == ["mean", "AP", "0.5000", "1.0000", "0.0000"]
    with pytest.raises(DataError, match="expected classes from 0 to 0, found 1"):
        groups(truth, found, 1)


def test_nothing_at_all(tree: Tree) -> None:
    nothing = Truth.of([], [], []), Detections.of([], [], [], [])
    result = report(*nothing, NAMES, tree=tree, unboxed=np.zeros(len(tree), np.bool_))
    assert [each.ap for each in result.groups] == [None] * 3
    assert "hierarchical F" in result.groups_text()


def test_classes_outside_the_tree(tree: Tree) -> None:
    for measure in (expanded, naming):
        with pytest.raises(DataError, match="object 0: expected a node of the tree, 0 to 6, found 7"):
            measure(Truth.of([0], [7], [BOX]), Detections.of([], [], [], []), tree)


class TestUnboxed:
    def test_a_name_stands_for_all_below_it(self, tree: Tree, tmp_path: Path) -> None:
        (tmp_path / "never").write_text("dog\n4\n")
        never = read_unboxed(tmp_path / "never", NAMES, 7, tree)
        assert np.flatnonzero(never).tolist() == [DOG, CHAIR, TERRIER, POODLE]

    def test_unknown_name(self, tree: Tree, tmp_path: Path) -> None:
        (tmp_path / "never").write_text("terier\n")
        with pytest.raises(DataError, match=r"never: .*no class is called 'terier'; did you mean 'terrier'"):
            read_unboxed(tmp_path / "never", NAMES, 7, tree)

    @pytest.mark.parametrize("key", ["train", "train_boxes"])
    def test_by_the_labels_of_training(self, tree: Tree, tmp_path: Path, key: str) -> None:
        """Whatever has a box below it had one; class-only labels are no boxes."""
        (tmp_path / "a.txt").write_text(f"{TERRIER} .5 .5 .1 .1\n{CHAIR} 0 0 0 0\n")
        (tmp_path / "list").write_text("a.jpg\nb.jpg\n")
        (tmp_path / "a.jpg").touch()
        (tmp_path / "t.data").write_text(f"{key}=list\n")
        never = never_boxed(read_data(tmp_path / "t.data"), 7, tree)
        assert np.flatnonzero(~never).tolist() == [ANIMAL, DOG, TERRIER]
        labels = np.array([3, 3, 3, 3, 3, CAT, 3], np.int32)
        assert np.flatnonzero(~never_boxed(read_data(tmp_path / "t.data"), 7, tree, labels)).tolist() == [ANIMAL, CAT]

    def test_numbers_without_a_box_are_nodes_and_those_of_boxes_the_maps(self, tree: Tree, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text(f"1 .5 .5 .1 .1\n{POODLE} 0 0 0 0\n")
        (tmp_path / "a.jpg").touch()
        (tmp_path / "list").write_text("a.jpg\n")
        (tmp_path / "t.data").write_text("train_boxes=list\n")
        never = never_boxed(read_data(tmp_path / "t.data"), 7, tree, np.array([DOG, CAT], np.int32))
        assert np.flatnonzero(~never).tolist() == [ANIMAL, CAT]
