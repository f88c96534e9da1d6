"""What the layers of a network put out for some images, and the range of bytes that loses least of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import DataError, WeightsError
from ..layers.narrow.int8 import IMAGE
from ..plan.int8 import Quantisation

if TYPE_CHECKING:
    from ..detection.boxes import Fit
    from ..network import Network

Floats = npt.NDArray[np.float32]

SAMPLE = 8192  # values kept of a layer and image
MOST = 1 << 19  # values kept of a layer
MOST_INPUTS = 32
FRACTIONS = np.linspace(0.4, 1.0, 31)  # of the largest value, that may be the end of the range
LARGEST = 1e15  # output that a network can mean
LEAST_SCALE = 1e-12  # for what is 0 in every image


@dataclass
class Seen:
    """Of one layer: the ends of its output, a sample of it, and the sum of each channel's means."""

    low: float = 0.0
    high: float = 0.0
    sample: list[Floats] = field(default_factory=list)
    means: npt.NDArray[np.float64] | float = 0.0


@dataclass
class Statistics:
    """Of so many images, by layer; -1 is the network's input."""

    images: int = 0
    seen: dict[int, Seen] = field(default_factory=dict)
    inputs: list[Floats] = field(default_factory=list)  # of some images, evenly spread
    _chosen: dict[int, Quantisation] = field(default_factory=dict)
    _apart: int = 1  # images from one kept input to the next

    def add(self, index: int, output: Floats, random: np.random.Generator) -> None:
        """One image's output (1, C, H, W) of a layer."""
        seen = self.seen.setdefault(index, Seen())
        flat = output.reshape(-1)
        seen.low, seen.high = float(np.minimum(seen.low, flat.min())), float(np.maximum(seen.high, flat.max()))
        if sum(map(len, seen.sample)) < MOST:
            seen.sample.append(flat[random.integers(0, flat.size, min(SAMPLE, flat.size))])
        seen.means = seen.means + output.mean((0, 2, 3), dtype=np.float64)  # NaN shows in `low`

    def keep(self, x: Floats) -> None:
        """One image's input, if it is its turn."""
        apart = self._apart
        if self.images % apart == 0:
            self.inputs.append(np.array(x))
        if len(self.inputs) > MOST_INPUTS:
            del self.inputs[1::2]
            self._apart = 2 * apart

    def means(self, index: int) -> npt.NDArray[np.float64]:
        """The mean of each channel of a layer's output."""
        return np.asarray(self.seen[index].means) / self.images

    def quantisation(self, index: int) -> Quantisation:
        """The bytes that a layer's output is best given in."""
        if index < 0:
            return IMAGE
        if index not in self._chosen:
            seen = self.seen[index]
            if not -LARGEST < seen.low <= seen.high < LARGEST:
                raise WeightsError(
                    f"layer {index}: puts out numbers from {seen.low:g} to {seen.high:g}, which no byte stands for; "
                    "keep the layers that read it in floats (--keep)"
                )
            self._chosen[index] = best_range(np.concatenate(seen.sample), seen.low, seen.high)
        return self._chosen[index]


def collect(net: Network, images: Iterable[npt.NDArray[np.uint8]], layers: Collection[int], fit: Fit) -> Statistics:
    """Run the images one by one. DataError if there are none."""
    statistics, random = Statistics(), np.random.default_rng(0)
    for image in images:
        with net.plan(1) as plan:
            net.fit_images(plan.input, [image], fit)
            plan.run()
            x = net.backend.to_host(plan.input)
            statistics.add(-1, x, random)
            statistics.keep(x)
        statistics.images += 1
        for index in layers:
            statistics.add(index, net.layers[index].output, random)
    if not statistics.images:
        raise DataError("no images to find the ranges of the layers on; expected a folder or list of photographs")
    return statistics


def best_range(sample: Floats, low: float, high: float) -> Quantisation:
    """The range within [low, high], 0 in it, that rounds the sample with the least mean square error."""
    low, high = min(low, 0.0), max(high, 0.0)
    best = low, high
    for _ in range(2):
        best = min(((best[0], high * part) for part in FRACTIONS), key=lambda ends: _error(sample, *ends))
        best = min(((low * part, best[1]) for part in FRACTIONS), key=lambda ends: _error(sample, *ends))
    return _of_range(*best)


def _of_range(low: float, high: float) -> Quantisation:
    scale = max((high - low) / 255, LEAST_SCALE)
    return Quantisation(scale, int(np.clip(np.rint(-low / scale), 0, 255)))


def _error(sample: Floats, low: float, high: float) -> float:
    scale, zero = _of_range(low, high)
    q = np.clip(np.rint(sample * np.float32(1 / scale)), -zero, 255 - zero)
    q *= np.float32(scale)
    q -= sample
    return float(np.dot(q, q))
