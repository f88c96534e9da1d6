"""All parameters of a network in one flat array, beside one with their updates: few large buffers, so that an
optimiser step, a checkpoint, a transfer or a sum over machines is one pass over memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..backends.base import Backend, aligned
from ..backends.ops import Array
from ..formats.layouts import Record
from ..layers import Layer
from ..plan.plan import Parametrised

STATISTICS = frozenset({"rolling_mean", "rolling_variance"})


@dataclass(frozen=True)
class Segment:
    """One parameter of layer `index`, or of one that it owns, a stretch of the flat arrays; `rate` is the layer's own
    factor, `last` the last layer that has the same."""

    start: int
    stop: int
    rate: float
    layer: str
    name: str
    index: int
    last: int


class Parameters:
    """`values`, `updates` and `statistics` (flat float32, on the device).

    The layers' `parameters` become views of a copy of `values` and `statistics` on the host, which on the CPU is
    these arrays themselves; elsewhere `pull` brings it up to date. Rolling statistics belong to no segment;
    `variances` are the places of variances among them. `updates`
    holds Darknet's accumulated deltas and momentum at once.
    """

    def __init__(self, backend: Backend, layers: Iterable[Layer]) -> None:
        learners = [each for layer in layers for each in layer.learners]
        records = [(each, record) for each in learners for record in each.records]
        last = {id(each.parameters): each.index for each in learners}  # several may have the same
        learnt = Flat(backend, [pair for pair in records if pair[1].name not in STATISTICS], last)
        measured = Flat(backend, [pair for pair in records if pair[1].name in STATISTICS], last)
        self.backend = backend
        self.values, self.statistics = learnt.device, measured.device
        self.updates = backend.zeros(self.values.shape)
        self.segments = learnt.segments
        variances = [slice(s.start, s.stop) for s in measured.segments if s.name == "rolling_variance"]
        self.variances = np.concatenate([np.arange(cut.start, cut.stop) for cut in variances] or [np.empty(0, int)])
        self._flats = learnt, measured
        self._values = learnt.views(self.values) | measured.views(self.statistics)
        self._updates = learnt.views(self.updates)

    def value_of(self, layer: Parametrised, name: str) -> Array:
        """One parameter, in its shape."""
        return self._values[layer.key(name)]

    def update_of(self, layer: Parametrised, name: str) -> Array:
        """The updates of one parameter, in its shape."""
        return self._updates[layer.key(name)]

    @contextmanager
    def shown(self, values: Array) -> Iterator[None]:
        """Make the layers' `parameters` those of another flat array, for as long as the context lasts."""
        self.pull()
        learnt = self._flats[0]
        kept = learnt.host.copy()
        learnt.host[...] = self.backend.to_host(values)
        try:
            yield
        finally:
            learnt.host[...] = kept

    def pull(self) -> None:
        """Make the layers' `parameters` what has been learnt."""
        for flat in self._flats:
            if flat.device is not flat.host:
                flat.host[...] = self.backend.to_host(flat.device)


class Flat:
    """Records of layers one after the other, on the host and on the device."""

    def __init__(self, backend: Backend, records: Sequence[tuple[Layer, Record]], last: Mapping[int, int]) -> None:
        self._records = records
        self.segments: list[Segment] = []
        self.host = aligned((sum(record.size for _, record in records),))
        start = 0
        for layer, record in records:
            stop = start + record.size
            self.host[start:stop] = layer.parameters[record.name].reshape(-1)
            layer.parameters[record.name] = self.host[start:stop].reshape(record.shape)
            end = last[id(layer.parameters)]
            self.segments.append(Segment(start, stop, layer.learning_rate, layer.type, record.name, layer.index, end))
            start = stop
        self.device = backend.to_device(self.host)

    def views(self, array: Array) -> dict[str, Array]:
        """The records' stretches of a flat array, in their shapes."""
        pairs = zip(self._records, self.segments, strict=True)
        return {layer.key(r.name): array[s.start : s.stop].reshape(r.shape) for (layer, r), s in pairs}
