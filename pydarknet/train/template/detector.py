"""A detector's: its heads get the classes of the data, the convolutions before them the filters, and as many anchors
as there were are found by k-means over the training boxes."""

from __future__ import annotations

import numpy as np

from ...anchors.boxes import load_boxes
from ...anchors.cfg import box_values, convolution_before, heads_with_anchors, units
from ...anchors.kmeans import anchors_text, average_iou, kmeans
from ...datasets.dataset import DataSet
from ...formats.cfg import Cfg, Section, parse_cfg_text
from ...formats.cfg_edit import edited
from ...formats.text import counted, decode
from ..sizes import DETECTOR
from .parts import STRIDE, Edits, Template, shown, size_keys, text_of, validates, with_subdivisions, with_title

BATCH = 64  # images an update, as the published recipes have it
A_CLASS, AT_LEAST = 2000, 6000  # iterations, as AlexeyAB advises


def detector_cfg(cfg: Cfg, dataset: DataSet, size: int | None, max_batches: int | None, seed: int) -> Template:
    """The cfg for the data. DataError, CfgError."""
    classes = dataset.classes or 0
    heads = _heads(cfg)
    images = len(dataset.list_("train").images)
    iterations = max_batches or max(A_CLASS * classes, AT_LEAST, images)
    edits: Edits = {cfg.net.line: _net(cfg, size, iterations)}
    for head in heads:
        edits[head.line] = {"classes": str(classes)}
        edits[convolution_before(cfg, head).line] = {"filters": str(_filters(head, classes))}
    made, iou = _with_anchors(edited(text_of(cfg), cfg, edits), heads, dataset.file, seed)
    content, how = with_subdivisions(made)
    title = f"classes and boxes of {dataset.file}"
    return Template(with_title(content, cfg, title), validates(dataset), False, [
        f"{counted(classes, 'class')}: {shown(dataset)}",
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
        net |= {**size_keys(size), **_range(cfg, size)}
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


def _with_anchors(content: bytes, heads: list[Section], data: str, seed: int) -> tuple[bytes, float]:
    """The cfg with anchors of the data's boxes, and their average IoU."""
    cfg = parse_cfg_text(decode(content), heads[0].file)
    unit = units(cfg)
    found = load_boxes(data, "stretch", unit.scale)
    anchors = kmeans(found.sizes, unit.num, seed=seed)
    text = anchors_text(np.maximum(anchors * unit.scale, 0 if unit.cells else 1), unit.cells)
    edits: Edits = {section.line: {"anchors": text} for section in _heads(cfg)}
    return edited(content, cfg, edits), average_iou(found.sizes, anchors)
