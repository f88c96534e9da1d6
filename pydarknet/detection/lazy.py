"""Classes of a head in a tree that are computed for those boxes, and those nodes, that somebody asks for.

YOLO9000's last convolution has 28,269 filters for each cell, of which 15 are boxes and objectness. A walk down the
tree needs a few hundred of the others, in the few cells where there is an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..backends.base import Backend
from ..backends.ops import Array
from ..formats.tree import Tree
from .conditional import Floats
from .decode import Found
from .options import Ints


@dataclass(frozen=True)
class LazyOutput:
    """What a plan gives for a head whose classes are to come: arrays of the backend, lent with the plan.

    `boxes` (N, C, H, W): the head's output without the classes. `features`: the input of the convolution before it,
    blocked; `weights` (K, C, 1, 1) and `bias` (K,) are that convolution's.
    """

    boxes: Array
    features: Array
    weights: Array
    bias: Array


class Computed:
    """`Conditional` of the boxes found in one image: a softmax over a group's filters, at a box's cell."""

    def __init__(self, backend: Backend, output: LazyOutput, tree: Tree, pixels: Ints, filters: Ints) -> None:
        """`pixels` (M,): where the boxes stand, counted through all images; `filters` (M,): those of their node 0."""
        self._backend, self._output, self._tree = backend, output, tree
        self._pixels, self._filters = pixels, filters

    def groups(self, boxes: Ints, groups: Ints) -> Sequence[Floats]:
        """As in `Conditional`."""
        order, ends, values = self._ask(boxes, groups)
        parts = np.split(values, ends[:-1])
        return [parts[i] for i in np.argsort(order)]

    def table(self, boxes: Ints, groups: Ints | None = None) -> Floats:
        """As in `Conditional`."""
        wanted = np.arange(len(self._tree.group_size)) if groups is None else groups
        rows, groups = np.repeat(np.arange(len(boxes)), len(wanted)), np.tile(wanted, len(boxes))
        order, ends, values = self._ask(boxes[rows], groups)
        sizes = self._tree.group_size[groups[order]]
        within = np.arange(len(values)) - np.repeat(ends - sizes, sizes)
        table = np.zeros((len(boxes), len(self._tree)), np.float32)
        table[np.repeat(rows[order], sizes), np.repeat(self._tree.group_offset[groups[order]], sizes) + within] = (
            values
        )
        return table

    def _ask(self, boxes: Ints, groups: Ints) -> tuple[Ints, Ints, Floats]:
        """The order in which the requests are answered, so that those for the same filters follow each other; where
        each one's values end; and these."""
        filters = self._filters[boxes] + self._tree.group_offset[groups]
        order = np.argsort(filters, kind="stable")
        ends = np.cumsum(self._tree.group_size[groups[order]], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), ends])
        backend, output = self._backend, self._output
        values = backend.empty((int(starts[-1]),))
        backend.ops.pointwise_softmax(
            output.features, output.weights, output.bias, backend.array(self._pixels[boxes][order], "int32"),
            backend.array(filters[order], "int32"), backend.array(starts, "int64"), values, backend.precision,
        )  # fmt: skip
        answer: npt.NDArray[np.float32] = backend.to_host(values)
        return order, ends, answer


def computed(
    backend: Backend, output: LazyOutput, tree: Tree, found: Found, image: int, entries: int, first: int
) -> Computed:
    """The classes of the boxes found in one image, whose head has `entries` for each, the classes from `first` on."""
    return Computed(
        backend, output, tree, image * found.width * found.height + found.cell, found.anchor * entries + first
    )
