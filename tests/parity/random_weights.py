"""Well-conditioned random .weights files: activations keep about unit size through any number of layers.

The recipe needs nothing but NumPy and a list of records, so that goldens of big networks keep a seed and a
checksum instead of the weights. One generator (PCG64) serves the whole file. Every record draws, in order:
biases .1 N(0,1); with batch normalisation scales U(.5,1.5), means .1 N(0,1) and variances U(.5,1.5);
weights N(0, 2/fan_in). Scales in front of a shortcut are smaller, or sums would grow with depth.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .oracle import LayerInfo, Oracle

Array = NDArray[np.float32]

# E[s^2] E[1/v] for s and v from U(.5, 1.5): what batch normalisation with such numbers does to a variance.
_NORM_GAIN = (13 / 12) * float(np.log(3))
_RESIDUAL_GAIN = 0.3


@dataclass(frozen=True)
class Record:
    """The parameters of one layer. `biases` and `weights` are counts; `gain` multiplies the scales."""

    kind: str
    biases: int
    weights: int
    fan_in: int
    batch_normalize: bool
    gain: float = 1.0


def records_of(layers: Sequence[LayerInfo]) -> list[Record]:
    """The records a .weights file holds for these layers, in file order."""
    result = []
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        gain = _RESIDUAL_GAIN if after is not None and after.type == "shortcut" else 1.0
        record = _record(layer, gain)
        if record is not None and not layer.dontload:
            result.append(record)
    return result


def _record(layer: LayerInfo, gain: float) -> Record | None:
    if layer.type in ("convolutional", "deconvolutional"):
        fan_in = layer.nweights // layer.n
        return Record(layer.type, layer.n, layer.nweights, fan_in, layer.batch_normalize, gain)
    if layer.type == "connected":
        count = layer.inputs * layer.outputs
        return Record(layer.type, layer.outputs, count, layer.inputs, layer.batch_normalize, gain)
    if layer.type == "local":
        fan_in = layer.size * layer.size * layer.input[0]
        return Record(layer.type, layer.outputs, fan_in * layer.outputs, fan_in, False, gain)
    if layer.type == "batchnorm":
        return Record(layer.type, layer.out[0], 0, 1, True, gain)
    return None


def arrays(record: Record, rng: np.random.Generator) -> dict[str, Array]:
    """One record's arrays by name, drawn as the module says."""
    n = record.biases
    drawn: dict[str, Array] = {"biases": rng.standard_normal(n, np.float32) * np.float32(0.1)}
    if record.batch_normalize:
        drawn["scales"] = (rng.random(n, np.float32) + np.float32(0.5)) * np.float32(record.gain)
        drawn["mean"] = rng.standard_normal(n, np.float32) * np.float32(0.1)
        drawn["variance"] = rng.random(n, np.float32) + np.float32(0.5)
    spread = 2 / record.fan_in / (_NORM_GAIN if record.batch_normalize else 1)
    drawn["weights"] = rng.standard_normal(record.weights, np.float32) * np.float32(np.sqrt(spread))
    return drawn


def _file_order(record: Record) -> list[str]:
    norm = ["scales", "mean", "variance"] if record.batch_normalize else []
    if record.kind == "batchnorm":
        return norm
    if record.kind == "connected":
        return ["biases", "weights", *norm]
    return ["biases", *norm, "weights"]


def write(
    path: str | Path,
    records: Iterable[Record],
    seed: int,
    *,
    minor: int = 2,
    head: tuple[int, float] | None = None,
) -> str:
    """Write the file (header 0.`minor`.0, seen 0) and return its SHA-256.

    `head` = (classes, gain) multiplies the class rows of the last record, which feeds a region layer of four
    coordinates: a tree walk over flat probabilities would end at the root.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    digest = hashlib.sha256()
    listed = list(records)
    with open(path, "wb") as file:

        def put(data: bytes) -> None:
            file.write(data)
            digest.update(data)

        put(struct.pack("<iiiq" if minor >= 2 else "<iiii", 0, minor, 0, 0))
        for record in listed:
            drawn = arrays(record, rng)
            if head is not None and record is listed[-1]:
                rows = drawn["weights"].reshape(-1, head[0] + 5, record.fan_in)
                rows[:, 5:] *= np.float32(head[1])
            for name in _file_order(record):
                put(drawn[name].astype("<f4", copy=False).tobytes())
    return digest.hexdigest()


def random_oracle(
    cfg_path: str | Path, path: str | Path, seed: int, width: int | None = None, height: int | None = None
) -> Oracle:
    """Write random weights for a cfg without recurrent layers to `path`; the network that holds them.

    Another width and height than the cfg's saves time; connected layers then have other shapes, too.
    """
    oracle = Oracle(cfg_path, width=width, height=height)
    write(path, records_of(oracle.layers), seed)
    oracle.load_weights(path)
    return oracle
