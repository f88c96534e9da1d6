"""[yolo]: the head of YOLOv3."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..plan import Builder, Value
from .base import Layer, register
from .head import MAX_ANCHORS, check_filters, read_anchors


@register("yolo")
class Yolo(Layer):
    """Per anchor in `mask`: x, y, w, h, objectness, classes. Anchors are in pixels of the network's input."""

    is_head = True

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.classes = section.int_("classes", 20, low=0)
        self.num = section.int_("num", 1, low=1, high=MAX_ANCHORS)
        anchors = read_anchors(section, self.num, 0.5)
        self.mask = section.ints("mask", range(self.num))
        wrong = [m for m in self.mask if not 0 <= m < self.num]
        if wrong:
            raise section.error(f"mask: {wrong[0]} is no anchor; expected 0 to {self.num - 1}", "mask")
        self.anchors = [anchors[m] for m in self.mask]
        check_filters(section, self.inputs, len(self.mask), 5 + self.classes)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(p.ops.yolo_forward, p.plain(x), y, len(self.mask), self.classes)
        return y
