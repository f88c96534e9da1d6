"""From a cfg and a .data file to what is loaded: task, images, and checks before the first iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..datasets.dataset import ImageList, tells_classes
from ..dialects import Dialect
from ..dialects.base import TruthRules
from ..errors import CfgError, DataError, carrying
from ..evaluate.validset import class_tree
from ..formats.cfg import Section
from ..formats.data import DataFile, read_labels, read_names
from ..formats.path_labels import path_classes
from ..formats.tree import Tree
from ..graph.engine import Engine
from ..layers import Head
from ..layers.cost import Cost
from .augment import Classification, ColourRange, Detection, Draw
from .class_mixing import MixedClasses, Mixing
from .disturb import NEVER_DISTURBED, DisturbanceRange
from .joint import Lists, check_joint, inner_targets, known_classes, read_lists, warnings_of_places
from .mixing import MixupTask, MosaicTask
from .precheck import Summary, check_boxes, check_classes, check_classification, check_detection, check_names
from .samples import Mix
from .tasks import ClassificationTask, DetectionTask, Missing, Task

Floats = npt.NDArray[np.float32]

GRID_RULES = TruthRules(least=0.005, holes=True)  # of [detection], in every Darknet


@dataclass(frozen=True)
class GridTask:
    """The truth of [detection]: for each cell whether an object's centre is in it, its class, its x, y, w, h.

    The first object of a cell (in the order drawn) counts; x and y are within the cell.
    """

    inner: DetectionTask
    side: int

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """(side * side, 1 + classes + 4)."""
        return self.side * self.side, 1 + self.inner.classes + 4

    def load(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image and its label file."""
        rows = np.zeros(self.inner.truth_shape, np.float32)
        draw = self.inner.load(path, rng, x, rows)
        truth[...] = 0
        for cx, cy, w, h, class_id in rows[rows[:, 2] > 0]:
            column, row = (min(int(v * self.side), self.side - 1) for v in (cx, cy))
            cell = truth[row * self.side + column]
            if cell[0] == 0:
                cell[0] = cell[1 + int(class_id)] = 1
                cell[1 + self.inner.classes :] = cx * self.side - column, cy * self.side - row, w, h
        return draw


@dataclass(frozen=True)
class Source:
    """Images and how to load them; `warnings` of the check. Those with a class only are the last; `mix` says how
    often they come."""

    task: Task
    images: list[str]
    summary: Summary
    class_images: int = 0
    mix: Mix | None = None

    @property
    def warnings(self) -> list[str]:
        return self.summary.warnings


def open_source(engine: Engine, data: DataFile, dialect: Dialect, *, missing: Missing = "error") -> Source:
    """What the network of `engine` is trained on. CfgError, DataError: everything that is wrong with it."""
    lists, heads = read_lists(data), engine.heads()
    if heads:
        return _detection(engine, heads[-1], data, dialect, lists, missing)
    if lists.classes is not None:
        raise data.error("only a [region] with tree= learns from two lists; expected train", "train_classes")
    return _classification(engine, data, dialect, lists.boxes)


def _detection(
    engine: Engine, head: Head, data: DataFile, dialect: Dialect, lists: Lists, missing: Missing
) -> Source:
    head.check_training(dialect)
    warnings = inner_targets(head)
    if head.map is None:
        warnings = [*check_classes(data, head.classes, engine.cfg.file), *_check_names(data, head.classes)]
    task = detection_task(engine, head, dialect, missing)
    boxes, nodes = lists.boxes, dict[str, int]()
    check_boxes(data.file, engine.cfg.file, boxes.images, tells_classes(data))
    if lists.classes is not None:
        check_joint(head, data, dialect)
        nodes = known_classes(head, data, lists.classes, boxes.images)
        warnings += lists.classes.warnings
    with carrying(lambda: warnings):
        summary = check_detection(
            boxes, task.classes, maximum=head.max_boxes, class_only=task.class_only, missing=missing
        )
    warnings += warnings_of_places(boxes, summary, dialect)
    summary.warnings[:0] = warnings
    task = replace(task, nodes=nodes)
    loaded: Task = (
        GridTask(replace(task, rules=GRID_RULES), head.grid)
        if head.grid
        else mixed(engine, task, boxes.images, dialect)
    )
    return Source(loaded, lists.images, summary, len(lists.images) - len(boxes.images), lists.mix)


def detection_task(engine: Engine, head: Head, dialect: Dialect, missing: Missing) -> DetectionTask:
    """How images with label files become what the head learns from. CfgError for values that can't be."""
    augment = detection_augmentation(engine, head, dialect)
    mapped = head.map if head.map_class_only else None
    class_only = 0 if head.tree is None else len(head.tree) if mapped is None else len(mapped)
    return DetectionTask(head.labels, head.max_boxes, augment, dialect.truth, missing, class_only, class_map=mapped)


def detection_augmentation(engine: Engine, head: Head, dialect: Dialect) -> Detection:
    """`jitter` and `resize` of the head, the colours and `flip` of [net]. CfgError for values that can't be."""
    section, net = head.section, engine.cfg.net
    jitter, resize = section.float_("jitter", 0.2), section.float_("resize", 1.0)
    letterbox, disturbance = False, NEVER_DISTURBED
    if dialect.mixing:
        letterbox = net.bool_("letter_box", False)
        disturbance = DisturbanceRange(net.int_("blur", 0, low=0), net.int_("gaussian_noise", 0, low=0))
    try:
        return Detection(
            dialect.generation, jitter, resize, net.bool_("flip", True), _colours(engine), letterbox, disturbance
        )
    except DataError as error:
        raise section.error(str(error)) from error


def mixed(engine: Engine, task: DetectionTask, images: Sequence[str], dialect: Dialect) -> Task:
    """The task with what [net] says about images made of several: `mosaic`, `mosaic_bound`, else `mixup`. CfgError
    for what can't be together."""
    net = engine.cfg.net
    if not dialect.mixing:
        return task
    if not net.bool_("mosaic", False):
        return MixupTask(task, images) if net.bool_("mixup", False) else task
    if net.bool_("letter_box", False):
        raise net.error("mosaic=1 beside letter_box=1: expected one of them, as in AlexeyAB's Darknet", "mosaic")
    net.has("mixup")  # mosaic goes before it
    return MosaicTask(task, images, net.bool_("mosaic_bound", False))


def _mixed_classes(net: Section, task: ClassificationTask, images: Sequence[str]) -> Task:
    """`mixup`, `cutmix`, `mosaic`, `blur` and `label_smooth_eps` of [net] for a classifier. CfgError with a tree,
    whose truths also say where nothing is known."""
    both = "cutmix", "mosaic"
    given = [key for key in ("mixup", *both) if net.bool_(key, False)]
    smoothing, blur = net.float_("label_smooth_eps", 0.0, 0.0, 1.0), net.int_("blur", 0, low=0)
    if task.tree is not None and (given or smoothing):
        key = given[0] if given else "label_smooth_eps"
        raise net.error(f"{key}={net.str_(key)}: expected 0, classes that form a tree can't be mixed", key)
    task = replace(task, smoothing=smoothing)
    mixing: Mixing = "cutmix or mosaic" if set(both) <= {*given} else given[-1] if given else ""  # type: ignore[assignment]
    return MixedClasses(task, images, mixing, blur) if mixing or blur else task


def _classification(engine: Engine, data: DataFile, dialect: Dialect, images: ImageList) -> Source:
    net = engine.cfg.net
    classes = engine.outputs.size
    check_classes(data, classes, engine.cfg.file, strict=True)
    labels, warnings = _labels(data, classes)
    width = engine.inputs.w
    low, high = net.int_("min_crop", width, low=1), net.int_("max_crop", 2 * width, low=1)
    ratios = net.float_("min_ratio", low / width, low=0.0), net.float_("max_ratio", high / width, low=0.0)
    try:
        augment = Classification(
            low,
            high,
            angle=net.float_("angle", 0.0),
            aspect=net.float_("aspect", 1.0),
            flip=net.bool_("flip", True),
            window=dialect.window,
            centre=net.bool_("center", False),
            colour=_colours(engine),
            ratios=ratios if net.float_("random", 0.0) else None,
        )
    except DataError as error:
        raise net.error(str(error)) from error
    tree = class_tree(engine, data, labels)
    find = path_classes(data, labels)
    plain = ClassificationTask(labels, augment, tree, find)
    task = _mixed_classes(net, plain, images.images) if dialect.mixing else plain
    summary = check_classification(images, labels, find)
    if tree is not None:
        _check_cost(engine, tree, summary)
    summary.warnings[:0] = warnings
    return Source(task, images.images, summary)


def _check_cost(engine: Engine, tree: Tree, summary: Summary) -> None:
    """CfgError for a [cost] that would take for a number what stands where an image's label says nothing of a group,
    if there are such images."""
    cost = engine.layers[-1]
    if not isinstance(cost, Cost) or cost.cost_type == "masked":
        return
    if any(len(tree.path(int(node))) < len(tree.group_size) for node in np.flatnonzero(summary.per_class)):
        raise cost.section.error("learns groups of the tree that no label speaks of; expected type=masked", "type")


def _colours(engine: Engine) -> ColourRange:
    net = engine.cfg.net
    try:
        return ColourRange(net.float_("hue", 0.0), net.float_("saturation", 1.0), net.float_("exposure", 1.0))
    except DataError as error:
        raise CfgError(net.file, net.line, f"[net] {error}") from error


def _labels(data: DataFile, classes: int) -> tuple[list[str], list[str]]:
    """The labels of a classifier, and warnings; where label files have numbers (`tag=1`) nothing needs any."""
    key = next((key for key in ("labels", "names") if data.get(key)), None)
    if key is None and data.int_("tag", 0):
        return [str(class_id) for class_id in range(classes)], []
    file = data.path(key or "names")
    labels = read_labels(file)
    return labels[:classes], check_names(labels, classes, str(file))


def _check_names(data: DataFile, classes: int) -> list[str]:
    if not data.get("names"):
        return []
    file = data.path("names")
    return check_names(read_names(file), classes, str(file))
