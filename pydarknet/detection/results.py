"""What a detector says about a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Box(NamedTuple):
    """Centre and size in pixels of the original picture. It may reach beyond the picture's edges."""

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
    objectness alone. `path` has the names from the root of the tree to `name`; empty without a tree.
    """

    class_id: int
    name: str
    confidence: float
    objectness: float
    box: Box
    path: tuple[str, ...] = ()
