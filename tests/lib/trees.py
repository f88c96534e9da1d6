"""Random WordTrees."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pydarknet.formats.tree import Tree


def tree_of(parents: list[int]) -> Tree:
    """The tree with these parents, siblings being neighbours and parents first; nodes are called n0, n1, ..."""
    starts = [i for i, parent in enumerate(parents) if not i or parent != parents[i - 1]]
    offsets = np.array(starts, np.int32)
    sizes = np.diff(offsets, append=np.int32(len(parents))).astype(np.int32)
    group = np.repeat(np.arange(len(starts), dtype=np.int32), sizes)
    owner = {parents[start]: i for i, start in enumerate(starts)}
    child = np.array([owner.get(node, -1) for node in range(len(parents))], np.int32)
    return Tree([f"n{i}" for i in range(len(parents))], np.array(parents, np.int32), child, group, sizes, offsets)


def random_tree(seed: int, groups: int = 6) -> Tree:
    """A tree of up to so many groups of one to four siblings, in order of breadth."""
    rng = np.random.default_rng(seed)
    parents = [-1] * int(rng.integers(1, 5))
    for _ in range(int(rng.integers(0, groups))):
        taken = set(parents)
        free = [node for node in range(len(parents)) if node not in taken]
        parents += [int(rng.choice(free))] * int(rng.integers(1, 5))
    return tree_of(parents)


def trees(groups: int = 6) -> st.SearchStrategy[Tree]:
    """Random trees, as `random_tree`."""
    return st.integers(0, 1 << 30).map(lambda seed: random_tree(seed, groups))
