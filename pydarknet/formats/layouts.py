"""What a weights file holds of each layer, and in which of several ways, as the Darknets differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, MutableMapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import WeightsError
from .cfg_keys import canonical

Array = npt.NDArray[np.float32]

BATCH_NORM = frozenset({"scales", "mean", "variance", "rolling_mean", "rolling_variance"})


class Record(NamedTuple):
    """One array of a layer: its name among the layer's parameters ("weights", or of a layer that is part of it
    "input.weights"), and its shape."""

    name: str
    shape: tuple[int, ...]

    @property
    def kind(self) -> str:
        """What it is, whichever layer's: "weights"."""
        return self.name.rpartition(".")[2]

    @property
    def size(self) -> int:
        """Number of floats."""
        return math.prod(self.shape)


class Layer(Protocol):
    """What this module needs of a layer: `records` in file order, and where the arrays go.

    `layouts`: the records as one program or another stores them; `take_layout` makes one of these `records`.
    From the cfg keys of those names: `dontload` and `dontsave` (the layer isn't in the file), `dontloadscales`
    (its batch norm isn't), `numload` (the file has only that many filters), `flipped` (its weights are stored
    inputs first). `transposable`: in a transposed file they are (connected layers).
    """

    dontload: bool
    dontsave: bool
    dontloadscales: bool
    numload: int
    flipped: bool

    @property
    def transposable(self) -> bool: ...
    @property
    def index(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def records(self) -> Sequence[Record]: ...
    @property
    def parameters(self) -> MutableMapping[str, Array]: ...
    @property
    def layouts(self) -> Sequence[Sequence[Record]]: ...
    def take_layout(self, index: int) -> None: ...


def alike(layers: Sequence[Layer]) -> bool:
    """Whether all layouts of the layers are equally long, so that only a file's version tells them apart."""
    several = [layer for layer in layers if len(layer.layouts) > 1]
    return bool(several) and length_of(several, 0) == length_of(several, 1)


def choose_layout(
    name: str, start: int, told: int | None, size: int, networks: Sequence[Sequence[Layer]], sure: bool
) -> int | None:
    """The one of the layers' layouts with which one of the networks has the length of a file whose header has `start`
    bytes, else, where all are equally long, the one that its version has `told`; None: as they are.

    WeightsError where that doesn't tell, and the present one isn't sure.
    """
    several = next((layer for layer in networks[-1] if len(layer.layouts) > 1), None)
    if several is None:
        return None
    choices = range(len(several.layouts))
    for given in (size - start, size - (36 - start)):
        fitting = [k for k in choices if given in [length_of(layers, k) for layers in networks]]
        if len(fitting) == 1:
            return fitting[0]
    if sure:
        return None
    if told is not None and alike(networks[-1]):
        return told
    lengths = " or ".join(str(start + length_of(networks[-1], k)) for k in choices)
    raise WeightsError(
        f"{name}: layer {several.index} ({several.type}) is stored in one way or another, as the Darknets differ: "
        f"expected {lengths} bytes, found {size}, which doesn't tell; name the file's Darknet with --dialect, or "
        "dialect= in [net]"
    )


def take_layout(name: str, layers: Sequence[Layer], layout: int | None) -> Iterator[str]:
    """Make the layout that of all layers; a warning if it was another one."""
    changed = [layer for layer in layers if layout is not None and layer.records != records_of(layer, layout)]
    if changed:
        stored = ", ".join(record.name for record in records_of(changed[0], layout))
        yield (
            f"{name}: of another dialect: layer {changed[0].index} ({changed[0].type}) is stored as {stored}, by the "
            "file's length or version; read so, but --dialect may change more than that"
        )
    for layer in changed:
        layer.take_layout(layout or 0)


def records_of(layer: Layer, layout: int | None) -> Sequence[Record]:
    return layer.records if layout is None or len(layer.layouts) == 1 else layer.layouts[layout]


def length_of(layers: Sequence[Layer], layout: int | None) -> int:
    """Bytes of all records."""
    return 4 * sum(math.prod(shape) for layer in layers for _, shape in stored_records(layer, layout))


def stored_records(layer: Layer, layout: int | None) -> Iterator[tuple[Record, tuple[int, ...]]]:
    """The records of the layer that the file holds, with the shapes they have there."""
    if layer.dontload:
        return
    kind = canonical(layer.type)
    # pjreddie's [batchnorm] reads its scales whatever dontloadscales says, and only filters can be cut.
    skip_scales = layer.dontloadscales and kind != "batchnorm"
    filters = layer.numload if kind in ("convolutional", "deconvolutional") else 0
    for record in records_of(layer, layout):
        if not (skip_scales and record.kind in BATCH_NORM):
            first = min(filters, record.shape[0]) if filters > 0 else record.shape[0]
            yield record, (first, *record.shape[1:])


def doubts(name: str, told: int | None, layers: Sequence[Layer]) -> Iterator[str]:
    """A warning if the version of a file that was read says that it is of another Darknet."""
    read = next((layer for layer in layers if len(layer.layouts) > 1), None)
    if read is not None and told is not None and alike(layers) and read.records != read.layouts[told]:
        whose = ("pjreddie's", "AlexeyAB's")[told]
        yield (
            f"{name}: is {whose}, by its version; their order of [{read.type}] isn't that of the dialect in which it "
            "was read: name another one with --dialect"
        )
