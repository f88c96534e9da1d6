"""[shortcut]: a residual connection."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.ops import Array
from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.activations import read_activation
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape
from .base import Layer, register
from .common.references import resolve

# AlexeyAB's weights_type: whether each channel has weights of its own.
WEIGHTS = {"per_feature": False, "per_layer": False, "per_channel": True}
# His weights_normalization, by the names of the op.
NORMALIZATIONS = {"none": "none", "relu": "relu", "avg_relu": "relu", "softmax": "softmax_top"}
LEAST_WEIGHT = 1e-3  # in detection, of those that relu makes shares of


@register("shortcut")
class Shortcut(Layer):
    """y = f(the previous layer + those of `from`).

    One layer is added with `alpha` and `beta`, and with Darknet's sampling where sizes differ. AlexeyAB's may add
    several (of one size; channels that either lacks count as 0), each with weights that are learnt: `weights`
    (1 + layers, channels, or 1), which `normalization` makes shares of their sum.
    """

    per_channel = False
    normalization = ""  # "": no weights

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.sources = [resolve(section, "from", number, previous) for number in section.ints("from")]
        if not self.sources:
            raise section.error("from: expected the numbers of layers to add, found none", "from")
        self.activation = read_activation(section, "linear")
        self.alpha = section.float_("alpha", 1.0)
        self.beta = section.float_("beta", 1.0)
        self.read_weights(section)
        if len(self.sources) == 1 and not self.normalization:
            self.check_sampling(section, self.sources[0])
        else:
            self.check_sizes(section)

    def read_weights(self, section: Section) -> None:
        """Set `records`, where layers are weighted. CfgError."""
        kind = section.choice("weights_type", ["none", *WEIGHTS])
        normalization = section.choice("weights_normalization", NORMALIZATIONS)
        self.normalization, self.records = "", ()
        if kind != "none":
            self.per_channel, self.normalization = WEIGHTS[kind], NORMALIZATIONS[normalization]
            self.records = [Record("weights", (1 + len(self.sources), self.inputs.c if self.per_channel else 1))]

    def start_of(self, name: str) -> tuple[float, float] | None:
        return 1.0, 0.0

    def check_sampling(self, section: Section, source: Layer) -> None:
        """CfgError unless one of the sizes is the other by one factor."""
        (_, h1, w1), (_, h2, w2) = self.inputs, source.out
        stride, sample = max(w2 // w1, 1), max(w1 // w2, 1)
        if stride != max(h2 // h1, 1) or sample != max(h1 // h2, 1):
            raise section.error(
                f"the sizes {self.inputs} and {source.out} (layer {source.index}) differ in shape", "from"
            )

    def check_sizes(self, section: Section) -> None:
        """CfgError unless all layers have one size, and no factors beside the weights."""
        for source in self.sources:
            if source.out[1:] != self.inputs[1:]:
                raise section.error(
                    f"layer {source.index} gives {source.out}, the one before {self.inputs}: expected one size for "
                    "layers that are weighted, or more than two", "from",
                )  # fmt: skip
        for key, value in (("alpha", self.alpha), ("beta", self.beta)):
            if value != 1:
                raise section.error(f"{key}={value}: expected 1 where layers are weighted, or more than two", key)

    def plan(self, p: Builder, x: Value) -> Value:
        y = self.weighted_sum(p, x, self.shares(p)) if self.normalization else self.sum(p, x)
        if self.activation != "linear":
            p.emit(p.ops.activate, y, p.ops.Activation(self.activation))
        return y

    def train(self, p: Tape, x: Value) -> Value:
        if not self.normalization:
            return p.activate(self, self.sum(p, x))
        shares = p.saved[self.path] = p.backend.empty((1 + len(self.sources), self.out.c))
        p.refresh(p.ops.shortcut_weights, p.parameter(self, "weights"), shares, len(shares), self.normalization)
        return p.activate(self, self.weighted_sum(p, x, shares))

    def sum(self, p: Builder, x: Value) -> Value:
        """The layers added, before the activation."""
        y, source = p.new(self.out), p.blocked(x)
        for layer in self.sources:
            self.add(p, source, p.blocked(p.outputs[layer.index]), y, layer.out.c)
            source = y
        return y

    def add(self, p: Builder, x: Value, term: Value, y: Value, channels: int) -> None:
        """y = alpha * x + beta * a term of so many channels."""
        p.emit(p.ops.shortcut_forward, x, term, y, self.out.c, channels, self.alpha, self.beta)

    def weighted_sum(self, p: Builder, x: Value, shares: Array) -> Value:
        """Each layer times its share, before the activation."""
        zeros, y = p.shared(self.key("zeros"), lambda: p.backend.zeros((self.out.c,))), p.new(self.out)
        p.emit(p.ops.scale_bias, p.blocked(x), shares[0], zeros, y)
        for share, layer in zip(shares[1:], self.sources, strict=True):
            scaled = p.new(self.out)
            p.emit(p.ops.scale_bias, self.fitted(p, layer), share, zeros, scaled)
            self.add(p, y, scaled, y, self.out.c)
        return y

    def shares(self, p: Builder) -> Array:
        """What each layer counts, (1 + layers, channels)."""

        def make() -> Array:
            shares = p.backend.empty((1 + len(self.sources), self.out.c))
            weights = p.backend.to_device(self.detecting_weights())
            p.ops.shortcut_weights(weights, shares, len(shares), self.normalization)
            return shares

        return p.shared(self.key("shares"), make)

    def detecting_weights(self) -> Array:
        """The weights that detection makes shares of: no layer is left out of it altogether."""
        weights = self.parameters["weights"]
        return weights.clip(min=LEAST_WEIGHT) if self.normalization == "relu" else weights

    def fitted(self, p: Builder, layer: Layer) -> Value:
        """A layer's output with this one's channels."""
        value = p.blocked(p.outputs[layer.index])
        return value if layer.out.c == self.out.c else cut(p, value, self.out, min(layer.out.c, self.out.c))

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy = p.delta(y)
        if dy is None:
            return
        p.activate_backward(self, y, dy)
        if self.normalization:
            self.weighted_backward(p, x, dy)
            return
        dx = p.new(self.inputs)
        for number, layer in enumerate(self.sources):
            add = p.new(layer.out)
            channels, whole = (self.inputs.c, layer.out.c), None if number else dx
            p.emit(p.ops.shortcut_backward, dy, whole, add, *channels, self.alpha, self.beta, False, False)
            p.add_delta(p.outputs[layer.index], add)
        p.add_delta(x, dx)

    def weighted_backward(self, p: Tape, x: Value, dy: Value) -> None:
        """As Darknet has it: each weight's update is the sum of dy times what it weighs, as if it were the share."""
        shares, zeros = p.saved[self.path], p.backend.zeros((self.out.c,))
        updates = p.update_of(self, "weights")
        terms = [(x, p.blocked(x), self.out)]
        terms += [(p.outputs[layer.index], self.fitted(p, layer), layer.out) for layer in self.sources]
        for (origin, term, shape), share, update in zip(terms, shares, updates, strict=True):
            self.update_weight(p, term, dy, update)
            delta = p.new(self.out)
            p.emit(p.ops.scale_bias, dy, share, zeros, delta)
            p.add_delta(origin, delta if shape.c == self.out.c else cut(p, delta, shape, min(shape.c, self.out.c)))

    def update_weight(self, p: Tape, term: Value, dy: Value, update: Array) -> None:
        """Add the sums of dy * term, of each channel or of all, to the update of a weight."""
        c, h, w = self.out
        of, shape = ("channel", Shape(c, 1, 1)) if self.per_channel else ("pixel", Shape(1, h, w))
        sums = p.new(shape)
        p.emit(p.ops.multiply_backward, term, dy, sums, c, of, False)
        p.emit(p.ops.bias_backward, sums, update, shape.c)


def cut(p: Builder, value: Value, shape: Shape, channels: int) -> Value:
    """The first `channels` of a value, among zeros if the shape has more."""
    y = p.new(shape)
    p.emit(p.ops.fill, y, 0.0)
    p.emit(p.ops.add_channels, value, y, 0, 0, channels, False)
    return y
