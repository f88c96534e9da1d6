"""[region]: the head of YOLOv2 and YOLO9000 (section 2, "Direct location prediction"; section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from ..backends.base import Backend
from ..backends.ops import Array
from ..detection.decode import Candidates, decode_region, find
from ..detection.lazy import LazyOutput, computed
from ..detection.options import DetectOptions
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.statistics import HeadStatistics
from ..plan.tape import Tape
from .base import Layer, register
from .common.head import (
    AUGMENTATION,
    MAX_ANCHORS,
    MAX_BOXES,
    Head,
    check_filters,
    read_anchors,
    read_class_map,
    read_overlap,
)
from .common.tree import group_sizes, section_tree, tree_arrays
from .convolutional import Convolution

# Which box of all w x h x num an image with a class only teaches: the paper's, that thinks the class most probable,
# or, whatever it thinks, the one with the largest area inside the image or with the largest objectness (Detic, arXiv
# 2201.02605: "max-size" and "max-object-score").
CLASS_ONLY_BOXES = ("probable", "largest", "surest")
# What it does to the objectness, if not what the dialect does. By the paper's text ("assume") the chosen box overlaps
# an object by .3, and nothing is said of the others; its code pulls those down ("pull").
CLASS_ONLY_OBJECTNESS = ("dialect", "pull", "spare", "assume", "ignore")


@register("region")
class Region(Head):
    """Per anchor: x, y, w, h, (mask), objectness, classes. Anchors are in grid cells."""

    anchor_unit = "cells"
    usual_boxes = 30

    keys = Keys(training=AUGMENTATION, idle="log sqrt absolute")

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.coords = section.int_("coords", 4, low=4)
        self.classes = section.int_("classes", 20, low=0)
        self.num = section.int_("num", 1, low=1, high=MAX_ANCHORS)
        self.softmax = section.bool_("softmax", False)
        self.background = section.bool_("background", False)
        self.anchors = read_anchors(section, self.num, 0.5)
        check_filters(section, self.inputs, self.num, self.box_values)
        self.tree = section_tree(section)
        if self.tree is not None and len(self.tree) != self.classes:
            raise section.error(f"the tree has {len(self.tree)} nodes, classes={self.classes}", "tree")
        self.given_boxes = section.int_("max", 0, low=1, high=MAX_BOXES)
        self.loss_options = read_loss_options(section)
        self.class_only = section.choice("class_only_objectness", CLASS_ONLY_OBJECTNESS)
        self.check_class_only(section)
        self.map = read_class_map(section, self.classes)
        self.map_class_only = section.bool_("map_class_only", False)
        if self.map_class_only and (self.tree is None or self.map is None):
            raise section.error("map_class_only=1: expected tree= and map= beside it", "map_class_only")

    def check_class_only(self, section: Section) -> None:
        chosen = {"class_only_box": self.loss_options["class_only_box"], "class_only_objectness": self.class_only}
        for key, value in chosen.items():
            if self.tree is None and value not in (CLASS_ONLY_BOXES[0], CLASS_ONLY_OBJECTNESS[0]):
                message = f"{key}={value}: only with tree= are there images with a class but no box"
                raise section.error(message, key)
        if self.background and chosen["class_only_box"] == "surest":
            message = "class_only_box=surest: expected background=0, with background=1 no box has an objectness"
            raise section.error(message, "class_only_box")

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        sizes = None
        if self.tree is not None:
            sizes = p.constant(self.key("groups"), lambda: group_sizes(self.tree))
        p.emit(
            p.ops.region_forward, p.plain(x), y, self.num, self.classes, self.coords, self.softmax,
            self.background, sizes,
        )  # fmt: skip
        return y

    def train(self, p: Tape, x: Value) -> Value:
        y = self.plan(p, x)
        if p.dialect.raw_classes and not self.softmax and self.tree is None:
            p.emit(self.restore_classes, p.plain(x), y, p.backend)
        return y

    def restore_classes(self, x: Array, y: Array, backend: Backend) -> None:
        """The classes of plain y as they are in plain x."""
        boxes = (x.shape[0] * self.num, self.coords + 1 + self.classes, -1)
        for given, activated in zip(x.reshape(boxes), y.reshape(boxes), strict=True):
            backend.write(activated[self.coords + 1 :], given[self.coords + 1 :])

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        if self.onlyforward:
            return
        d = p.dialect
        truth = p.want_truth(self, (p.batch, *self.truth_shape), self.labels)
        anchors = p.backend.array(self.anchors, "float32").reshape(-1)
        tree = None if self.tree is None else tuple(map(p.backend.to_device, tree_arrays(self.tree)))
        classes = None if self.map is None else p.backend.to_device(self.map)
        rules = replace(d.region, multi_label=d.region.multi_label and not self.softmax)
        options = {**self.loss_options, **asdict(rules)}
        if self.class_only != CLASS_ONLY_OBJECTNESS[0]:
            options["class_only"] = self.class_only
        if not d.classfix:
            options |= {"classfix": 0, "focal_loss": False}

        def loss(output: Array, delta: Array) -> None:
            statistics = p.ops.region_loss(
                output, truth, delta, anchors, self.classes, self.coords, tree, classes,
                seen=p.state.seen, background=self.background, **options,
            )  # fmt: skip
            p.state.statistics[self.index] = HeadStatistics(*map(float, statistics))

        delta = p.new(self.out, blocked=False)
        p.emit(loss, y, delta)
        p.add_delta(x, delta)

    def can_be_lazy(self, before: Convolution) -> bool:
        """With a tree, in a grid: the softmax of a single cell sums in another order."""
        return before.is_pointwise and self.tree is not None and not self.background and self.cells > 1

    def plan_boxes(self, p: Builder, before: Convolution, x: Value) -> Value:
        """Of the filters before it the first few for each anchor."""
        filters = [a * self.box_values + entry for a in range(self.num) for entry in range(self.coords + 1)]
        given = p.plain(before.only(filters).plan(p, x))
        boxes = p.new(given.shape, blocked=False)
        p.emit(p.ops.region_forward, given, boxes, self.num, 0, self.coords, False, False, None)
        return boxes

    def candidates(
        self, backend: Backend, output: Array | LazyOutput, inputs: Shape, options: DetectOptions
    ) -> list[Candidates]:
        """With `background` there is no objectness."""
        objectness = None if self.background else self.coords
        given = output.boxes if isinstance(output, LazyOutput) else output
        images = find(backend, given, self.num, objectness, options.thresh, by_cell=False)
        if isinstance(output, LazyOutput) and self.tree is not None:
            place = self.box_values, self.coords + 1
            images = [
                replace(found, conditional=computed(backend, output, self.tree, found, image, *place))
                for image, found in enumerate(images)
            ]
        return [
            decode_region(
                found, self.anchors, self.classes, options,
                coords=self.coords, background=self.background, tree=self.tree,
            )
            for found in images
        ]  # fmt: skip


def read_loss_options(section: Section) -> dict[str, Any]:
    """The keys that steer the loss, by the names of the op's arguments."""
    scales = ("object_scale", "noobject_scale", "class_scale", "coord_scale", "mask_scale")
    flags = ("bias_match", "rescore", "focal_loss")
    return {
        **{key: section.float_(key, 1.0) for key in scales},
        **{key: section.bool_(key, False) for key in flags},
        "thresh": read_overlap(section, "thresh"),
        "classfix": section.int_("classfix", 0, low=-1, high=2),
        "class_only_box": section.choice("class_only_box", CLASS_ONLY_BOXES),
    }
