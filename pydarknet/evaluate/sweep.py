"""Speed against accuracy, as in Table 3 and Figure 4 of YOLO9000's paper: one network at several input sizes."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from ..errors import ExportError
from ..formats.atomic import write_text
from ..graph.speed import measure
from ..network import Network
from .objects import Truth
from .run import evaluate_network


@dataclass(frozen=True)
class AtSize:
    """A network whose input is `size` x `size`: its mean average precision, None where no class has objects; the
    median time of a forward pass of one image; its operations."""

    size: int
    ap: float | None
    seconds: float
    flops: int

    @property
    def line(self) -> str:
        """A row below `HEAD`."""
        ap = "-" if self.ap is None else f"{100 * self.ap:.1f}"
        return f"{self.size:5d}{ap:>7s}{1000 * self.seconds:10.1f}{1 / self.seconds:10.1f}{self.flops / 1e9:9.2f}"


HEAD = f"{'size':>5s}{'AP %':>7s}{'ms':>10s}{'images/s':>10s}{'GFLOP':>9s}"


def sweep(
    network: Network, images: Sequence[str], truth: Truth, sizes: Sequence[int], *, runs: int | None = None,
    **others: Any,
) -> Iterator[AtSize]:  # fmt: skip
    """The network at each size, which it has again in the end. `runs` forward passes are timed (default: 5 seconds of
    them); the `others` are those of `evaluate_network`. CfgError, before anything runs, for a size it can't have.
    """
    before = network.width, network.height
    try:
        for size in sizes:
            network.resize(size, size)
        for size in sizes:
            network.resize(size, size)
            result = evaluate_network(network, images, truth, **others)
            seconds = statistics.median(measure(network, runs=runs))
            yield AtSize(size, result.ap, seconds, network.flops)
    finally:
        network.resize(*before)


def save_sweep(path: str | PathLike[str], swept: Sequence[AtSize], **about: object) -> None:
    """The sizes as JSON, beside what it is `about`. ExportError if it can't be written."""
    content = {**about, "sizes": [asdict(each) for each in swept]}
    write_text(path, json.dumps(content, indent=1) + "\n", ExportError)
