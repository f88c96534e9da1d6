"""How far 8 bits are from floats, by what the network's heads say of some images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..layers import Head, Layer
from ..layers.narrow.int8 import Int8Layers

if TYPE_CHECKING:
    from ..network import Network

Floats = npt.NDArray[np.float32]

PASSES = 800  # through the network, about
FEWEST, MOST = 4, 16  # inputs


class Judge:
    """`error` of so many layers in 8 bits, by as many of the inputs as that allows; made while they are floats."""

    def __init__(self, net: Network, inputs: Sequence[Floats], tries: int) -> None:
        count = min(int(np.clip(PASSES // max(1, tries), FEWEST, MOST)), len(inputs))
        self.net = net
        self.inputs = [inputs[i] for i in np.linspace(0, len(inputs) - 1, count).astype(int)]
        self.wanted = [said(net, x) for x in self.inputs]

    def error(self, layers: Int8Layers) -> float:
        """The sum of the squares of what differs; infinite if sums don't fit 32 bits."""
        if not all(each.fits() for each in layers.convolutions.values()):
            return np.inf
        self.net.requantise(layers)
        pairs = zip(self.inputs, self.wanted, strict=True)
        return sum(float(np.square(said(self.net, x) - y).sum()) for x, y in pairs)


@contextmanager
def restored(net: Network) -> Iterator[None]:
    """The network has its weights again afterwards."""
    try:
        yield
    finally:
        net.int8 = None
        net.parameters_changed()


def said(net: Network, x: Floats) -> Floats:
    """What the network's heads are sure of in an input (1, C, H, W), or its output."""
    with net.plan(1) as plan:
        net.backend.write(plan.input, x)
        plan.run()
        return np.concatenate([confidences(net.layers[i], np.array(y)) for i, y in plan.outputs.items()])


def confidences(layer: Layer, output: Floats) -> Floats:
    """Each box's objectness and what it makes of its classes, flat; of what has no boxes in channels, all numbers."""
    if not isinstance(layer, Head) or layer.out.c % layer.box_values or (layer.out.h, layer.out.w) == (1, 1):
        return output.reshape(-1)
    boxes = output.reshape(-1, layer.box_values, layer.out.h * layer.out.w)
    sure = boxes[:, layer.coords : layer.coords + 1]
    return np.concatenate([sure, sure * boxes[:, layer.coords + 1 :]], 1).reshape(-1)
