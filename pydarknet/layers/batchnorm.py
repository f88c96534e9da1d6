"""[batchnorm] on its own, and the folding that convolutional and connected layers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..backends.ops import Array
from ..dialects import Dialect
from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.activations import RECTIFIERS
from ..plan.plan import Builder, Value
from ..plan.tape import Activated, Learner, Tape
from .base import Layer, register

# Every Darknet adds this to the variance, inside the root, on the way back.
BACKWARD_EPSILON = 1e-5


def records(channels: int) -> list[Record]:
    """What batch normalisation adds to a layer's parameters, in Darknet's order."""
    return [Record(name, (channels,)) for name in ("scales", "rolling_mean", "rolling_variance")]


def deviation(parameters: Mapping[str, Array], dialect: Dialect) -> Array:
    """What batch normalisation divides by at inference, as the dialect's CPU code does."""
    variance = parameters["rolling_variance"].clip(min=0)
    norm = dialect.norm
    return (variance + norm.epsilon) ** 0.5 if norm.inside else variance**0.5 + norm.epsilon


def fold(parameters: Mapping[str, Array], dialect: Dialect) -> tuple[Array, Array]:
    """Per channel (scale, bias) with y = scale * x + bias equal to the normalisation at inference."""
    scale = parameters["scales"] / deviation(parameters, dialect)
    bias = -parameters["rolling_mean"] * scale
    if "biases" in parameters:
        bias = bias + parameters["biases"]
    return scale.astype("float32"), bias.astype("float32")


def train(
    p: Tape, layer: Learner, biases: Array | None, x: Value, y: Value, statistics: Sequence[Array],
    activation: str = "linear",
) -> None:  # fmt: skip
    """y = f(scales * (x - mean) / deviation + biases) with the mini-batch's statistics, which are kept; f a
    rectifier."""
    norm = p.dialect.norm
    rolling = [p.parameter(layer, name) for name in ("rolling_mean", "rolling_variance")]
    affine = p.parameter(layer, "scales"), biases
    options = norm.epsilon, norm.inside, norm.rolling, x.shape.c, p.ops.Activation(activation)
    p.emit(p.ops.batchnorm_train, x, y, *statistics, *rolling, *affine, *options)


def train_activated(p: Tape, layer: Activated, x: Value, statistics: Sequence[Array]) -> Value:
    """What the layer's batch normalisation and its activation make of x, in one pass if they can."""
    y, within = p.new(x.shape, images=x.dims[0]), layer.activation in RECTIFIERS
    train(p, layer, p.parameter(layer, "biases"), x, y, statistics, layer.activation if within else "linear")
    return y if within else p.activate(layer, y)


def backward(
    p: Tape, layer: Learner, x: Value, delta: Value, statistics: Sequence[Array], biased: bool,
    activation: str = "linear",
) -> None:  # fmt: skip
    """The delta of y becomes that of x, in place; scales and biases get their updates."""
    norm = p.dialect.norm
    options = norm.epsilon, norm.inside, BACKWARD_EPSILON, norm.backward_inside, x.shape.c
    biases, dbiases = (p.parameter(layer, "biases"), p.update_of(layer, "biases")) if biased else (None, None)
    affine, dscales = (p.parameter(layer, "scales"), biases), p.update_of(layer, "scales")
    f = p.ops.Activation(activation)
    p.emit(p.ops.batchnorm_backward, x, *statistics, *affine, delta, delta, dscales, dbiases, *options, f)


def backward_activated(
    p: Tape, layer: Activated, x: Value, y: Value, delta: Value, statistics: Sequence[Array]
) -> Value:
    """The delta of y = `train_activated` of x becomes that of x."""
    within = layer.activation in RECTIFIERS
    if not within:
        p.activate_backward(layer, y, delta)
    delta = p.blocked(delta)
    backward(p, layer, x, delta, statistics, True, layer.activation if within else "linear")
    return delta


@register("batchnorm")
class BatchNorm(Layer):
    """Batch normalisation, with biases in AlexeyAB's Darknet and its weights files; pjreddie's stay at 0 and are in
    none. Darknet's CPU code of 2017 crashes here; this does what the GPU code means."""

    biased = False

    @property
    def layouts(self) -> Sequence[Sequence[Record]]:
        norm = records(self.inputs.c)
        return norm, [Record("biases", (self.inputs.c,)), *norm]

    def take_layout(self, index: int) -> None:
        self.biased = bool(index)
        self.records = self.layouts[index]
        if self.biased and self.parameters:
            self.parameters.setdefault("biases", 0 * self.parameters["scales"])
        elif not self.biased:
            self.parameters.pop("biases", None)

    def adopt(self, dialect: Dialect) -> None:
        super().adopt(dialect)
        biases = self.parameters.get("biases")
        if not dialect.norm_biases and biases is not None and biases.any():
            raise self.section.error(
                f"its weights have biases, which dialect {dialect.name} would lose; take one that has them, as "
                "alexeyab, whose weights they seem to be"
            )
        self.take_layout(int(dialect.norm_biases))

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.records = self.layouts[self.biased]

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out)
        scale = p.constant(self.key("scale"), lambda: fold(self.parameters, self.dialect)[0])
        bias = p.constant(self.key("bias"), lambda: fold(self.parameters, self.dialect)[1])
        p.emit(p.ops.scale_bias, p.blocked(x), scale, bias, y)
        return y

    def train(self, p: Tape, x: Value) -> Value:
        y = p.new(self.out)
        statistics = p.saved[y] = [p.backend.empty((self.out.c,)) for _ in range(2)]
        biases = p.parameter(self, "biases") if self.biased else None
        train(p, self, biases, p.blocked(x), y, statistics)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is not None:
            backward(p, self, p.blocked(x), dy, p.saved[y], self.biased)
            p.add_delta(x, dy)
