"""A cfg for one's own data, made of a published one: classes, filters, anchors, size, batch and schedule."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from os import PathLike, fspath

import numpy as np

from ..anchors.boxes import load_boxes
from ..anchors.cfg import box_values, convolution_before, heads_with_anchors, units
from ..anchors.kmeans import anchors_text, average_iou, kmeans
from ..datasets.dataset import DataSet, read_dataset
from ..errors import CfgError, DataError
from ..formats.cfg import Cfg, Section, parse_cfg, parse_cfg_text
from ..formats.cfg_edit import edited
from ..formats.data import read_data
from ..formats.resources import find_cfg
from ..formats.text import counted, decode, read_bytes
from ..graph.engine import Engine
from ..graph.graph import Graph
from .choice import training_dialect
from .memory import SHARE, divide, step_bytes
from .sizes import DETECTOR, sizes_of
from .step import Stepper

BATCH = 64  # images an update, as the published recipes have it
STRIDE = 32  # of the published networks: the input's sides are multiples of it
A_CLASS, AT_LEAST = 2000, 6000  # iterations, as AlexeyAB advises
MAX_CFG = 16 << 20
OF_ITS_SIZES = re.compile(r"# *\d+ x [\d(]")
Edits = dict[int, dict[str, str]]


@dataclass(frozen=True)
class Template:
    """The content of the new cfg, whether the data has images to validate on, and what was chosen, a line each."""

    content: bytes
    validates: bool
    choices: list[str] = field(default_factory=list)


def make_cfg(
    data: str | PathLike[str],
    template: str | PathLike[str],
    *,
    size: int | None = None,
    max_batches: int | None = None,
    seed: int = 0,
) -> Template:
    """The cfg `template` for the classes and boxes of a .data file.

    Its heads get the classes of the data, the convolutions before them the filters, and as many anchors as there were
    are found by k-means over the training boxes. `size`: width and height of the input, a multiple of 32; default:
    the template's. `max_batches`: default 2000 a class, at least 6000 and an iteration an image, as AlexeyAB advises.
    An update is of 64 images, in as many subdivisions as the free memory asks for. DataError for wrong data;
    CfgError for a template without heads to change.
    """
    dataset = read_dataset(data)
    if os.path.isdir(data):
        read_data(data)  # the error, which names a .data file in the folder
    if not dataset.classes:
        raise DataError(f"{fspath(data)}: doesn't say how many classes there are; add classes = N and names = FILE")
    template = find_cfg(template)
    cfg = parse_cfg(template)
    heads = _heads(cfg)
    images = len(dataset.list_("train").images)
    iterations = max_batches or max(A_CLASS * dataset.classes, AT_LEAST, images)
    edits: Edits = {cfg.net.line: _net(cfg, size, iterations)}
    for head in heads:
        edits[head.line] = {"classes": str(dataset.classes)}
        edits[convolution_before(cfg, head).line] = {"filters": str(_filters(head, dataset.classes))}
    original = read_bytes(fspath(template), MAX_CFG, lambda reason: CfgError(fspath(template), None, reason))
    made, iou = _with_anchors(edited(original, cfg, edits), heads, data, seed)
    content, how = _with_subdivisions(made)
    validates = any(each.name == "valid" for each in dataset.lists)
    return Template(_with_title(content, cfg, fspath(data)), validates, [
        f"{counted(dataset.classes, 'class')}: {_shown(dataset)}",
        f"anchors of {counted(images, 'image')} by k-means, average IoU {iou:.1%}",
        f"{iterations} iterations of {BATCH} images, {how}",
    ])  # fmt: skip


def _heads(cfg: Cfg) -> list[Section]:
    heads = heads_with_anchors(cfg)
    for head in heads:
        if key := next((key for key in ("tree", "map") if head.has(key)), None):
            raise head.error(
                "is of the template's classes; take a template without it, or write the cfg by hand", key
            )
    return heads


def _filters(head: Section, classes: int) -> int:
    boxes = len(head.str_("mask").split(",")) if head.has("mask") else head.int_("num", 1, low=1)
    return boxes * box_values(head, classes)


def _net(cfg: Cfg, size: int | None, iterations: int) -> dict[str, str]:
    """The changes of [net]: a step down after 80 and 90 % of the iterations, and a warm-up as the head's authors have
    it: by burn_in for [yolo], by steps for [region]."""
    net = {"batch": str(BATCH), "subdivisions": "1", "max_batches": str(iterations), "policy": "steps"}
    if size is not None:
        if size < STRIDE or size % STRIDE:
            raise DataError(f"--size: expected a multiple of {STRIDE}, found {size}")
        net |= {"width": str(size), "height": str(size), **_range(cfg, size)}
    late = f"{iterations * 8 // 10},{iterations * 9 // 10}"
    if any(section.type == "region" for section in cfg.sections):
        warm = min(100, max(1, iterations // 20))
        settled = {"burn_in": "0"} if cfg.net.has("burn_in") else {}
        return {**net, **settled, "steps": f"-1,{warm},{late}", "scales": ".1,10,.1,.1"}
    return {**net, "burn_in": str(min(1000, max(1, iterations // 10))), "steps": late, "scales": ".1,.1"}


def _range(cfg: Cfg, size: int) -> dict[str, str]:
    """The sizes of a multi-scale training, as much below and above `size` as Darknet's 320 and 608 are below and
    above 416; random=1 alone is these two, whatever the width is."""
    if not any(head.float_("random", 0) == 1 for head in cfg.sections if head.has("random")):
        return {}
    low, high = (max(STRIDE, round(size * part / 416 / STRIDE) * STRIDE) for part in (DETECTOR.low, DETECTOR.high))
    return {"min_size": str(low), "max_size": str(high)}


def _with_anchors(content: bytes, heads: list[Section], data: str | PathLike[str], seed: int) -> tuple[bytes, float]:
    """The cfg with anchors of the data's boxes, and their average IoU."""
    cfg = parse_cfg_text(decode(content), heads[0].file)
    unit = units(cfg)
    found = load_boxes(fspath(data), "stretch", unit.scale)
    anchors = kmeans(found.sizes, unit.num, seed=seed)
    text = anchors_text(np.maximum(anchors * unit.scale, 0 if unit.cells else 1), unit.cells)
    edits: Edits = {section.line: {"anchors": text} for section in _heads(cfg)}
    return edited(content, cfg, edits), average_iou(found.sizes, anchors)


def _with_subdivisions(content: bytes) -> tuple[bytes, str]:
    """The cfg with the fewest subdivisions whose mini-batch takes at most half of the free memory."""
    cfg = parse_cfg_text(decode(content), "the new cfg")
    engine = Engine(cfg)
    free = engine.backend.free_bytes()
    stepper = Stepper(engine, training_dialect(cfg, None, None))
    largest = sizes_of(engine, stepper.dialect, 0, 0).largest
    one = divide(stepper, lambda: sum(step_bytes(stepper, largest)), free * SHARE)
    subdivisions = stepper.subdivisions
    done = edited(content, parse_cfg_text(decode(content), "the new cfg"), {
        cfg.net.line: {"subdivisions": str(subdivisions)}
    })  # fmt: skip
    Graph(parse_cfg_text(decode(done), "the new cfg"))
    return done, f"subdivisions={subdivisions}: a mini-batch takes {one / 2**30:.1f} of {free / 2**30:.1f} GiB free"


def _with_title(content: bytes, cfg: Cfg, data: str) -> bytes:
    """With a line that says what it was made of, instead of what stands before [net], and without the comments that
    give sizes and channels of the template."""
    rows = content.decode("utf-8", "surrogateescape").splitlines(keepends=True)[cfg.net.line - 1 :]
    rows = [row for row in rows if not OF_ITS_SIZES.match(row)]
    title = f"# {cfg.file.rpartition('/')[2]}, made by pydarknet init for the classes and boxes of {data}.\n\n"
    return (title + "".join(rows)).encode("utf-8", "surrogateescape")


def _shown(data: DataSet) -> str:
    count = data.classes or 0
    names = ", ".join(data.name_of(i) for i in range(min(5, count)))
    return names + (", ..." if count > 5 else "")
