"""Average precision along a tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.errors import DataError
from pydarknet.evaluate import Detections, Truth, hierarchical, voc
from pydarknet.evaluate.ancestors import lift
from pydarknet.evaluate.hierarchical import credits_of
from pydarknet.formats.tree import Tree, read_tree
from tests.evaluate import naive
from tests.evaluate.random_sets import random_set

ANIMAL, THING, DOG, CAT, CHAIR, TERRIER, POODLE = range(7)
BOX = [0.0, 0, 10, 10]
ASIDE = [50.0, 0, 10, 10]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    path: Path = tmp_path_factory.mktemp("tree") / "a.tree"
    path.write_text("animal -1\nthing -1\ndog 0\ncat 0\nchair 1\nterrier 2\npoodle 2\n")
    return read_tree(path)


@pytest.mark.parametrize(
    ("said", "true", "expected"),
    [
        (TERRIER, TERRIER, 1),
        (DOG, TERRIER, 2 / 3),
        (ANIMAL, TERRIER, 1 / 3),
        (ANIMAL, DOG, 1 / 2),
        (TERRIER, DOG, 1),  # the truth knows no better
        (POODLE, TERRIER, 0),
        (CAT, DOG, 0),
        (THING, TERRIER, 0),
    ],
)
def test_credits(tree: Tree, said: int, true: int, expected: float) -> None:
    truth, found = Truth.of([0], [true], [BOX]), Detections.of([0], [said], [BOX], [1])
    result = hierarchical(truth, found, tree)
    # Precision and recall are both the credit.
    assert result.ap == pytest.approx(expected**2)
    assert result.per_class == {true: pytest.approx(expected)}
    assert result.exact == (1 if expected == 1 else 0)


def test_credits_of_all_pairs(tree: Tree) -> None:
    every = np.arange(len(tree))
    expected = [[naive.credit(tree, said, true) for true in every] for said in every]
    np.testing.assert_allclose(credits_of(tree, every, every), expected, rtol=1e-15)
    assert tree.depth.tolist() == [1, 1, 2, 2, 2, 3, 3]
    assert lift(tree, every, 2).tolist() == [0, 1, 2, 3, 4, 2, 2]


@pytest.mark.parametrize("seed", range(60))
def test_naive(tree: Tree, seed: int) -> None:
    truth, found = random_set(seed, classes=7, images=2, difficult=0.2, whole=seed % 3 == 0)
    rng = np.random.default_rng(seed)
    # Many detections get a class on the path or below, else few would earn anything.
    wander = [int(rng.choice([*tree.path(c), *np.flatnonzero(tree.parent == c)])) for c in found.class_id]
    found = Detections.of(found.image, wander, found.box, found.score)
    expected = naive.hierarchical(truth, found, tree, 0.5)
    result = hierarchical(truth, found, tree)
    assert result.ap == (None if expected is None else pytest.approx(expected, abs=1e-12))
    if result.ap is not None:
        assert result.exact is not None
        assert 0 <= result.exact <= result.ap + 1e-12 <= 1 + 2e-12


def test_saying_more_is_worth_more(tree: Tree) -> None:
    truth = Truth.of([0, 0], [TERRIER, CHAIR], [BOX, ASIDE])
    values: list[Any] = [
        hierarchical(truth, Detections.of([0, 0], [said, CHAIR], [BOX, ASIDE], [0.9, 0.8]), tree).ap
        for said in (CAT, ANIMAL, DOG, TERRIER)
    ]
    assert values == sorted(values)
    assert len(set(values)) == 4
    assert values[-1] == 1


def test_the_better_object_is_taken(tree: Tree) -> None:
    """Two objects in one place: each detection gets the one where it earns most."""
    truth = Truth.of([0, 0], [ANIMAL, TERRIER], [BOX, BOX])
    found = Detections.of([0, 0], [TERRIER, ANIMAL], [BOX, BOX], [0.9, 0.8])
    assert hierarchical(truth, found, tree).ap == 1
    # A terrier is a whole hit for both, and the closer one counts.
    near = Truth.of([0, 0], [ANIMAL, TERRIER], [BOX, [0, 0, 10, 9]])
    assert hierarchical(near, found, tree).per_class == {ANIMAL: 1.0, TERRIER: pytest.approx(1 / 3)}


def test_depths_are_judged_apart(tree: Tree) -> None:
    truth = Truth.of([0, 1, 2, 3], [TERRIER, POODLE, DOG, TERRIER], [BOX] * 4)
    # At depth 1 all is animal; at 2 all is dog but the cat; at 3 what is said of the dog can't be evaluated.
    found = Detections.of([0, 1, 2, 3], [CAT, POODLE, TERRIER, TERRIER], [BOX] * 4, [0.9, 0.8, 0.7, 0.5])
    assert hierarchical(truth, found, tree).by_depth == [
        pytest.approx(1),
        # dog: 3 of 4 objects, at a precision of 1
        pytest.approx(3 / 4),
        # terrier: 1 of 2, at a precision of 1; poodle: 1 of 1
        pytest.approx(3 / 4),
    ]


def test_a_tree_without_depth_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "flat.tree").write_text("a -1\n")
    flat = read_tree(tmp_path / "flat.tree")
    truth, found = random_set(9, classes=1)
    result = hierarchical(truth, found, flat)
    assert result.ap == result.exact
    assert result.by_depth == voc(truth, found, 1)


def test_nothing(tree: Tree) -> None:
    nothing = Detections.of([], [], [], [])
    result = hierarchical(Truth.of([], [], []), nothing, tree)
    assert (result.ap, result.exact, result.per_class, result.by_depth) == (None, None, {}, [])
    assert hierarchical(Truth.of([0], [DOG], [BOX]), nothing, tree).ap == 0
    only_hard = Truth.of([0], [DOG], [BOX], difficult=[True])
    assert hierarchical(only_hard, Detections.of([0], [DOG], [BOX], [1]), tree).by_depth == [None, None]


def test_classes_outside_the_tree(tree: Tree) -> None:
    with pytest.raises(DataError, match="object 0: expected a node of the tree, 0 to 6, found 7"):
        hierarchical(Truth.of([0], [7], [BOX]), Detections.of([], [], [], []), tree)
    with pytest.raises(DataError, match="detection 1: "):
        hierarchical(Truth.of([], [], []), Detections.of([0, 0], [0, -1], [BOX, BOX], [1, 1]), tree)
