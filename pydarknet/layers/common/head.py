"""What a layer must say of itself to detect; and what the heads share: filters, anchors, an optional class map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...backends.base import Backend
from ...backends.ops import Array
from ...detection.decode import Candidates
from ...detection.lazy import LazyOutput
from ...detection.nms import GREEDY_BETA, Kind
from ...detection.options import DetectOptions
from ...dialects import Dialect
from ...formats.cfg import Section
from ...formats.cfg_keys import Value as KeyValue
from ...formats.data import read_map
from ...plan.plan import Builder, Value
from ...plan.shapes import Shape
from ..base import Layer
from ..convolutional import Convolution

MAX_ANCHORS = 1000  # no list is made of what a cfg merely claims
MAX_BOXES = 1 << 16  # truths of one image

# Keys of every head by which images vary in training.
AUGMENTATION: dict[str, KeyValue] = {"jitter": 0.2, "random": 0.0, "resize": 1.0}


class Head(Layer):
    """A layer whose output holds detections: all that others need to know of it.

    `anchors` (width, height) are in units of `anchor_unit`, one for each box of a cell; empty if the head has none.
    `classes` may form a `tree`; `map` has the class of each label, also (`map_class_only`) of those without a place,
    which else are nodes of the tree. `grid`: side of the grid whose cells hold the truth, 0 where it is a list of
    boxes: at most `given_boxes`, the cfg's, or as many as are usual. `nms_kind`, `beta_nms`: how boxes compete.
    """

    anchor_unit: ClassVar[Literal["cells", "pixels"] | None] = None  # pixels are those of the network's input
    classes: int
    coords: int = 4
    usual_boxes: ClassVar[int] = 30
    given_boxes: int = 0
    anchors: Sequence[tuple[float, float]] = ()
    map: NDArray[np.int32] | None = None
    map_class_only: bool = False
    grid: int = 0
    nms_kind: Kind = "sort"
    beta_nms: float = GREEDY_BETA

    @property
    def cells(self) -> int:
        """Places that boxes belong to."""
        return self.inputs.h * self.inputs.w

    @property
    def boxes_per_cell(self) -> int:
        """As many as there are anchors."""
        return len(self.anchors)

    @property
    def boxes(self) -> int:
        """All boxes of one image."""
        return self.cells * self.boxes_per_cell

    @property
    def box_values(self) -> int:
        """Numbers of a box: coordinates, objectness, classes."""
        return self.coords + 1 + self.classes

    @property
    def class_channels(self) -> int:
        """Channels of the input that belong to one class."""
        return self.boxes_per_cell

    @property
    def labels(self) -> int:
        """How many classes the labels of training are of."""
        return self.classes if self.map is None else len(self.map)

    @property
    def max_boxes(self) -> int:
        """How many truths of an image count."""
        return self.given_boxes or self.dialect.usual_boxes or self.usual_boxes

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """Shape of one image's truth: a list of coordinates and class."""
        return self.max_boxes, self.coords + 1

    @property
    def log_name(self) -> str:
        """What Darknet's lines of training call the head."""
        return "Region"

    def check_training(self, dialect: Dialect) -> None:
        """CfgError, or warnings, if the section can't be trained in a dialect as it is."""

    def can_be_lazy(self, before: Convolution) -> bool:
        """Whether behind this layer boxes can be had without their classes, and these later for a few of them."""
        return False

    def plan_boxes(self, p: Builder, before: Convolution, x: Value) -> Value:
        """The steps from the input of the layer before to the output without classes, of a head that can be lazy."""
        raise NotImplementedError

    @abstractmethod
    def candidates(
        self, backend: Backend, output: Array | LazyOutput, inputs: Shape, options: DetectOptions
    ) -> list[Candidates]:
        """The candidates of each image in the head's activated output (N, C, H, W), an array of the backend, for a
        network's input of shape `inputs`. Only boxes above the threshold come to the host, if they are many."""


def check_filters(section: Section, inputs: Shape, boxes: int, values: int) -> None:
    """CfgError unless the layer before has boxes * values filters."""
    if inputs.c != boxes * values:
        raise section.error(
            f"expects {boxes * values} input channels ({boxes} anchors x {values} values), found {inputs.c}; "
            f"set filters={boxes * values} in the convolutional layer before it, or correct classes and num"
        )


def read_class_map(section: Section, classes: int) -> NDArray[np.int32] | None:
    """The class that each label of the data set becomes, from the file `map`, if there is one. DataError if that
    can't be read, or leads to a class that the head lacks."""
    if not section.has("map"):
        return None
    return read_map(section.path("map"), nodes=classes)


def read_anchors(section: Section, count: int, default: float) -> list[tuple[float, float]]:
    """`count` pairs (width, height). CfgError if the list is short."""
    values = section.floats("anchors", [default] * 2 * count)
    if len(values) < 2 * count:
        raise section.error(
            f"anchors: expected {2 * count} numbers for {count} anchors, found {len(values)}", "anchors"
        )
    return [(values[2 * i], values[2 * i + 1]) for i in range(count)]


def read_overlap(section: Section, key: str) -> float:
    """The IoU from which training spares a box that isn't chosen. None has more than 1, which is warned about."""
    value = section.float_(key, 0.5)
    if value > 1:
        section.warn(f"{key}={value:g}: no IoU is above 1, so no box is spared; a usual one is 0.6", key)
    return value
