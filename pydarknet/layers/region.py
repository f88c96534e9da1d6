"""[region]: the head of YOLOv2 and YOLO9000 (section 2, "Direct location prediction"; section 4)."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..datafile import read_map
from ..plan import Builder, Value
from ..resources import find
from .base import Layer, register
from .head import MAX_ANCHORS, check_filters, read_anchors
from .tree import group_sizes, section_tree


@register("region")
class Region(Layer):
    """Per anchor: x, y, w, h, (mask), objectness, classes. Anchors are in grid cells."""

    is_head = True

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.coords = section.int_("coords", 4, low=4)
        self.classes = section.int_("classes", 20, low=0)
        self.num = section.int_("num", 1, low=1, high=MAX_ANCHORS)
        self.softmax = section.bool_("softmax", False)
        self.background = section.bool_("background", False)
        self.anchors = read_anchors(section, self.num, 0.5)
        check_filters(section, self.inputs, self.num, self.coords + self.classes + 1)
        self.tree = section_tree(section)
        if self.tree is not None and len(self.tree) != self.classes:
            raise section.error(f"the tree has {len(self.tree)} nodes, classes={self.classes}", "tree")
        self.map = None
        if section.has("map"):
            self.map = read_map(find(section.str_("map"), relative_to=section.file))

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        sizes = None
        if self.tree is not None:
            sizes = p.constant((self.index, "groups"), lambda: group_sizes(self.tree))
        p.emit(
            p.ops.region_forward, p.plain(x), y, self.num, self.classes, self.coords, self.softmax,
            self.background, sizes,
        )  # fmt: skip
        return y
