"""[batchnorm] on its own, and the folding that convolutional and connected layers share."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array
from ..dialects import Dialect
from ..formats.cfg import Section
from ..formats.weights import Record
from ..plan.plan import Builder, Value
from ..plan.tape import Tape
from .base import Layer, register

# Every Darknet adds this to the variance, inside the root, on the way back.
BACKWARD_EPSILON = 1e-5


def records(channels: int) -> list[Record]:
    """What batch normalisation adds to a layer's parameters, in Darknet's order."""
    return [Record(name, (channels,)) for name in ("scales", "rolling_mean", "rolling_variance")]


def deviation(parameters: dict[str, Array], dialect: Dialect) -> Array:
    """What batch normalisation divides by at inference, as the dialect's CPU code does."""
    variance = parameters["rolling_variance"].clip(min=0)
    norm = dialect.norm
    return (variance + norm.epsilon) ** 0.5 if norm.inside else variance**0.5 + norm.epsilon


def fold(parameters: dict[str, Array], dialect: Dialect) -> tuple[Array, Array]:
    """Per channel (scale, bias) with y = scale * x + bias equal to the normalisation at inference."""
    scale = parameters["scales"] / deviation(parameters, dialect)
    bias = -parameters["rolling_mean"] * scale
    if "biases" in parameters:
        bias = bias + parameters["biases"]
    return scale.astype("float32"), bias.astype("float32")


def train(p: Tape, layer: Layer, biases: Array | None, x: Value, y: Value, statistics: Sequence[Array]) -> None:
    """y = scales * (x - mean) / deviation + biases with the mini-batch's statistics, which are kept."""
    norm = p.dialect.norm
    rolling = [p.parameter(layer, name) for name in ("rolling_mean", "rolling_variance")]
    affine = p.parameter(layer, "scales"), biases
    options = norm.epsilon, norm.inside, norm.rolling, x.shape.c
    p.emit(p.ops.batchnorm_train, x, y, *statistics, *rolling, *affine, *options)


def backward(
    p: Tape, layer: Layer, x: Value, delta: Value, statistics: Sequence[Array], dbiases: Array | None
) -> None:
    """The delta of y becomes that of x, in place; scales and biases get their updates."""
    norm = p.dialect.norm
    options = norm.epsilon, norm.inside, BACKWARD_EPSILON, norm.backward_inside, x.shape.c
    scales, dscales = p.parameter(layer, "scales"), p.update_of(layer, "scales")
    p.emit(p.ops.batchnorm_backward, x, *statistics, scales, delta, delta, dscales, dbiases, *options)


@register("batchnorm")
class BatchNorm(Layer):
    """Batch normalisation without a bias. Darknet's CPU code crashes here; this does what the GPU code means."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.records = records(self.inputs.c)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        scale = p.constant(self.key("scale"), lambda: fold(self.parameters, self.dialect)[0])
        bias = p.constant(self.key("bias"), lambda: fold(self.parameters, self.dialect)[1])
        p.emit(p.ops.scale_bias, p.blocked(x), scale, bias, y)
        return y

    def train(self, p: Tape, x: Value) -> Value:
        y = p.new(self.out)
        statistics = p.saved[self.path] = [p.backend.empty((self.out.c,)) for _ in range(2)]
        train(p, self, None, p.blocked(x), y, statistics)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is not None:
            backward(p, self, p.blocked(x), dy, p.saved[self.path], None)
            p.add_delta(x, dy)
