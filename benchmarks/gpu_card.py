"""What a card can do at most: measured where that is possible, else by its data sheet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpu_networks import clock_of
from gpu_time import timed

from pydarknet.backends.base import Backend

if TYPE_CHECKING:
    from gpu_pytorch import Peer

# Dense multiply-adds a cycle and multiprocessor by compute capability, from NVIDIA's architecture papers.
RATES = {
    "7.5": {"fp32": 64, "fp16": 512},
    "8.0": {"fp32": 64, "tf32": 512, "fp16": 1024, "bf16": 1024},
    "8.6": {"fp32": 128, "tf32": 128, "fp16": 256, "bf16": 256},
    "8.9": {"fp32": 128, "tf32": 256, "fp16": 512, "bf16": 512},
    "9.0": {"fp32": 128, "tf32": 1024, "fp16": 2048, "bf16": 2048},
}
COPIED = 1 << 30  # bytes, far more than a second-level cache holds
LAUNCH = 3e-6  # seconds, as in the cost model of convolutions (docs/kernels.md)


@dataclass(frozen=True)
class Card:
    """Operations a second (2 for each multiply-add) by precision, and bytes a second; which of these were measured.
    Empty and 0: not known."""

    peak: dict[str, float]
    bandwidth: float
    measured: tuple[str, ...] = ()

    def bound(self, precision: str, flops: float, moved: float) -> float | None:
        """Seconds that so many operations and bytes take at least."""
        peak = self.peak.get(precision)
        if not peak or not self.bandwidth:
            return None
        return max(flops / peak, moved / self.bandwidth)

    def moving(self, moved: float) -> float | None:
        """Seconds of a launch that only moves so many bytes, by the model."""
        return LAUNCH + moved / self.bandwidth if self.bandwidth else None

    def __str__(self) -> str:
        if not self.peak:
            return "no roofline is known"
        rates = ", ".join(f"{name} {rate / 1e12:.0f}{self._mark(name)}" for name, rate in self.peak.items())
        return f"TFLOP/s: {rates}; {self.bandwidth / 1e9:.0f} GB/s{self._mark('bandwidth')}"

    def _mark(self, name: str) -> str:
        return " measured" if name in self.measured else ""


def card_of(device: Backend) -> Card:
    """The card of a CUDA backend by its data sheet, at the clocks it may have."""
    if not device.name.startswith("cuda:"):
        return Card({}, 0.0)
    have = device.arrays.cuda.Device(int(device.name.partition(":")[2])).attributes
    cycles = have["MultiProcessorCount"] * have["ClockRate"] * 1e3  # kHz
    rates = RATES.get(device.isa.rpartition(" ")[2], {})
    # Both edges of the memory's clock, kHz; the bus in bits.
    return Card(
        {name: 2 * rate * cycles for name, rate in rates.items()},
        2 * have["MemoryClockRate"] * 1e3 * have["GlobalMemoryBusWidth"] / 8,
    )


def measured(device: Backend, peer: Peer | None, samples: int) -> Card:
    """The card with its own bandwidth, by a copy on it, and its own peaks, by PyTorch's products of matrices."""
    card = card_of(device)
    if not card.bandwidth:
        return card
    bandwidth = copying(device, samples)
    peaks = peer.peaks(samples) if peer else {}
    return replace(card, peak=card.peak | peaks, bandwidth=bandwidth, measured=("bandwidth", *peaks))


def copying(device: Backend, samples: int) -> float:
    """Bytes a second, read and written."""
    size = min(COPIED, device.free_bytes() // 4)
    source, target = device.zeros((size // 4,)), device.empty((size // 4,))
    seconds = timed(lambda: device.write(target, source), clock_of(device), samples)
    return float(2 * source.nbytes / seconds)
