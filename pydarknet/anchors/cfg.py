"""Anchors into a cfg file, which otherwise stays as it is, comments, spelling and line ends included."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike, fspath

import numpy as np

from ..errors import CfgError
from ..formats.atomic import replacing
from ..formats.cfg import Cfg, Section, parse_cfg, parse_cfg_text
from ..formats.cfg_edit import edited
from ..formats.text import decode
from ..graph.graph import Graph, input_shape
from ..layers import REGISTRY, Head
from .kmeans import Floats, anchors_text


@dataclass(frozen=True)
class Units:
    """What anchors of a cfg's heads are in: `scale` (width, height) times fractions of the image.

    Grid cells for [region], pixels of the network's input for [yolo]. `num`: how many there are now.
    """

    kind: str
    scale: tuple[float, float]
    num: int

    @property
    def cells(self) -> bool:
        """Whether the unit is a grid cell."""
        return self.kind == "region"


def units(cfg: Cfg) -> Units:
    """The unit of the anchors of a cfg. CfgError if it has no head with anchors, or heads of both kinds."""
    heads = heads_with_anchors(cfg)
    inputs = input_shape(cfg)
    num = heads[0].int_("num", 1, low=1)
    if _unit(heads[0]) == "pixels":
        return Units("yolo", (inputs.w, inputs.h), num)
    grid = Graph(cfg).layers[heads[0].index].out
    return Units("region", (grid.w, grid.h), num)


def with_anchors(path: str | PathLike[str], anchors: Floats) -> bytes:
    """The bytes of a cfg with other anchors, fractions of the image (K, 2), from the smallest to the largest.

    Sets `anchors` and `num` in its head, or in all [yolo] heads, and for another number of anchors the filters of
    the convolution before. CfgError if several [yolo] heads share the anchors by masks and the number changes,
    if the convolution can't be found, or if the result isn't a network.
    """
    name = fspath(path)
    cfg = parse_cfg(name)
    unit = units(cfg)
    text = anchors_text(np.maximum(anchors * unit.scale, 0 if unit.cells else 1), unit.cells)
    edits: dict[int, dict[str, str]] = {}
    heads = heads_with_anchors(cfg)
    count = len(anchors)
    for head in heads:
        changes = {"anchors": text}
        if count != head.int_("num", 1):
            changes["num"] = str(count)
            if head.has("mask"):
                changes["mask"] = _mask(head, len(heads), count)
            edits[convolution_before(cfg, head).line] = {"filters": str(count * box_values(head))}
        edits[head.line] = changes
    with open(name, "rb") as file:
        data = edited(file.read(), cfg, edits)
    Graph(parse_cfg_text(decode(data), name))  # says what is wrong, if anything is, before the file is replaced
    return data


def write_anchors(path: str | PathLike[str], anchors: Floats) -> str:
    """Replace a cfg by one with these anchors (see `with_anchors`); returns where the old one is kept."""
    name = fspath(path)
    data = with_anchors(name, anchors)
    with open(name, "rb") as file:
        old = file.read()
    backup = _free_name(name, old)
    with replacing(backup) as file:
        file.write(old)
    with replacing(name) as file:
        file.write(data)
    return backup


def heads_with_anchors(cfg: Cfg) -> list[Section]:
    """The sections that have anchors. CfgError unless there is one [region], or some [yolo]."""
    heads = [section for section in cfg.sections if _unit(section) is not None]
    units = {_unit(head) for head in heads}
    if len(units) != 1 or (units == {"cells"} and len(heads) > 1):
        found = ", ".join(f"[{head.type}]" for head in heads) or "none"
        raise cfg.net.error(f"expected one [region] or some [yolo] heads to have anchors, found {found}")
    return heads


def _unit(section: Section) -> str | None:
    """The unit of a section's anchors; None if it has none."""
    layer = REGISTRY.get(section.type)
    return layer.anchor_unit if layer is not None and issubclass(layer, Head) else None


def _mask(head: Section, heads: int, count: int) -> str:
    if heads > 1:
        raise head.error(
            f"{count} anchors can't replace {head.int_('num', 1)}: {heads} heads share them by masks; "
            f"make as many as there are, or change num, mask and filters of all heads first",
            "num",
        )
    return ",".join(map(str, range(count)))


def box_values(head: Section, classes: int | None = None) -> int:
    """Filters an anchor, with the head's classes or so many."""
    layer = REGISTRY[head.type]
    assumed = layer.coords if issubclass(layer, Head) else 0
    coords = head.int_("coords", assumed) if _unit(head) == "cells" else assumed
    return coords + 1 + (head.int_("classes", 20) if classes is None else classes)


def convolution_before(cfg: Cfg, head: Section) -> Section:
    """The convolution whose filters a head's anchors and classes determine. CfgError if it is another layer."""
    before = cfg.sections[head.index - 1] if head.index else cfg.net
    if before.type not in ("convolutional", "conv"):
        raise head.error(f"expected a [convolutional] before it, whose filters are to be set, found [{before.type}]")
    return before


def _free_name(name: str, content: bytes) -> str:
    """`name.bak`, or with a number behind it if that holds something else."""
    candidate, number = f"{name}.bak", 1
    while os.path.lexists(candidate):
        try:
            with open(candidate, "rb") as file:
                if file.read() == content:
                    return candidate
        except OSError as error:
            raise CfgError(name, None, f"the copy {candidate} can't be read: {error.strerror}") from error
        number += 1
        candidate = f"{name}.bak{number}"
    return candidate
