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
DECAYED = frozenset({"weights"})


@dataclass(frozen=True)
class Segment:
    """A stretch of the flat arrays that is updated alike."""

    start: int
    stop: int
    rate: float
    decayed: bool


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
            self.segments.append(Segment(start, stop, layer.learning_rate, record.name in DECAYED))
            start = stop
        for layer in layers:
            for record in layer.records:
                if record.name in STATISTICS:
                    layer.parameters[record.name] = layer.parameters[record.name].copy()

    def update_of(self, layer: Learner, name: str) -> Array:
        """The updates of one parameter, in its shape."""
        return self._views[layer.index, name]

    def sgd(self, rate: float, momentum: float, decay: float, batch: int) -> None:
        """Darknet's step: u -= decay * batch * w; w += rate / batch * u; u *= momentum (u: updates, w: values)."""
        for s in self.segments:
            self.backend.ops.sgd_update(
                self.values[s.start : s.stop],
                self.updates[s.start : s.stop],
                rate * s.rate / batch,
                momentum,
                decay * batch if s.decayed else 0.0,
            )
