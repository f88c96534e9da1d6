"""A cfg as a graph of layers with shapes: no parameters, no backend, no memory to speak of."""

from __future__ import annotations

from difflib import get_close_matches
from os import PathLike, fspath

from .cfg import Cfg, Section, parse_cfg
from .errors import CfgError
from .layers import REGISTRY, Layer
from .shape import Shape

RECURRENT = frozenset({"rnn", "gru", "lstm", "crnn", "conv_lstm", "history"})


class Graph:
    """The layers of a cfg with their shapes; no parameters, no backend, no memory to speak of.

    `inputs` is the shape of one input image, `outputs` that of the last layer that is no [cost] (what Darknet's
    `network_predict` returns), `warnings` what the user should know about the cfg. CfgError if it can't be built.
    """

    def __init__(self, cfg: str | PathLike[str] | Cfg) -> None:
        self.cfg = cfg if isinstance(cfg, Cfg) else parse_cfg(fspath(cfg))
        net = self.cfg.net
        self.inputs = input_shape(self.cfg)
        self.batch = net.int_("batch", 1)
        self.subdivisions = net.int_("subdivisions", 1)
        if not self.cfg.sections:
            raise net.error("no layers follow")
        self.layers: list[Layer] = []
        shape = self.inputs
        for index, section in enumerate(self.cfg.sections):
            layer = layer_class(section)(section, index, shape, self.layers)
            self.layers.append(layer)
            shape = layer.out
        self.warnings = [*self.cfg.warnings, *(w for s in [net, *self.cfg.sections] for w in s.unused())]

    @property
    def output_index(self) -> int:
        """Index of the layer whose output is the network's."""
        return max((layer.index for layer in self.layers if layer.type != "cost"), default=len(self.layers) - 1)

    @property
    def outputs(self) -> Shape:
        return self.layers[self.output_index].out

    @property
    def width(self) -> int:
        return self.inputs.w

    @property
    def height(self) -> int:
        return self.inputs.h

    @property
    def flops(self) -> int:
        """Floating-point operations of one image's forward pass, counted as Darknet's `ops` counts them."""
        return sum(layer.flops for layer in self.layers)

    def reshape(self, width: int, height: int) -> None:
        """Compute all shapes for another input size. CfgError, and nothing has changed, if a layer can't."""
        before = self.inputs
        try:
            self._reshape(Shape(before.c, height, width))
        except CfgError:
            self._reshape(before)
            raise

    def _reshape(self, shape: Shape) -> None:
        if min(shape) < 1:
            raise self.cfg.net.error(f"can't take the input size {shape.w} x {shape.h}: expected positive numbers")
        self.inputs = shape
        for layer in self.layers:
            layer.reshape(shape, self.layers[: layer.index])
            shape = layer.out


def input_shape(cfg: Cfg) -> Shape:
    """The input of one image from [net]; `inputs=` alone is a flat vector. CfgError if there is none."""
    net = cfg.net
    h, w, c = (net.int_(key, 0, low=0) for key in ("height", "width", "channels"))
    inputs = net.int_("inputs", h * w * c, low=0)
    if h and w and c:
        shape = Shape(c, h, w)
    elif inputs:
        shape = Shape(inputs, 1, 1)
    else:
        raise net.error(f"expected width, height and channels, found {w} x {h} x {c}; add them to [net]")
    if shape.size > 2**31 - 1:
        raise net.error(f"the input {shape} has more elements than Darknet can count (2^31 - 1)")
    return shape


def layer_class(section: Section) -> type[Layer]:
    """The class for a section. CfgError for a type that is unknown or not supported."""
    if section.type in REGISTRY:
        return REGISTRY[section.type]
    if section.type in RECURRENT:
        raise section.error("recurrent layers are not supported")
    close = get_close_matches(section.type, REGISTRY, 1)
    hint = f"; did you mean [{close[0]}]?" if close else ""
    raise section.error(f"unknown section{hint}; known: {', '.join(sorted(REGISTRY))}")
