"""What a head says of its boxes' classes in a tree: asked for in parts, so that it need not be computed whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from .options import Ints

if TYPE_CHECKING:
    from ..formats.tree import Mode, Tree

Floats = npt.NDArray[np.float32]


class Conditional(Protocol):
    """The probabilities of a tree's nodes given their parents, of some boxes.

    Whoever asks should ask for no more than is needed: they may lie in memory, or be computed now.
    """

    def groups(self, boxes: Ints, groups: Ints) -> Sequence[Floats]:
        """Of box boxes[i] those of all nodes of group groups[i]."""

    def table(self, boxes: Ints, groups: Ints | None = None) -> Floats:
        """Those of some boxes, (boxes, nodes): of the nodes of some groups, by default of all. Others are any number
        from 0 to 1."""


@dataclass(frozen=True)
class Given:
    """Probabilities (boxes, nodes) that lie in memory."""

    values: Floats
    tree: Tree

    def groups(self, boxes: Ints, groups: Ints) -> list[Floats]:
        """As in `Conditional`."""
        starts, sizes = self.tree.group_offset, self.tree.group_size
        return [
            self.values[b, starts[g] : starts[g] + sizes[g]]
            for b, g in zip(boxes.tolist(), groups.tolist(), strict=True)
        ]

    def table(self, boxes: Ints, groups: Ints | None = None) -> Floats:
        """As in `Conditional`."""
        return self.values[boxes]


def descend(
    conditional: Conditional, count: int, tree: Tree, thresh: float, mode: Mode
) -> list[tuple[int, list[float]]]:
    """Where the walk down the tree (`Tree.walk`) ends for each of `count` boxes, and the probabilities on the path.

    All boxes take a step before any takes the next one, so that each level is asked for once.
    """
    ends: list[tuple[int, list[float]]] = [(-1, [])] * count
    walks = {box: tree.walk(thresh, mode) for box in range(count)}
    wanted = {box: next(walk) for box, walk in walks.items()}
    while wanted:
        boxes, groups = (np.fromiter(each, np.intp, len(wanted)) for each in (wanted, wanted.values()))
        answers = conditional.groups(boxes, groups)
        for box, answer in zip(list(wanted), answers, strict=True):
            try:
                wanted[box] = walks[box].send(answer)
            except StopIteration as end:
                ends[box] = end.value
                del wanted[box]
    return ends
