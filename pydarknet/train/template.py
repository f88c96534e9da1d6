"""A cfg for one's own data, made of a published one: classes, filters, anchors, size, batch and schedule.

Of a detector, or of a classifier."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import PathLike, fspath

import numpy as np

from ..anchors.boxes import load_boxes
from ..anchors.cfg import box_values, convolution_before, heads_with_anchors, units
from ..anchors.kmeans import anchors_text, average_iou, kmeans
from ..datasets.dataset import LOOKED_AT, DataSet, class_rule, has_label_files, read_dataset
from ..errors import CfgError, DataError
from ..formats.cfg import Cfg, Section, parse_cfg, parse_cfg_text
from ..formats.cfg_edit import edited
from ..formats.data import read_data
from ..formats.resources import find_cfg
from ..formats.text import counted, decode, read_bytes
from ..graph.engine import Engine
from ..graph.graph import Graph
from ..layers import REGISTRY, Head
from .choice import training_dialect
from .memory import SHARE, divide, step_bytes
from .precheck import check_boxes
from .sizes import DETECTOR, sizes_of
from .step import Stepper

BATCH = 64  # images an update, as the published recipes have it
STRIDE = 32  # of the published networks: the input's sides are multiples of it
A_CLASS, AT_LEAST = 2000, 6000  # iterations, as AlexeyAB advises
CLASSIFIER_BATCH = 128  # as the paper has it
EPOCHS, CLASSIFIER_AT_LEAST = 160, 2000  # the paper's times through all images; iterations that few images need
COUNTS = {"convolutional": "filters", "conv": "filters", "connected": "output", "conn": "output"}
AFTER = ("avgpool", "avg", "dropout", "softmax", "soft", "cost")  # keep the number of channels
MAX_CFG = 16 << 20
OF_ITS_SIZES = re.compile(r"# *(Stage \d+: )?\d+ x [\d(]")
Edits = dict[int, dict[str, str]]


@dataclass(frozen=True)
class Template:
    """The content of the new cfg, whether the data has images to validate on, whether it is a classifier's, and what
    was chosen, a line each."""

    content: bytes
    validates: bool
    classifies: bool
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
    An update is of 64 images, in as many subdivisions as the free memory asks for.

    Of a classifier the last convolution gets as many filters as there are classes; an update is of 128 images, and
    the default is the paper's 160 times all images, but at least 2000 iterations, at the template's rates.
    DataError for wrong data, and data of the other kind; CfgError for a template that can't be changed.
    """
    dataset = read_dataset(data)
    if os.path.isdir(data):
        read_data(data)  # the error, which names a .data file in the folder
    if not dataset.classes:
        raise DataError(f"{fspath(data)}: doesn't say how many classes there are; add classes = N and names = FILE")
    template = find_cfg(template)
    cfg = parse_cfg(template)
    check_kind(cfg, dataset)
    if is_classifier(cfg):
        return _classifier(cfg, dataset, size, max_batches)
    heads = _heads(cfg)
    images = len(dataset.list_("train").images)
    iterations = max_batches or max(A_CLASS * dataset.classes, AT_LEAST, images)
    edits: Edits = {cfg.net.line: _net(cfg, size, iterations)}
    for head in heads:
        edits[head.line] = {"classes": str(dataset.classes)}
        edits[convolution_before(cfg, head).line] = {"filters": str(_filters(head, dataset.classes))}
    made, iou = _with_anchors(edited(_content(cfg), cfg, edits), heads, data, seed)
    content, how = _with_subdivisions(made)
    title = f"classes and boxes of {fspath(data)}"
    return Template(_with_title(content, cfg, title), _validates(dataset), False, [
        f"{counted(dataset.classes, 'class')}: {_shown(dataset)}",
        f"anchors of {counted(images, 'image')} by k-means, average IoU {iou:.1%}",
        f"{iterations} iterations of {BATCH} images, {how}",
    ])  # fmt: skip


def is_classifier(cfg: Cfg) -> bool:
    """Whether a network says the class of a whole image: it ends in a softmax or its cost, and has no boxes."""
    kinds = {section.type for section in cfg.sections}
    heads = any(kind in REGISTRY and issubclass(REGISTRY[kind], Head) for kind in kinds)
    return not heads and bool(kinds & {"softmax", "soft", "cost"})


def check_kind(cfg: Cfg, data: DataSet) -> None:
    """DataError for a detector and images that have a class alone, or a classifier and images with boxes."""
    boxes = has_label_files(images := data.list_("train").images)
    if is_classifier(cfg):
        if boxes and not data.classifies and not _tell_classes(images, data.file):
            raise DataError(
                f"{data.file}: has images with boxes, but {cfg.file} is a classifier, which learns from images in a "
                "folder for each class; take a detector, as `pydarknet init DATA --from yolov2-tiny` does, or make "
                "a classifier's data by `pydarknet data classes FOLDER`"
            )
    else:
        check_boxes(data.file, cfg.file, images, data.classifies)


def _classifier(cfg: Cfg, dataset: DataSet, size: int | None, max_batches: int | None) -> Template:
    classes, images = dataset.classes or 0, len(dataset.list_("train").images)
    last, key = _classes_section(cfg)
    iterations = max_batches or _iterations_of(images)
    net = _net_of_classifier(cfg, iterations)
    if size is not None:
        net |= {**_size(size), **_crops(cfg, size)}
    made = edited(_content(cfg), cfg, {cfg.net.line: net, last.line: {key: str(classes)}})
    content, how = _with_subdivisions(made)
    return Template(_with_title(content, cfg, f"classes of {dataset.file}"), _validates(dataset), True, [
        f"{counted(classes, 'class')}: {_shown(dataset)}", f"{_how_long(iterations, images)}, {how}",
    ])  # fmt: skip


def _tell_classes(images: Sequence[str], file: str) -> bool:
    """Whether a path holds the name of a class, as a classifier needs it."""
    with suppress(DataError):
        rule = class_rule(file)
        return any(rule(image) for image in images[:LOOKED_AT])
    return False


def _classes_section(cfg: Cfg) -> tuple[Section, str]:
    """The last layer with weights, and its key that says how many classes there are. CfgError if another is last."""
    for section in reversed(cfg.sections):
        if section.type in COUNTS:
            return section, COUNTS[section.type]
        if section.type not in AFTER:
            raise section.error(f"expected a [convolutional] or [connected] to come last, found [{section.type}]")
        if section.has("tree"):
            raise section.error(
                "is of the template's classes; take a template without it, or write the cfg by hand", "tree"
            )
    raise CfgError(cfg.file, None, "has no [convolutional] whose filters are the classes")


def _iterations_of(images: int) -> int:
    """The paper's epochs, but some iterations at least."""
    return max(EPOCHS * images // CLASSIFIER_BATCH, CLASSIFIER_AT_LEAST)


def _net_of_classifier(cfg: Cfg, iterations: int) -> dict[str, str]:
    """The changes of [net]: the template's own rates, for so many iterations."""
    net = {"batch": str(CLASSIFIER_BATCH), "subdivisions": "1", "max_batches": str(iterations)}
    old = cfg.net.int_("max_batches", 0, low=0)
    if cfg.net.has("burn_in"):
        net["burn_in"] = str(min(cfg.net.int_("burn_in", 0, low=0), max(1, iterations // 10)))
    if old and cfg.net.has("steps"):
        steps = [int(step) for step in cfg.net.floats("steps")]
        net["steps"] = ",".join(str(step if step < 0 else step * iterations // old) for step in steps)
    return net


def _crops(cfg: Cfg, size: int) -> dict[str, str]:
    """The sizes an image is scaled to before a window is cut out, as they were to the input."""
    width = cfg.net.int_("width", size, low=1)
    keys = [key for key in ("min_crop", "max_crop") if cfg.net.has(key)]
    return {key: str(max(1, round(cfg.net.int_(key, width, low=1) * size / width))) for key in keys}


def _how_long(iterations: int, images: int) -> str:
    """How long that is."""
    epochs = iterations * CLASSIFIER_BATCH / images
    return f"{iterations} iterations of {CLASSIFIER_BATCH} images, {epochs:.0f} times {counted(images, 'image')}"


def _content(cfg: Cfg) -> bytes:
    return read_bytes(cfg.file, MAX_CFG, lambda reason: CfgError(cfg.file, None, reason))


def _validates(data: DataSet) -> bool:
    return any(each.name == "valid" for each in data.lists)


def _size(size: int) -> dict[str, str]:
    if size < STRIDE or size % STRIDE:
        raise DataError(f"--size: expected a multiple of {STRIDE}, found {size}")
    return {"width": str(size), "height": str(size)}


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
        net |= {**_size(size), **_range(cfg, size)}
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


def _with_title(content: bytes, cfg: Cfg, what: str) -> bytes:
    """With a line that says what it was made of, instead of what stands before [net], and without the comments that
    give sizes and channels of the template."""
    rows = content.decode("utf-8", "surrogateescape").splitlines(keepends=True)[cfg.net.line - 1 :]
    rows = [row for row in rows if not OF_ITS_SIZES.match(row)]
    title = f"# {cfg.file.rpartition('/')[2]}, made by pydarknet init for the {what}.\n\n"
    return (title + "".join(rows)).encode("utf-8", "surrogateescape")


def _shown(data: DataSet) -> str:
    count = data.classes or 0
    names = ", ".join(data.name_of(i) for i in range(min(5, count)))
    return names + (", ..." if count > 5 else "")
