"""What one iteration of a training shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.engine import Engine
from ..layers import Head
from ..plan.statistics import HeadStatistics
from .step import MiniBatch

KEPT = 4096  # points of a chart


@dataclass(frozen=True)
class Metrics:
    """One iteration: `batch` images, one update.

    `loss` and `average` as Darknet prints them. The four parts of the loss are an image's, None for a classifier;
    means over the objects (`iou`, `category`, `objectness`, `recall`) are None where no object was.
    `map`: mean average precision on the valid list (of a classifier: the share that is right), if it was measured.
    `minis`: (layer, statistics) of each mini-batch.
    """

    iteration: int
    seen: int
    loss: float
    average: float
    rate: float
    seconds: float
    images_per_second: float
    width: int
    height: int
    count: int = 0
    coord_loss: float | None = None
    object_loss: float | None = None
    noobject_loss: float | None = None
    class_loss: float | None = None
    iou: float | None = None
    category: float | None = None
    objectness: float | None = None
    any_objectness: float | None = None
    recall: float | None = None
    map: float | None = None
    minis: Sequence[MiniBatch] = field(default=(), repr=False)

    def row(self) -> dict[str, Any]:
        """What a log has of it."""
        return {key: value for key, value in self.__dict__.items() if key != "minis"}


def boxes_of(engine: Engine, head: Head) -> int:
    """Boxes that a head gives for one mini-batch of the cfg, at the present size."""
    return head.boxes * (engine.batch // engine.subdivisions)


def statistics_of(mini: MiniBatch, engine: Engine) -> Iterator[tuple[Head, HeadStatistics]]:
    """What the losses of the heads say of a mini-batch."""
    heads = {head.index: head for head in engine.heads()}
    for index, found in mini.statistics.items():
        if isinstance(found, HeadStatistics):
            yield heads[index], found


def head_numbers(minis: Sequence[MiniBatch], engine: Engine) -> dict[str, Any]:
    """The means of all heads over the mini-batches of one iteration, by the names of `Metrics`."""
    found = [each for mini in minis for each in statistics_of(mini, engine)]
    if not found:
        return {}
    total = HeadStatistics(*(sum(values) for values in zip(*(s for _, s in found), strict=True)))
    boxes = sum(boxes_of(engine, head) for head, _ in found)
    batch = engine.batch // engine.subdivisions * len(minis)

    def mean(value: float, count: float) -> float | None:
        return value / count if count > 0 else None

    return {
        "count": int(total.matched),
        "coord_loss": total.coord_loss / batch,
        "object_loss": total.object_loss / batch,
        "noobject_loss": total.noobject_loss / batch,
        "class_loss": total.class_loss / batch,
        "iou": mean(total.iou, total.matched),
        "category": mean(total.category, total.classified),
        "objectness": mean(total.objectness, total.matched),
        "any_objectness": mean(total.any_objectness, boxes),
        "recall": mean(total.recall, total.matched),
    }


class History:
    """Loss, average and rate over the iterations, thinned so that a long run's chart stays small.

    `scores`: each (iteration, score) that was measured on the valid list.
    """

    def __init__(
        self,
        points: npt.NDArray[np.float64] | None = None,
        stride: int = 1,
        scores: Sequence[Sequence[float]] = (),
    ) -> None:
        self.points: list[tuple[float, ...]] = [] if points is None else [tuple(p) for p in points.tolist()]
        self.stride = stride
        self.scores = [(int(iteration), float(score)) for iteration, score in scores]

    @property
    def best(self) -> float | None:
        """The highest score so far."""
        return max((score for _, score in self.scores), default=None)

    @property
    def stale(self) -> int:
        """How many scores have come since the highest one."""
        values = [score for _, score in self.scores]
        return len(values) - 1 - values.index(max(values)) if values else 0

    def add(self, m: Metrics) -> None:
        """Keep a point of this iteration, if it is one to keep."""
        if m.iteration % self.stride:
            return
        self.points.append((m.iteration, m.loss, m.average, m.rate))
        if len(self.points) > KEPT:
            self.stride *= 2
            self.points = [p for p in self.points if p[0] % self.stride == 0]

    def array(self) -> npt.NDArray[np.float64]:
        """(points, 4): iteration, loss, average, rate."""
        return np.array(self.points, np.float64).reshape(-1, 4)
