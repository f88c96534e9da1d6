"""How often a classifier along a WordTree is right, where the classes of images may be inner nodes.

A guess is right if it is the image's class or below it: "terrier" for an image of which only "dog" is known. At depth
d (1 at a root) it is right if it is below the same node of that depth as the image's class; images whose class is not
as deep don't count there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..formats.tree import Tree
from .shares import Shares


@dataclass(frozen=True)
class TreeAccuracy(Shares):
    """After so many images with a class: how often the best guess, and one of the `k` best, was right; `right` of
    `deep` images at each depth, from 1 on."""

    k: int
    images: int = 0
    first: int = 0
    among: int = 0
    right: tuple[int, ...] = ()
    deep: tuple[int, ...] = ()

    @property
    def by_depth(self) -> list[float]:
        """The share of right best guesses at each depth."""
        return [right / deep for right, deep in zip(self.right, self.deep, strict=True)]

    @property
    def line(self) -> str:
        """What is printed after the last image."""
        depths = ", ".join(f"{depth}: {share:f}" for depth, share in enumerate(self.by_depth, 1))
        return f"along the tree: top 1: {self.top1:f}, top {self.k}: {self.topk:f}; at depth {depths or '-'}"

    def counted(self, tree: Tree, guesses: Sequence[int], class_id: int) -> TreeAccuracy:
        """With one more image; `guesses` are nodes, the best first."""
        path = tree.path(class_id)
        ways = [tree.path(int(guess)) for guess in guesses[: self.k]]
        hits = [way[: len(path)] == path for way in ways]
        best = ways[0] if ways else []
        right, deep = list(self.right), list(self.deep)
        for depth, node in enumerate(path):
            if depth == len(deep):
                right.append(0)
                deep.append(0)
            deep[depth] += 1
            right[depth] += depth < len(best) and best[depth] == node
        return replace(
            self,
            images=self.images + 1,
            first=self.first + (hits[:1] == [True]),
            among=self.among + any(hits),
            right=tuple(right),
            deep=tuple(deep),
        )
