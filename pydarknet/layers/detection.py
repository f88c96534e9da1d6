"""[detection]: the head of YOLOv1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends.base import Backend
from ..backends.ops import Array
from ..detection.decode import Candidates, decode_detection
from ..detection.options import DetectOptions
from ..dialects import Dialect
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.statistics import HeadStatistics
from ..plan.tape import Tape
from .base import Layer, register
from .common.head import AUGMENTATION, MAX_BOXES, Head

RANDOM_IMAGES = 64000  # with random=1 boxes are drawn, not chosen, while fewer have been seen


@register("detection")
class Detection(Head):
    """side x side cells: class probabilities of all cells, then objectness and boxes of all cells."""

    keys = Keys(training=AUGMENTATION, idle="reorg")

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.classes = section.int_("classes", 1, low=1)
        self.coords = section.int_("coords", 1, low=1)
        self.num = section.int_("num", 1, low=1)
        self.side = self.grid = section.int_("side", 7, low=1)
        self.softmax = section.bool_("softmax", False)
        self.square = section.bool_("sqrt", False)
        self.random = section.bool_("random", False)
        self.given_boxes = section.int_("max", 0, low=1, high=MAX_BOXES)
        self.loss_options: dict[str, Any] = {
            **{
                f"{key}_scale": section.float_(f"{key}_scale", 1.0)
                for key in ("object", "noobject", "class", "coord")
            },
            **{key: section.bool_(key, False) for key in ("rescore", "forced")},
        }
        wanted = self.side * self.side * ((1 + self.coords) * self.num + self.classes)
        if self.inputs.size != wanted:
            raise section.error(
                f"expects {wanted} inputs (side * side * ((1 + coords) * num + classes)), found {self.inputs.size}"
            )
        self.out = Shape(self.inputs.size, 1, 1)

    @property
    def cells(self) -> int:
        """Those of the grid."""
        return self.side * self.side

    @property
    def boxes_per_cell(self) -> int:
        """The boxes of a cell share its classes."""
        return self.num

    @property
    def class_channels(self) -> int:
        """One for each cell."""
        return self.cells

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """For each cell whether an object's centre is in it, its class, its coordinates."""
        return (self.cells * (1 + self.classes + self.coords),)

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

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        if self.loss_options["forced"] and self.num < 2:
            raise self.section.error("forced=1 gives small objects to the second box of a cell; set num=2", "forced")
        cells = self.cells
        truth = p.want_truth(self, (p.batch, *self.truth_shape))

        state, boxes = p.state, p.batch * cells

        def pick() -> Array:
            if not self.random or state.seen >= RANDOM_IMAGES:
                return None
            return state.random.integers(self.num, size=boxes, dtype="int32")

        draw = p.drawn(pick)

        def loss(output: Array, delta: Array) -> None:
            if (picks := draw()) is not None:
                picks = p.backend.to_device(picks)
            statistics = p.ops.detection_loss(
                output, truth, delta, self.side, self.classes, self.num, self.coords, sqrt=self.square,
                picks=picks, **self.loss_options,
            )  # fmt: skip
            p.state.statistics[self.index] = HeadStatistics(*map(float, statistics))

        delta = p.new(self.inputs, blocked=False)
        p.emit(loss, y, delta)
        p.add_delta(x, delta)

    def candidates(self, backend: Backend, output: Array, inputs: Shape, options: DetectOptions) -> list[Candidates]:
        """The output is small and comes whole."""
        shape = self.side, self.num, self.classes, self.square
        return [decode_detection(image, *shape, options.thresh) for image in backend.to_host(output)]

    def check_training(self, dialect: Dialect) -> None:
        """Labels have four coordinates."""
        if self.coords != 4:
            raise self.section.error(f"coords={self.coords}: boxes have 4", "coords")
