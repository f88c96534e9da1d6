"""[Gaussian_yolo] of AlexeyAB's Darknet: a YOLOv3 that says how sure it is of each coordinate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from ..detection.decode import Candidates, Found, decode_gaussian
from ..dialects import Dialect
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..formats.numbers import FLOAT_MAX
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from .base import Layer, register
from .common.head import AUGMENTATION
from .yolo import Yolo, common_loss_options


@register("Gaussian_yolo")
class GaussianYolo(Yolo):
    """Per anchor in `mask`: x, y, w and h, each with its uncertainty behind it, objectness, classes. The mean
    uncertainty lessens the confidence. `yolo_point` says whether (x, y) is a box's centre or a corner."""

    keys = Keys(
        training={
            **AUGMENTATION,
            "max_delta": FLOAT_MAX, "label_smooth_eps": 0.0, "objectness_smooth": 0, "uc_normalizer": 1.0,
            "iou_normalizer": 0.75, "obj_normalizer": 1.0, "cls_normalizer": 1.0,
            "iou_loss": "mse", "iou_thresh": 1.0, "iou_thresh_kind": "iou", "counters_per_class": (),
        },
        idle="delta_normalizer",  # which that Darknet reads and has no use for
    )  # fmt: skip

    # The way from the point (x, y) to the centre, in halves of the box.
    POINTS: ClassVar[dict[str, int]] = {"center": 0, "left_top": 1, "right_bottom": -1}

    coords = 8

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        super().configure(section, previous)
        if self.new_coords:
            raise section.error("new_coords=1 is [yolo]'s; no Darknet follows it here", "new_coords")
        self.to_centre = self.POINTS[section.choice("yolo_point", self.POINTS)]

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        shape = len(self.mask), self.classes, self.scale_x_y
        p.emit(p.ops.yolo_forward, p.plain(x), y, *shape, False, True)
        return y

    def decode(self, found: Found, inputs: Shape, thresh: float) -> Candidates:
        return decode_gaussian(found, self.anchors, inputs.w, inputs.h, thresh, self.to_centre)

    @property
    def truth_shape(self) -> tuple[int, ...]:
        return self.max_boxes, 5

    def loss_options(self, dialect: Dialect) -> dict[str, Any]:
        """The likelihood of normal distributions. CfgError but in the one dialect that has it."""
        rules = asdict(dialect.yolo)
        usual = rules.pop("iou_normalizer")
        if usual is None:
            raise self.section.error(f"can't be trained in dialect {dialect.name}, whose Darknet hasn't got it; set "
                                     "dialect=alexeyab in [net]")  # fmt: skip
        return {
            **rules,
            **common_loss_options(self.section, self.classes, usual),
            "gaussian": True,
            "uc_normalizer": self.section.float_("uc_normalizer", 1.0),
            "to_centre": self.to_centre,
            "show_details": 0,  # its loss is the sum of all squares
        }
