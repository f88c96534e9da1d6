"""What a detector says about an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..formats.tree import Tree
    from .options import DetectOptions


class Box(NamedTuple):
    """Centre and size in pixels of the original image. It may reach beyond the image's edges."""

    x: float
    y: float
    w: float
    h: float

    def __repr__(self) -> str:
        return f"Box(x={self.x:.6g}, y={self.y:.6g}, w={self.w:.6g}, h={self.h:.6g})"

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


@dataclass(frozen=True, repr=False)
class Detection:
    """One class of one box; a box with several classes above the threshold gives several detections.

    `confidence` is the number Darknet prints: objectness times class probability, or with a tree the
    objectness alone. `path` has the names from the root of the tree to `name`, `path_probabilities` the absolute
    probability of each, none above the one before; both are empty without a tree. `order` is its place among
    Darknet's lines. `track`: the number of what is followed through a video (`pydarknet.video.tracking`).
    """

    class_id: int
    name: str
    confidence: float
    objectness: float
    box: Box
    path: tuple[str, ...] = ()
    order: tuple[int, int] = field(default=(0, 0), compare=False)
    path_probabilities: tuple[float, ...] = ()
    track: int | None = None

    def __repr__(self) -> str:
        """For people: six digits, and no path and track where there is none."""
        parts = [f"class_id={self.class_id}, name={self.name!r}, confidence={self.confidence:.6g}"]
        parts += [f"objectness={self.objectness:.6g}, box={self.box}"]
        parts += [f"path={self.path}"] if self.path else []
        parts += [f"track={self.track}"] if self.track is not None else []
        return f"Detection({', '.join(parts)})"

    def path_text(self, probabilities: bool = False) -> str:
        """`animal > mammal > dog`, or with `probabilities` `animal .97 > mammal .95 > dog .91`; the name alone where
        there is no path."""
        if not probabilities or not self.path_probabilities:
            return " > ".join(self.path) or self.name
        steps = zip(self.path, self.path_probabilities, strict=True)
        return " > ".join(f"{name} {f'{probability:.2f}'.removeprefix('0')}" for name, probability in steps)


def reported(found: Sequence[Detection], options: DetectOptions, tree: Tree | None) -> list[Detection]:
    """What the options `classes`, `leaf_only`, `min_size` and `depth` leave of the detections of a network.

    ValueError for classes that are not settled.
    """
    kept = list(found)
    if options.classes is not None:
        within = options.within
        if within is None:
            raise ValueError("classes: names mean something once Network.settle has found their numbers")
        if options.map is not None:
            within = within[list(options.map)]
        kept = [each for each in kept if within[each.class_id]]
    if options.leaf_only and tree is not None:
        kept = [each for each in kept if tree.is_leaf(each.class_id)]
    if options.min_size:
        kept = [each for each in kept if min(each.box.w, each.box.h) >= options.min_size]
    return at_depth(kept, options.depth, tree)


def at_depth(detections: Sequence[Detection], depth: int | None, tree: Tree | None) -> list[Detection]:
    """Detections that name no class below level `depth` of the tree (1: the roots)."""
    if depth is None or tree is None:
        return list(detections)
    return [_raised(each, depth, tree) for each in detections]


def _raised(detection: Detection, depth: int, tree: Tree) -> Detection:
    path, probabilities = detection.path[:depth], detection.path_probabilities[:depth]
    node = tree.path(detection.class_id)[len(path) - 1]
    return replace(detection, class_id=node, name=path[-1], path=path, path_probabilities=probabilities)
