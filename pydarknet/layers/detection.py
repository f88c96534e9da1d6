"""[detection]: the head of YOLOv1."""

from __future__ import annotations

from collections.abc import Sequence

from ..cfg import Section
from ..plan import Builder, Value
from ..shape import Shape
from .base import Layer, register


@register("detection")
class Detection(Layer):
    """side x side cells: class probabilities of all cells, then objectness and boxes of all cells."""

    is_head = True

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.classes = section.int_("classes", 1, low=1)
        self.coords = section.int_("coords", 1, low=1)
        self.num = section.int_("num", 1, low=1)
        self.side = section.int_("side", 7, low=1)
        self.softmax = section.bool_("softmax", False)
        self.square = section.bool_("sqrt", False)
        wanted = self.side * self.side * ((1 + self.coords) * self.num + self.classes)
        if self.inputs.size != wanted:
            raise section.error(
                f"expects {wanted} inputs (side * side * ((1 + coords) * num + classes)), found {self.inputs.size}"
            )
        self.out = Shape(self.inputs.size, 1, 1)

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.inputs, blocked=False)
        p.emit(
            p.ops.detection_forward,
            p.plain(x),
            y,
            self.side,
            self.classes,
            self.num,
            self.coords,
            self.softmax,
        )
        return y
