"""[yolo]: the head of YOLOv3."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..cfg_keys import Keys, Refusal
from ..cnumbers import FLOAT_MAX
from ..datafile import read_map
from ..ops import Array
from ..plan import Builder, Value
from ..resources import find
from ..statistics import HeadStatistics
from ..tape import Tape
from .base import Layer, register
from .head import AUGMENTATION, MAX_ANCHORS, MAX_BOXES, check_filters, read_anchors


@register("yolo")
class Yolo(Layer):
    """Per anchor in `mask`: x, y, w, h, objectness, classes. Anchors are in pixels of the network's input."""

    keys = Keys(
        training={
            **AUGMENTATION,
            "max_delta": FLOAT_MAX, "label_smooth_eps": 0.0, "objectness_smooth": 0, "focal_loss": 0,
            "iou_normalizer": 1.0, "obj_normalizer": 1.0, "cls_normalizer": 1.0, "delta_normalizer": 1.0,
            "iou_loss": "mse", "iou_thresh": 1.0, "iou_thresh_kind": "iou", "counters_per_class": (),
        },
        idle="show_details track_history_size sim_thresh dets_for_track dets_for_show track_ciou_norm beta_nms",
        refused={
            "embedding_layer": Refusal("give each box the features that tracking compares", (999999,)),
            "scale_x_y": Refusal("move the centres of boxes", (1.0,)),
            "new_coords": Refusal("take the sizes of boxes from squares"),
            "nms_kind": Refusal("suppress boxes by the distance of their centres, too", ("default",)),
        },
    )  # fmt: skip

    is_head = True

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.classes = section.int_("classes", 20, low=0)
        self.num = section.int_("num", 1, low=1, high=MAX_ANCHORS)
        self.all_anchors = anchors = read_anchors(section, self.num, 0.5)
        self.mask = section.ints("mask", range(self.num))
        wrong = [m for m in self.mask if not 0 <= m < self.num]
        if wrong:
            raise section.error(f"mask: {wrong[0]} is no anchor; expected 0 to {self.num - 1}", "mask")
        self.anchors = [anchors[m] for m in self.mask]
        self.max_boxes = section.int_("max", 90, low=1, high=MAX_BOXES)
        self.ignore_thresh = section.float_("ignore_thresh", 0.5)
        self.truth_thresh = section.float_("truth_thresh", 1.0)
        self.map = None
        if section.has("map"):
            self.map = read_map(find(section.str_("map"), relative_to=section.file))
        check_filters(section, self.inputs, len(self.mask), 5 + self.classes)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(p.ops.yolo_forward, p.plain(x), y, len(self.mask), self.classes)
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        if self.onlyforward:
            return
        net = p.input.shape
        truth = p.want_truth(self, (p.batch, self.max_boxes, 5))
        anchors = p.backend.array(self.all_anchors, "float32").reshape(-1)
        mask = p.backend.array(self.mask, "int32")
        classes = None if self.map is None else p.backend.to_device(self.map)
        thresholds = self.ignore_thresh, self.truth_thresh

        def loss(output: Array, delta: Array) -> None:
            statistics = p.ops.yolo_loss(
                output, truth, delta, anchors, mask, self.classes, net.w, net.h, *thresholds, classes
            )
            p.state.statistics[self.index] = HeadStatistics(*map(float, statistics))

        delta = p.new(self.out, blocked=False)
        p.emit(loss, y, delta)
        p.add_delta(x, delta)
