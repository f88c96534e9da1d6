"""Parameters of a network without a weights file, distributed as Darknet's."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .layers import Layer


def initialise(layers: Iterable[Layer], seed: int = 0) -> None:
    """Give every layer that has none its parameters: weights N(0, 2 / fan_in), scales and variances 1, biases
    and means 0. (Darknet starts rolling variances at 0, which no untrained network survives.)"""
    random = np.random.Generator(np.random.PCG64(seed))
    for layer in layers:
        for record in layer.records:
            if record.name in layer.parameters:
                continue
            if record.name == "weights":
                fan_in = record.size // record.shape[0] if layer.type != "local" else math.prod(record.shape[2:])
                values = random.standard_normal(record.size, dtype=np.float32)
                values *= np.float32(math.sqrt(2 / fan_in))
                layer.parameters[record.name] = values.reshape(record.shape)
            else:
                fill = np.ones if record.name in ("scales", "rolling_variance") else np.zeros
                layer.parameters[record.name] = fill(record.shape, dtype=np.float32)
