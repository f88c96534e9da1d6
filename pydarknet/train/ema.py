"""AlexeyAB's ema_alpha: a moving average of what convolutions learn, which becomes their parameters near the end."""

from __future__ import annotations

from ..backends.ops import Array
from ..formats.cfg import Section
from .parameters import Parameters

LAYERS = "convolutional"
REST = 1000  # iterations after which batch norm's statistics fit what was taken


class Average:
    """From the middle of a run of `end` iterations on, average = alpha * average + (1 - alpha) * values after each
    update; 1000 iterations before the end the average becomes the values, and training goes on from there."""

    def __init__(self, parameters: Parameters, alpha: float, end: int) -> None:
        self.parameters, self.alpha = parameters, alpha
        self.start, self.last = end // 2, end - REST
        self.segments = parameters.segments
        self.values: Array = parameters.backend.zeros(parameters.values.shape)

    def started(self, iteration: int) -> bool:
        """Whether there is an average after so many iterations."""
        return self.start <= self.last and iteration >= self.start

    def step(self, iteration: int) -> None:
        """After the update of an iteration (from 1)."""
        if not self.start <= iteration <= self.last:
            return
        for cut in self._cuts():
            mean, values = self.values[cut], self.parameters.values[cut]
            if iteration == self.start:
                mean[...] = values
            elif iteration < self.last:
                mean *= self.alpha
                mean += (1 - self.alpha) * values
            if iteration == self.last:
                values[...] = mean

    def whole(self) -> Array:
        """All parameters, those of convolutions averaged."""
        values = self.parameters.values.copy()
        for cut in self._cuts():
            values[cut] = self.values[cut]
        return values

    def _cuts(self) -> list[slice]:
        return [slice(s.start, s.stop) for s in self.segments if s.layer == LAYERS]


def read_average(net: Section, parameters: Parameters, end: int) -> Average | None:
    """`ema_alpha` of [net], if it is given. CfgError outside 0..1; a warning where a run is too short for it."""
    alpha = net.float_("ema_alpha", 0.0, 0.0, 1.0)
    if not alpha:
        return None
    average = Average(parameters, alpha, end)
    if average.start > average.last:
        net.warn(
            f"ema_alpha={alpha:g} does nothing in max_batches={end}: it takes {2 * REST} iterations", "ema_alpha"
        )
    return average
