"""Parameters of a network without a weights file, distributed as Darknet's."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable

import numpy as np
import numpy.typing as npt

from ..formats.layouts import Record
from ..layers import Layer


def initialise(layers: Iterable[Layer], seed: int = 0, uniform: Container[str] = ()) -> None:
    """Give every layer that has none its parameters: scales and variances 1, biases and means 0, weights
    N(0, 2 / fan_in), those of the types of layers in `uniform` evenly from -sqrt(2 / fan_in) to sqrt(2 / fan_in).
    (Darknet starts rolling variances at 0, which no untrained network survives.) CfgError if the memory is out."""
    learners = [each for owner in layers for each in owner.learners]
    if all(record.name in layer.parameters for layer in learners for record in layer.records):
        return  # numpy.random takes a while to import
    random = np.random.Generator(np.random.PCG64(seed))
    for layer in learners:
        for record in layer.records:
            if record.name in layer.parameters:
                continue
            try:
                layer.parameters[record.name] = _start(layer, record, random, layer.type in uniform)
            except MemoryError as error:
                raise layer.section.error(
                    f"its {record.name} are {record.size} numbers, for which there is no memory; use a smaller one"
                ) from error


def _start(layer: Layer, record: Record, random: np.random.Generator, uniform: bool) -> npt.NDArray[np.float32]:
    """One parameter."""
    if (start := layer.start_of(record.name)) is not None:
        values = _even(random, record.size)
        values *= np.float32(start[1])
        values += np.float32(start[0])
        return values.reshape(record.shape)
    if record.name == "weights":
        fan_in = record.size // record.shape[0] if layer.type != "local" else math.prod(record.shape[2:])
        normal = random.standard_normal
        values = _even(random, record.size) if uniform else normal(record.size, dtype=np.float32)
        values *= np.float32(math.sqrt(2 / fan_in))
        return values.reshape(record.shape)
    fill = np.ones if record.name in ("scales", "rolling_variance") else np.zeros
    return fill(record.shape, dtype=np.float32)


def _even(random: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """So many numbers evenly from -1 to 1, without a copy."""
    values = random.random(count, dtype=np.float32)
    values *= 2
    values -= 1
    return values
