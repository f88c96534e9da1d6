"""WordTree: reading, probabilities and the two walks, against a naive version node by node."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.errors import DataError
from pydarknet.formats.tree import Mode, Tree, read_tree

Floats = npt.NDArray[np.float32]

#       thing      matter
#      /  |  \        |
#  animal plant fungus gas
#   /  \      |
#  dog  cat  oak
TOY = """thing -1
matter -1
animal 0
plant 0
fungus 0
gas 1
dog 2
cat 2
oak 3
"""


def tree_file(folder: Path, text: str) -> Path:
    path = folder / "toy.tree"
    path.write_bytes(text.encode())
    return path


@pytest.fixture
def toy(tmp_path: Path) -> Tree:
    return read_tree(tree_file(tmp_path, TOY))


def random_parents(rng: np.random.Generator, nodes: int) -> list[int]:
    """Groups one after another, each below a node that is there and has no children yet."""
    parents = [-1] * int(rng.integers(1, 4))
    free = list(range(len(parents)))
    while len(parents) < nodes:
        parent = free.pop(int(rng.integers(len(free))))
        size = int(rng.integers(1, 6))
        free += range(len(parents), len(parents) + size)
        parents += [parent] * size
    return parents


def random_tree(folder: Path, seed: int, nodes: int = 60) -> tuple[Tree, list[int]]:
    parents = random_parents(np.random.default_rng(seed), nodes)
    text = "".join(f"n{i} {parent}\n" for i, parent in enumerate(parents))
    return read_tree(tree_file(folder, text)), parents


def random_conditional(parents: list[int], seed: int, peak: float = 1.0) -> Floats:
    """A softmax over every set of siblings; the greater `peak`, the surer."""
    scores = np.exp(np.random.default_rng(seed).standard_normal(len(parents)) * peak).astype(np.float32)
    sums = {parent: sum(s for s, p in zip(scores, parents, strict=True) if p == parent) for parent in set(parents)}
    return np.array([s / sums[p] for s, p in zip(scores, parents, strict=True)], np.float32)


# The naive reference


def naive_absolute(conditional: Floats, parents: list[int]) -> Floats:
    result = conditional.copy()
    for node, parent in enumerate(parents):
        if parent >= 0:
            result[node] *= result[parent]
    return result


def naive_descend(conditional: Floats, parents: list[int], thresh: float, mode: Mode) -> int:
    """The walk over a whole table, of absolute probabilities in Darknet's mode, else of conditional ones."""
    table = naive_absolute(conditional, parents) if mode == "darknet" else conditional
    product, node = np.float32(1), -1
    while True:
        siblings = [i for i, parent in enumerate(parents) if parent == node]
        if not siblings:
            return node
        best = max(siblings, key=lambda i: (table[i], -i))
        if not product * table[best] > np.float32(thresh):
            return best if node < 0 else node
        product *= table[best]
        node = best


# Reading


def test_arrays(toy: Tree) -> None:
    assert toy.name == ["thing", "matter", "animal", "plant", "fungus", "gas", "dog", "cat", "oak"]
    assert toy.parent.tolist() == [-1, -1, 0, 0, 0, 1, 2, 2, 3]
    assert toy.group.tolist() == [0, 0, 1, 1, 1, 2, 3, 3, 4]
    assert toy.child.tolist() == [1, 2, 3, 4, -1, -1, -1, -1, -1]
    assert toy.group_size.tolist() == [2, 3, 1, 2, 1]
    assert toy.group_offset.tolist() == [0, 2, 5, 6, 8]
    assert len(toy) == 9
    assert {array.dtype for array in (toy.parent, toy.child, toy.group, toy.group_size, toy.group_offset)} == {
        np.dtype(np.int32)
    }


@pytest.mark.parametrize("seed", range(10))
def test_arrays_of_random_trees(seed: int, tmp_path: Path) -> None:
    tree, parents = random_tree(tmp_path, seed)
    assert tree.parent.tolist() == parents
    for node, parent in enumerate(parents):
        group = tree.group[node]
        siblings = range(tree.group_offset[group], tree.group_offset[group] + tree.group_size[group])
        assert [i for i, other in enumerate(parents) if other == parent] == list(siblings)
        assert tree.is_leaf(node) == (node not in parents)
        if parent >= 0:
            assert tree.child[parent] == group


def test_one_node(tmp_path: Path) -> None:
    tree = read_tree(tree_file(tmp_path, "all -1"))
    assert (tree.child.tolist(), tree.group_size.tolist(), tree.path(0)) == ([-1], [1], [0])
    assert tree.descend(np.ones(1, np.float32), 0.5) == (0, 1.0)


def test_crlf_blanks_and_empty_end(tmp_path: Path) -> None:
    assert read_tree(tree_file(tmp_path, TOY.replace("\n", "\r\n").replace(" ", "\t ") + "\n\n")).name[-1] == "oak"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a 0\n", 1, "'a' is its own ancestor: a cycle of 1 nodes"),
        ("r -1\na 2\nb 1\n", 2, "'a' is its own ancestor: a cycle of 2 nodes"),
        ("r -1\na 3\nb 1\nc 2\n", 2, "'a' is its own ancestor: a cycle of 3 nodes"),
        ("r -1\na 2\nb 2\n", 2, "'a' stands before its parent on line 3"),
        ("r -1\na 2\nb 0\n", 2, "'a' stands before its parent on line 3; parents come first"),
        ("r -1\na 3\nb 0\n", 2, "the parent of 'a' is 3; expected -1 (a root) to 2"),
        ("r -1\na -2\n", 2, "the parent of 'a' is -2; expected -1"),
        ("r -1\na 99999999999\n", 2, "expected 'name parent', found 'a 99999999999'"),
        ("r -1\na 0\ns -1\n", 3, "'s' stands apart from its siblings"),
        ("r -1\na 0\nb 1\nc 0\n", 4, "'c' stands apart from its siblings; they must be neighbours"),
        ("r -1\na\n", 2, "expected 'name parent', found 'a'"),
        ("r -1\n\na 0\n", 2, "expected 'name parent', found ''"),
        ("r -1\nhot dog 0\n", 2, "expected 'name parent', found 'hot dog 0'"),
        (
            "r,-1\n",
            1,
            "expected 'name parent', found 'r,-1'; a table child,parent becomes one by `pydarknet tree build --csv`",
        ),
        ("r -1\na x\n", 2, "expected 'name parent', found 'a x'"),
        ("r -1\na 0x\n", 2, "expected 'name parent', found 'a 0x'"),
    ],
)
def test_bad_trees(text: str, line: int, message: str, tmp_path: Path) -> None:
    path = tree_file(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_tree(path)
    assert str(caught.value).startswith(f"{path}:{line}: {message}")
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["", "\n", " \r\n"])
def test_empty_tree(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"toy\.tree: is empty"):
        read_tree(tree_file(tmp_path, text))


def test_missing_folder_binary(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.tree", tmp_path):
        with pytest.raises(DataError, match="can't be read"):
            read_tree(path)
    with pytest.raises(DataError, match="is not a text file"):
        read_tree(tree_file(tmp_path, "a -1\n\0"))


def test_a_chain_of_a_hundred_thousand(tmp_path: Path) -> None:
    # Neither recursion nor anything quadratic.
    count = 100_000
    text = "".join(f"n{i} {i - 1}\n" for i in range(count))
    tree = read_tree(tree_file(tmp_path, text))
    assert tree.path(count - 1) == list(range(count))
    assert [len(level) for level in tree.levels] == [1] * count
    with pytest.raises(DataError, match="a cycle of 100000 nodes"):
        read_tree(tree_file(tmp_path, "".join(f"n{i} {i + 1}\n" for i in range(count - 1)) + "last 0\n"))


# Probabilities


def test_path(toy: Tree) -> None:
    assert toy.path(7) == [0, 2, 7]
    assert toy.path(1) == [1]


@pytest.mark.parametrize("seed", range(5))
def test_absolute_equals_the_naive_product(seed: int, tmp_path: Path) -> None:
    tree, parents = random_tree(tmp_path, seed)
    conditional = random_conditional(parents, seed)
    before = conditional.copy()
    result = tree.absolute(conditional)
    # The same multiplications in the same order: equal to the bit.
    np.testing.assert_array_equal(result, naive_absolute(conditional, parents))
    np.testing.assert_array_equal(conditional, before)
    leaves = tree.absolute(conditional, only_leaves=True)
    np.testing.assert_array_equal(leaves, np.where(np.isin(np.arange(len(tree)), parents), 0, result))
    # The leaves of a tree of softmaxes share out the whole.
    assert leaves.sum() == pytest.approx(1, abs=1e-5)
    for node in range(len(tree)):
        assert tree.probability(conditional, node) == pytest.approx(result[node], rel=1e-6)


def test_absolute_over_trailing_axes(tmp_path: Path) -> None:
    tree, parents = random_tree(tmp_path, 1)
    columns = np.stack([random_conditional(parents, seed) for seed in range(6)], axis=1)
    maps = tree.absolute(columns.reshape(len(tree), 2, 3))
    for seed in range(6):
        expected = naive_absolute(columns[:, seed], parents)
        np.testing.assert_array_equal(maps.reshape(len(tree), 6)[:, seed], expected)
    assert tree.probability(columns, 59).shape == (6,)


# The walk


@pytest.mark.parametrize("mode", ["darknet", "paper"])
@pytest.mark.parametrize("seed", range(20))
def test_descend_equals_the_naive_walk(seed: int, mode: Mode, tmp_path: Path) -> None:
    tree, parents = random_tree(tmp_path, seed, nodes=120)
    met = set()
    for case in range(20):
        conditional = random_conditional(parents, 1000 * seed + case, peak=4)
        for thresh in (0.0, 0.05, 0.3, 0.5, 0.9, 1.0):
            node, probability = tree.descend(conditional, thresh, mode)
            assert node == naive_descend(conditional, parents, thresh, mode)
            assert probability == pytest.approx(float(tree.probability(conditional, node)), rel=1e-6)
            met.add(len(tree.path(node)))
    assert len(met) > 2  # walks of several lengths were compared


def test_the_two_modes_on_a_deep_chain(tmp_path: Path) -> None:
    # Darknet multiplies absolute probabilities: .95^(d(d+1)/2) > .5 for d <= 4; the paper's .95^d > .5 for d <= 13.
    lines = []
    for depth in range(17):
        parent = -1 if depth == 0 else 2 * depth - 2
        lines += [f"yes{depth} {parent}", f"no{depth} {parent}"]
    tree = read_tree(tree_file(tmp_path, "\n".join(lines)))
    conditional = np.tile(np.array([0.95, 0.05], np.float32), 17)
    node, probability = tree.descend(conditional, 0.5, "darknet")
    assert (len(tree.path(node)), probability) == (4, pytest.approx(0.95**4, rel=1e-5))
    node, probability = tree.descend(conditional, 0.5, "paper")
    assert (len(tree.path(node)), probability) == (13, pytest.approx(0.95**13, rel=1e-5))
    assert tree.descend(conditional, 0.5) == tree.descend(conditional, 0.5, "darknet")


def test_below_the_threshold_the_best_root_is_the_answer(toy: Tree) -> None:
    conditional = np.array([0.4, 0.6, 1, 0, 0, 1, 1, 0, 1], np.float32)
    for mode in ("darknet", "paper"):
        assert toy.descend(conditional, 0.7, mode) == (1, pytest.approx(0.6))


def test_ties_go_to_the_first_sibling(toy: Tree) -> None:
    conditional = np.array([0.5, 0.5, 1 / 3, 1 / 3, 1 / 3, 1, 0.5, 0.5, 1], np.float32)
    for mode in ("darknet", "paper"):
        assert toy.descend(conditional, 0, mode)[0] == 6


def test_nan_never_wins(toy: Tree) -> None:
    conditional = np.array([np.nan, 0.9, 1, 0, 0, np.nan, 1, 0, 1], np.float32)
    for mode in ("darknet", "paper"):
        assert toy.descend(conditional, 0.1, mode)[0] == 1
        assert toy.descend(np.full(9, np.nan, np.float32), 0.1, mode)[0] == 0
        assert toy.descend(np.zeros(9, np.float32), 0.0, mode) == (0, 0.0)


def test_only_the_groups_on_the_path_are_asked_for(toy: Tree) -> None:
    conditional = np.array([0.9, 0.1, 0.9, 0.1, 0, 1, 0.2, 0.8, 1], np.float32)
    asked = []

    def group_probabilities(group: int) -> Floats:
        asked.append(group)
        start = toy.group_offset[group]
        return conditional[start : start + toy.group_size[group]]

    assert toy.descend(group_probabilities, 0.1, "paper") == toy.descend(conditional, 0.1, "paper")
    assert asked == [0, 1, 3]


def test_unknown_mode(toy: Tree) -> None:
    with pytest.raises(DataError, match="modes darknet and paper, not 'both'"):
        toy.descend(np.ones(9, np.float32), 0.5, "both")  # type: ignore[arg-type]
