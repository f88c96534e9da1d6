"""All parameters of a network in one flat array, beside one with their updates: few large buffers, so that an
optimiser step, a checkpoint or a sum over machines is one pass over memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..backend import Backend
from ..layers import Layer
from ..ops import Array
from ..tape import Learner

STATISTICS = frozenset({"rolling_mean", "rolling_variance"})


@dataclass(frozen=True)
class Segment:
    """One parameter of one layer, a stretch of the flat arrays; `rate` is the layer's own factor."""

    start: int
    stop: int
    rate: float
    layer: str
    name: str


class Parameters:
    """`values` and `updates` (flat float32). The layers' `parameters` become views of `values`.

    Rolling statistics are copied out of the weights file and belong to no segment. `updates` holds Darknet's
    accumulated deltas and momentum at once.
    """

    def __init__(self, backend: Backend, layers: Iterable[Layer]) -> None:
        trained = [(layer, r) for layer in layers for r in layer.records if r.name not in STATISTICS]
        total = sum(record.size for _, record in trained)
        self.backend = backend
        self.values = backend.empty((total,))
        self.updates = backend.empty((total,))
        self.updates[...] = 0
        self.segments: list[Segment] = []
        self._views: dict[tuple[int, str], Array] = {}
        start = 0
        for layer, record in trained:
            stop = start + record.size
            self.values[start:stop] = layer.parameters[record.name].reshape(-1)
            layer.parameters[record.name] = self.values[start:stop].reshape(record.shape)
            self._views[layer.index, record.name] = self.updates[start:stop].reshape(record.shape)
            self.segments.append(Segment(start, stop, layer.learning_rate, layer.type, record.name))
            start = stop
        for layer in layers:
            for record in layer.records:
                if record.name in STATISTICS:
                    layer.parameters[record.name] = layer.parameters[record.name].copy()

    def update_of(self, layer: Learner, name: str) -> Array:
        """The updates of one parameter, in its shape."""
        return self._views[layer.index, name]
