"""Accuracy along a tree, by its definitions, on random trees and guesses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.evaluate.tree_accuracy import TreeAccuracy
from pydarknet.formats.tree import Tree, read_tree


def random_tree(rng: np.random.Generator, file: Path) -> Tree:
    parents = sorted(int(rng.integers(-1, node)) for node in range(int(rng.integers(1, 16))))
    file.write_text("".join(f"n{node} {parent}\n" for node, parent in enumerate(parents)))
    return read_tree(file)


@pytest.mark.parametrize("seed", range(20))
def test_against_the_definition(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, tmp_path / "a.tree")
    leaves = np.flatnonzero([tree.is_leaf(node) for node in range(len(tree))])
    k = int(rng.integers(1, 4))
    images = [(int(rng.integers(len(tree))), rng.permutation(leaves)) for _ in range(30)]
    found = TreeAccuracy(k)
    for true, guesses in images:
        found = found.counted(tree, guesses, true)
    assert found.images == 30
    assert found.first == sum(true in tree.path(guesses[0]) for true, guesses in images)
    assert found.among == sum(any(true in tree.path(guess) for guess in guesses[:k]) for true, guesses in images)
    deepest = max(len(tree.path(true)) for true, _ in images)
    for depth in range(1, deepest + 1):
        deep = [(tree.path(true), tree.path(guesses[0])) for true, guesses in images if len(tree.path(true)) >= depth]
        right = sum(path[depth - 1] in way for path, way in deep)
        assert found.by_depth[depth - 1] == right / len(deep)
    assert len(found.by_depth) == deepest


def test_nothing_counted() -> None:
    assert TreeAccuracy(5).line == "along the tree: top 1: 0.000000, top 5: 0.000000; at depth -"
