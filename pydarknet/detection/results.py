"""What a detector says about an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..formats.tree import Tree


class Box(NamedTuple):
    """Centre and size in pixels of the original image. It may reach beyond the image's edges."""

    x: float
    y: float
    w: float
    h: float

    @property
    def left(self) -> float:
        return self.x - self.w / 2

    @property
    def top(self) -> float:
        return self.y - self.h / 2

    @property
    def right(self) -> float:
        return self.x + self.w / 2

    @property
    def bottom(self) -> float:
        return self.y + self.h / 2


@dataclass(frozen=True)
class Detection:
    """One class of one box; a box with several classes above the threshold gives several detections.

    `confidence` is the number Darknet prints: objectness times class probability, or with a tree the
    objectness alone. `path` has the names from the root of the tree to `name`; empty without a tree. `order` is
    its place among Darknet's lines.
    """

    class_id: int
    name: str
    confidence: float
    objectness: float
    box: Box
    path: tuple[str, ...] = ()
    order: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)


def at_depth(detections: Sequence[Detection], depth: int | None, tree: Tree | None) -> list[Detection]:
    """Detections that name no class below level `depth` of the tree (1: the roots)."""
    if depth is None or tree is None:
        return list(detections)
    return [_raised(each, depth, tree) for each in detections]


def _raised(detection: Detection, depth: int, tree: Tree) -> Detection:
    path = detection.path[:depth]
    return replace(detection, class_id=tree.path(detection.class_id)[len(path) - 1], name=path[-1], path=path)
