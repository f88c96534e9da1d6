"""Layers without a network, and weights files made for them by hand."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pydarknet.formats.layouts import Record


@dataclass
class FakeLayer:
    index: int
    type: str
    records: list[Record]
    parameters: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    dontload: bool = False
    dontsave: bool = False
    dontloadscales: bool = False
    numload: int = 0
    flipped: bool = False
    transposable: bool = False
    layouts: list[list[Record]] = field(default_factory=list)

    def take_layout(self, index: int) -> None:
        self.records = self.layouts[index]


def conv(index: int, filters: int, channels: int, size: int = 3, batch_norm: bool = True, **flags: Any) -> FakeLayer:
    norm = [Record(name, (filters,)) for name in ("scales", "rolling_mean", "rolling_variance") if batch_norm]
    records = [Record("biases", (filters,)), *norm, Record("weights", (filters, channels, size, size))]
    return FakeLayer(index, "convolutional", records, **flags)


def connected(index: int, outputs: int, inputs: int) -> FakeLayer:
    records = [Record("biases", (outputs,)), Record("weights", (outputs, inputs)), Record("scales", (outputs,))]
    return FakeLayer(index, "connected", records, transposable=True)


def small_net() -> list[FakeLayer]:
    return [conv(0, 4, 3), FakeLayer(1, "maxpool", []), conv(2, 5, 4, 1, batch_norm=False), connected(3, 6, 20)]


FLOATS = 4 + 3 * 4 + 4 * 27 + 5 + 5 * 4 + 6 + 6 * 20 + 6


def header_bytes(version: tuple[int, int, int] = (0, 2, 0), seen: int = 64) -> bytes:
    wide = version[0] * 10 + version[1] >= 2 and max(version[:2]) < 1000
    return struct.pack("<3iQ" if wide else "<3ii", *version, seen)


def write(path: Path, floats: npt.ArrayLike, version: tuple[int, int, int] = (0, 2, 0), tail: bytes = b"") -> Path:
    path.write_bytes(header_bytes(version) + np.asarray(floats, "<f4").tobytes() + tail)
    return path


def counting(count: int = FLOATS) -> npt.NDArray[np.float32]:
    return np.arange(1, count + 1, dtype=np.float32)
