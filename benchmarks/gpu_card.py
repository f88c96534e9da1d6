"""What a card can do at most, by its data sheet: multiply-adds of one cycle of one multiprocessor, and its memory."""

from __future__ import annotations

from dataclasses import dataclass

from pydarknet.backend import Backend

# Dense multiply-adds a cycle and multiprocessor by compute capability, from NVIDIA's architecture papers.
RATES = {
    "7.5": {"fp32": 64, "fp16": 512},
    "8.0": {"fp32": 64, "tf32": 512, "fp16": 1024, "bf16": 1024},
    "8.6": {"fp32": 128, "tf32": 128, "fp16": 256, "bf16": 256},
    "8.9": {"fp32": 128, "tf32": 256, "fp16": 512, "bf16": 512},
    "9.0": {"fp32": 128, "tf32": 1024, "fp16": 2048, "bf16": 2048},
}


@dataclass(frozen=True)
class Card:
    """Operations a second (2 for each multiply-add) by precision, and bytes a second. Empty and 0: not known."""

    peak: dict[str, float]
    bandwidth: float

    def bound(self, precision: str, flops: float, moved: float) -> float | None:
        """Seconds that so many operations and bytes take at least."""
        peak = self.peak.get(precision)
        if not peak or not self.bandwidth:
            return None
        return max(flops / peak, moved / self.bandwidth)

    def __str__(self) -> str:
        if not self.peak:
            return "no roofline is known"
        rates = ", ".join(f"{name} {rate / 1e12:.0f}" for name, rate in self.peak.items())
        return f"TFLOP/s: {rates}; {self.bandwidth / 1e9:.0f} GB/s"


def card_of(device: Backend) -> Card:
    """The card of a CUDA backend, at the clocks it may have."""
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
