"""[yolo]: the head of YOLOv3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..backends.ops import Array
from ..detection.decode import Candidates, Found, decode_yolo, find
from ..detection.nms import GREEDY_BETA, Kind
from ..detection.options import DetectOptions
from ..dialects import Dialect, YoloLoss
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys, Refusal
from ..formats.numbers import FLOAT_MAX
from ..formats.text import short
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

# In [yolo] AlexeyAB's cornersnms is the default.
NMS_KINDS: dict[str, Kind] = {
    "default": "sort", "greedynms": "greedynms", "diounms": "diounms", "cornersnms": "sort",
}  # fmt: skip

MEASURES = ("mse", "iou", "giou", "diou", "ciou")


@register("yolo")
class Yolo(Head):
    """Per anchor in `mask`: x, y, w, h, objectness, classes. Anchors are in pixels of the network's input.

    AlexeyAB's `scale_x_y` widens the range of x and y. With his `new_coords` the layer before has the logistic, and
    sizes are squares, not exponentials.
    """

    keys = Keys(
        training={
            **AUGMENTATION,
            "max_delta": FLOAT_MAX, "label_smooth_eps": 0.0, "objectness_smooth": 0, "focal_loss": 0,
            "iou_normalizer": 1.0, "obj_normalizer": 1.0, "cls_normalizer": 1.0, "delta_normalizer": 1.0,
            "iou_loss": "mse", "iou_thresh": 1.0, "iou_thresh_kind": "iou", "counters_per_class": (),
            "show_details": 1,
        },
        idle="track_history_size sim_thresh dets_for_track dets_for_show track_ciou_norm",
        refused={
            "embedding_layer": Refusal("give each box the features that tracking compares", ()),
        },
    )  # fmt: skip

    anchor_unit = "pixels"
    usual_boxes = 90

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.classes = section.int_("classes", 20, low=0)
        self.num = section.int_("num", 1, low=1, high=MAX_ANCHORS)
        self.all_anchors = anchors = read_anchors(section, self.num, 0.5)
        self.mask = section.ints("mask", range(self.num))
        wrong = [m for m in self.mask if not 0 <= m < self.num]
        if wrong:
            raise section.error(f"mask: {wrong[0]} is no anchor; expected 0 to {self.num - 1}", "mask")
        self.anchors = [anchors[m] for m in self.mask]
        self.given_boxes = section.int_("max", 0, low=1, high=MAX_BOXES)
        self.ignore_thresh = read_overlap(section, "ignore_thresh")
        self.truth_thresh = section.float_("truth_thresh", 1.0)
        self.scale_x_y = section.float_("scale_x_y", 1.0)
        self.new_coords = section.bool_("new_coords", False)
        self.nms_kind = read_nms_kind(section)
        self.beta_nms = section.float_("beta_nms", GREEDY_BETA)
        self.map = read_class_map(section, self.classes)
        check_filters(section, self.inputs, len(self.mask), self.box_values)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        coords = self.scale_x_y, self.new_coords
        p.emit(p.ops.yolo_forward, p.plain(x), y, len(self.mask), self.classes, *coords)
        return y

    def decode(self, found: Found, inputs: Shape, thresh: float) -> Candidates:
        """Candidates of boxes found in the output, for a network's input of this shape."""
        return decode_yolo(found, self.anchors, inputs.w, inputs.h, thresh, self.new_coords)

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        if self.onlyforward:
            return
        net = p.input.shape
        truth = p.want_truth(self, (p.batch, *self.truth_shape), self.labels)
        anchors = p.backend.array(self.all_anchors, "float32").reshape(-1)
        mask = p.backend.array(self.mask, "int32")
        classes = None if self.map is None else p.backend.to_device(self.map)
        thresholds = self.ignore_thresh, self.truth_thresh
        options = self.loss_options(p.dialect)
        details = options.pop("show_details", 1)
        weights = options.get("class_weights")
        if weights is not None:
            options["class_weights"] = p.backend.to_device(weights)

        def loss(output: Array, delta: Array) -> None:
            statistics = p.ops.yolo_loss(
                output, truth, delta, anchors, mask, self.classes, net.w, net.h, *thresholds, classes,
                self.new_coords, **options,
            )  # fmt: skip
            found = HeadStatistics(*map(float, statistics))
            p.state.statistics[self.index] = with_loss_of_overlaps(found, options) if details else found

        delta = p.new(self.out, blocked=False)
        p.emit(loss, y, delta)
        p.add_delta(x, delta)

    def loss_options(self, dialect: Dialect) -> dict[str, Any]:
        """What steers the loss, by the names of the op's arguments, and `show_details`. CfgError."""
        return read_loss_options(self.section, self.classes, dialect.yolo)

    def candidates(self, backend: Backend, output: Array, inputs: Shape, options: DetectOptions) -> list[Candidates]:
        """Cell by cell, as Darknet finds them."""
        found = find(backend, output, len(self.mask), self.coords, options.thresh, by_cell=True)
        return [self.decode(each, inputs, options.thresh) for each in found]

    @property
    def log_name(self) -> str:
        """Darknet tells several heads apart by their index."""
        return f"Region {self.index}"

    def check_training(self, dialect: Dialect) -> None:
        """CfgError for keys of the dialect's loss that can't be followed, warnings for measures that don't exist."""
        options = self.loss_options(dialect)
        for key in ("iou_loss", "iou_thresh_kind"):
            name = self.section.options.get(key, "iou")
            if key in options and name not in MEASURES:
                self.section.warn(f"unknown {key} {short(name)!r}: iou, as in AlexeyAB's Darknet", key)


def read_loss_options(section: Section, classes: int, rules: YoloLoss) -> dict[str, Any]:
    """The dialect's rules and, if it knows any, the keys that steer the loss, by the names of the op's arguments;
    with `show_details`, which says what the loss is called. CfgError."""
    options = asdict(rules)
    usual = options.pop("iou_normalizer")
    if usual is None:
        return options
    return (
        options
        | common_loss_options(section, classes, usual)
        | {
            "delta_normalizer": section.float_("delta_normalizer", 1.0),
            "focal_loss": section.bool_("focal_loss", False),
            "show_details": section.int_("show_details", 1),
        }
    )


def common_loss_options(section: Section, classes: int, usual: float) -> dict[str, Any]:
    """Those that [yolo] and [Gaussian_yolo] have in common; `usual` is their iou_normalizer."""
    most = section.float_("max_delta", FLOAT_MAX, low=0)
    return {
        "iou_loss": known_measure(section.str_("iou_loss", "mse")),
        "iou_thresh_kind": known_measure(section.str_("iou_thresh_kind", "iou")),
        "iou_thresh": section.float_("iou_thresh", 1.0),
        "iou_normalizer": section.float_("iou_normalizer", usual),
        **{key: section.float_(key, 1.0) for key in ("obj_normalizer", "cls_normalizer")},
        "max_delta": most,
        "label_smooth_eps": section.float_("label_smooth_eps", 0.0),
        "objectness_smooth": section.bool_("objectness_smooth", False),
        "class_weights": read_class_weights(section, classes, most),
    }


def known_measure(name: str) -> str:
    """AlexeyAB's takes the IoU for what it doesn't know."""
    return name if name in MEASURES else "iou"


def read_class_weights(section: Section, classes: int, most: float) -> NDArray[np.float32] | None:
    """What a class counts: more, the rarer it is by `counters_per_class`, but at most so much. CfgError."""
    if not section.has("counters_per_class"):
        return None
    counters = [max(1, number) for number in section.ints("counters_per_class")]
    if len(counters) != classes:
        raise section.error(
            f"counters_per_class: expected {classes} numbers, one for each class, found {len(counters)}",
            "counters_per_class",
        )
    return np.array([min(max(counters) / number, most) for number in counters], np.float32)


def with_loss_of_overlaps(found: HeadStatistics, options: Mapping[str, Any]) -> HeadStatistics:
    """Where boxes learn by an overlap, the loss is the mean of what it lacks, and the other losses' sum."""
    if options.get("iou_loss", "mse") == "mse":
        return found
    rest = options["obj_normalizer"] * (found.object_loss + found.noobject_loss + found.class_loss)
    return found._replace(loss=options["iou_normalizer"] * found.coord_loss / max(found.matched, 1) + rest)


def read_nms_kind(section: Section) -> Kind:
    """AlexeyAB's `nms_kind`."""
    name = section.str_("nms_kind", "default")
    if name not in NMS_KINDS:
        section.warn(f"unknown nms_kind {short(name)!r}: boxes compete by IoU, as in AlexeyAB's Darknet", "nms_kind")
    return NMS_KINDS.get(name, "sort")
