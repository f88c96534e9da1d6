"""Weights made into other weights: cut, averaged, folded, turned to other inputs or classes.

All work on a network's `parameters` (rescale, fold...) or make a network, as Darknet's commands of these names
do. Where those leave a network that answers differently than it should, these don't; each says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from os import PathLike
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import CfgError, WeightsError
from .formats.cfg import Cfg, Section
from .graph.engine import Engine
from .layers import Head
from .layers.batchnorm import fold
from .layers.convolutional import Convolution, Convolutional

Array = npt.NDArray[np.float32]
F = np.float32
Edits: TypeAlias = "dict[int, dict[str, str | None]]"  # keys of layers' sections; None takes one out


@dataclass(frozen=True)
class Change:
    """A key of a cfg that has to change with the weights; `old` is None where the key is absent."""

    section: Section
    key: str
    old: str | None
    new: str

    def __str__(self) -> str:
        before = f"{self.key}={self.old}" if self.old is not None else f"no {self.key}"
        place = f"{self.section.file}:{self.section.lines.get(self.key, self.section.line)}"
        return f"{place}: [{self.section.type}] {before} becomes {self.key}={self.new}"


@dataclass(frozen=True)
class Statistics:
    """The numbers of one array of a layer: root of the mean square (Darknet calls it MSE), mean, variance."""

    layer: int
    type: str
    name: str
    count: int
    rms: float
    mean: float
    variance: float
    low: float
    high: float


def average(net: Engine, files: Sequence[str | PathLike[str]]) -> None:
    """Give the network the mean of the files' parameters, and the first one's `seen`.

    Sums are float32 in the order of the files, as Darknet's; it leaves out what is neither convolutional nor
    connected, and the batch norm of connected layers: those it takes from the first file. WeightsError.
    """
    if not files:
        raise WeightsError("expected at least one weights file to average")
    net.load_weights(files[0])
    net.need_floats("to be averaged")
    seen = net.seen
    sums = [{name: np.array(values) for name, values in layer.parameters.items()} for layer in net.layers]
    for file in files[1:]:
        net.load_weights(file)
        net.need_floats("to be averaged")
        for layer, total in zip(net.layers, sums, strict=True):
            for name, values in layer.parameters.items():
                total[name] += values
    for layer, total in zip(net.layers, sums, strict=True):
        for values in total.values():
            values *= F(1 / len(files))
        layer.parameters.update(total)
    net.seen = seen
    net.parameters_changed()


def statistics(net: Engine) -> Iterator[Statistics]:
    """Each array of each layer, in the order of the weights file."""
    for layer in net.layers:
        for record in layer.records:
            values = layer.parameters[record.name].astype(np.float64)
            moments = float(np.sqrt((values**2).mean())), float(values.mean()), float(values.var())
            ends = float(values.min()), float(values.max())
            yield Statistics(layer.index, layer.type, record.name, values.size, *moments, *ends)


def reset(net: Engine) -> None:
    """Put batch norm's scales and rolling statistics into the weights and biases before it: they become neutral.

    The network gives the same answers. Darknet adds 1e-5 (1e-6 in connected layers) to the variance here and not
    when the network runs on the CPU; this folds what runs. What is left divides by 1 + 1e-6.
    """
    for layer in _normalised(net):
        if layer.lender is not None:
            continue  # its parameters are another layer's
        _fold(layer)
        parameters = layer.parameters
        parameters["scales"] = np.ones_like(parameters["scales"])
        parameters["rolling_mean"] = np.zeros_like(parameters["rolling_mean"])
        parameters["rolling_variance"] = np.ones_like(parameters["rolling_variance"])
    net.parameters_changed()


def denormalize(net: Engine) -> tuple[Engine, list[Change]]:
    """The network with batch norm folded into weights and biases, and how its cfg differs. The same answers.

    A [batchnorm] layer of its own stays. `net` is changed as by `reset`.
    """
    layers = list(_normalised(net))
    reset(net)
    return _rebuilt(net, {layer.index: {"batch_normalize": "0"} for layer in layers})


def normalize(net: Engine) -> tuple[Engine, list[Change]]:
    """The network with batch norm in every convolutional and connected layer, and how its cfg differs.

    What is new is neutral, and the answers are the same. (Darknet's new rolling variances are 0, with which only
    training can go on: at inference they divide by 1e-6.)
    """
    plain = [layer for layer in _convolutions(net) if not layer.batch_normalize]
    return _rebuilt(net, {layer.index: {"batch_normalize": "1"} for layer in plain})


def rescale(net: Engine) -> None:
    """Let a network that was trained on pixels from -1 to 1 take them from 0 to 1: pixel * 2 - 1 is done by the
    first convolution.

    With batch norm the shift belongs to the rolling mean, where Darknet puts it into the bias behind it. Where
    the convolution pads, zeros stood for grey and now stand for black, as in Darknet. CfgError.
    """
    layer = _first_of_images(net)
    weights = layer.parameters["weights"] * F(2)
    layer.parameters["weights"] = weights
    shift = weights.reshape(len(weights), -1).sum(axis=1, dtype=np.float64) * -0.5
    name, sign = ("rolling_mean", -1) if layer.batch_normalize else ("biases", 1)
    layer.parameters[name] = (layer.parameters[name] + sign * shift).astype(F)
    net.parameters_changed()


def rgbgr(net: Engine) -> None:
    """Swap red and blue in the weights of the first convolution. CfgError if it doesn't take three channels."""
    layer = _first_of_images(net)
    layer.parameters["weights"] = np.ascontiguousarray(layer.parameters["weights"][:, ::-1])
    net.parameters_changed()


def change_classes(net: Engine, kept: Sequence[int | None], seed: int = 0) -> tuple[Engine, list[Change]]:
    """A detector of other classes: class i is the old class kept[i], or a new one (None); and how its cfg differs.

    The last convolution before each [region] or [yolo] head keeps its rows of boxes and objectness and those of
    the kept classes; a new class starts from random weights (`seed`), to be trained. `seen` becomes 0. This does
    what Darknet's `oneoff` was for, which is made for one network and its 11,921 filters. CfgError for a network
    without such heads, with a tree, or where no convolution is in front of a head; WeightsError for an old class
    that doesn't exist.
    """
    heads = [head for head in net.heads() if head.anchors]
    if not heads:
        raise CfgError(net.cfg.file, None, "has no [region] or [yolo] layer whose classes could change")
    treed = next((head for head in heads if head.tree is not None), None)
    if treed is not None:
        raise treed.section.error(
            "its classes are those of a tree: they can't be changed one by one; `pydarknet tree prune` cuts the tree",
            "tree",
        )
    result, changes = _reclassed(net, heads, kept, {}, seed)
    result.seen = 0
    return result, changes


def prune_classes(net: Engine, head: Head, kept: Sequence[int], keys: Mapping[str, str | None]) -> Engine:
    """The network whose head has the old classes `kept` in this order, and other `keys` in its section (None: gone).

    CfgError where no convolution is in front of the head, or others read it too.
    """
    return _reclassed(net, [head], kept, {head.index: dict(keys)})[0]


def match_names(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """For each new name the number of the old class of that name, or None."""
    numbers = {name: i for i, name in reversed(list(enumerate(old)))}
    return [numbers.get(name) for name in new]


def _normalised(net: Engine) -> Iterator[Convolution]:
    return (layer for layer in _convolutions(net) if layer.batch_normalize)


def _convolutions(net: Engine) -> Iterator[Convolution]:
    """Convolutional and connected layers, those that others own too."""
    for layer in net.layers:
        yield from (each for each in layer.learners if isinstance(each, Convolution))


def _fold(layer: Convolution) -> None:
    """Batch norm's scale into the weights, its shift into the biases."""
    scale, bias = fold(layer.parameters, layer.dialect)
    weights = layer.parameters["weights"]
    layer.parameters["weights"] = weights * scale.reshape(-1, *[1] * (weights.ndim - 1))
    layer.parameters["biases"] = bias


def _first_of_images(net: Engine) -> Convolutional:
    layer = next((layer for layer in net.layers if isinstance(layer, Convolutional)), None)
    if layer is None:
        raise CfgError(net.cfg.file, None, "has no [convolutional] layer")
    channels = layer.inputs.c // layer.groups
    if channels != 3:
        raise layer.section.error(f"expected the first convolution to take three channels, found {channels}")
    other = next((each.index for each in net.layers if isinstance(each, Convolution) and each.lender is layer), None)
    if other is not None:
        raise layer.section.error(f"layer {other} has its weights too (share_index), and sees other images")
    return layer


def _feeding(net: Engine, head: Head) -> Convolutional:
    before = net.layers[head.index - 1] if head.index else None
    if not isinstance(before, Convolutional):
        raise head.section.error("expected a [convolutional] before it, whose filters are to change")
    if before.groups > 1:
        raise before.section.error(f"groups={before.groups}: its filters can't be chosen one by one", "groups")
    return before


def _reclassed(
    net: Engine, heads: Sequence[Head], kept: Sequence[int | None], edits: Edits, seed: int = 0
) -> tuple[Engine, list[Change]]:
    """A network whose heads have other classes, each an old one or new, with these edits of its cfg and their own."""
    rows: dict[int, tuple[list[int], list[int]]] = {}
    for head in heads:
        before = _feeding(net, head)
        boxes = before.out.c // head.box_values
        new_values = head.box_values - head.classes + len(kept)
        edits[head.index] = {"classes": str(len(kept)), **edits.get(head.index, {})}
        edits[before.index] = {"filters": str(boxes * new_values)}
        rows[before.index] = _row_pairs(head, boxes, new_values, kept)
    result, changes = _rebuilt(net, edits, rows, seed)
    for index, (new, old) in rows.items():
        for name, values in result.layers[index].parameters.items():
            values[new] = net.layers[index].parameters[name][old]
    return result, changes


def _row_pairs(head: Head, boxes: int, new_values: int, kept: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """New and old filters that are the same."""
    wrong = next((i for i in kept if i is not None and not 0 <= i < head.classes), None)
    if wrong is not None:
        message = f"expected classes from 0 to {head.classes - 1} to keep, found {wrong}"
        raise WeightsError(str(head.section.error(message)))
    values = head.box_values
    first = values - head.classes
    same = [(i, i) for i in range(first)]
    same += [(first + new, first + old) for new, old in enumerate(kept) if old is not None]
    pairs = [(b * new_values + new, b * values + old) for b in range(boxes) for new, old in same]
    return [new for new, _ in pairs], [old for _, old in pairs]


def _rebuilt(net: Engine, edits: Edits, fresh: Collection[int] = (), seed: int = 0) -> tuple[Engine, list[Change]]:
    """A network of the edited cfg with the parameters it shares with `net`; those of `fresh` layers start anew."""
    cfg, changes = _edited(net.cfg, edits)
    result = Engine(cfg, seed=seed, dialect=net.dialect.name)
    for layer, source in zip(result.layers, net.layers, strict=True):
        layer.take_layout(source.layouts.index(source.records))
        for name, values in source.parameters.items():
            if name not in layer.parameters or layer.index in fresh:
                continue
            if values.shape != layer.parameters[name].shape:
                raise source.section.error("reads the filters that would change, so that its weights wouldn't fit")
            layer.parameters[name] = np.array(values)
    result.seen = net.seen
    result.parameters_changed()
    return result, changes


def _edited(cfg: Cfg, edits: Edits) -> tuple[Cfg, list[Change]]:
    copy = deepcopy(cfg)
    changes = []
    for index, values in sorted(edits.items()):
        section = cfg.sections[index]
        for key, value in values.items():
            if value is None:
                copy.sections[index].options.pop(key, None)
            elif section.options.get(key) != value:
                changes.append(Change(section, key, section.options.get(key), value))
                copy.sections[index].set(key, value)
    return copy, changes
