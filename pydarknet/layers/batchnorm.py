"""[batchnorm] on its own, and the folding that convolutional and connected layers share."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..ops import Array
from ..plan import Builder, Value
from ..weights import Record
from .base import Layer, register

# Darknet's CPU code normalises with (x - mean) / (sqrt(variance) + 1e-6).
EPSILON = 1e-6


def records(channels: int) -> list[Record]:
    """What batch normalisation adds to a layer's parameters, in Darknet's order."""
    return [Record(name, (channels,)) for name in ("scales", "rolling_mean", "rolling_variance")]


def fold(parameters: dict[str, Array]) -> tuple[Array, Array]:
    """Per channel (scale, bias) with y = scale * x + bias equal to the normalisation at inference."""
    variance = parameters["rolling_variance"].clip(min=0)
    scale = parameters["scales"] / (variance**0.5 + EPSILON)
    bias = -parameters["rolling_mean"] * scale
    if "biases" in parameters:
        bias = bias + parameters["biases"]
    return scale.astype("float32"), bias.astype("float32")


@register("batchnorm")
class BatchNorm(Layer):
    """Batch normalisation without a bias. Darknet's CPU code crashes here; this does what the GPU code means."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.records = records(self.inputs.c)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        scale = p.constant((self.index, "scale"), lambda: fold(self.parameters)[0])
        bias = p.constant((self.index, "bias"), lambda: fold(self.parameters)[1])
        p.emit(p.ops.scale_bias, p.blocked(x), scale, bias, y)
        return y
