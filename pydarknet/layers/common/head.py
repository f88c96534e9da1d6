"""What region and yolo heads share: their filters must match, anchors, an optional class map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...formats.cfg import Section
from ...formats.cfg_keys import Value
from ...formats.data import read_map
from ...formats.resources import find
from ...plan.shapes import Shape

MAX_ANCHORS = 1000  # no list is made of what a cfg merely claims
MAX_BOXES = 1 << 16  # truths of one picture

# Keys of every head by which pictures vary in training.
AUGMENTATION: dict[str, Value] = {"jitter": 0.2, "random": 0.0, "resize": 1.0}


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
    return read_map(find(section.str_("map"), relative_to=section.file), nodes=classes)


def read_anchors(section: Section, count: int, default: float) -> list[tuple[float, float]]:
    """`count` pairs (width, height). CfgError if the list is short."""
    values = section.floats("anchors", [default] * 2 * count)
    if len(values) < 2 * count:
        raise section.error(
            f"anchors: expected {2 * count} numbers for {count} anchors, found {len(values)}", "anchors"
        )
    return [(values[2 * i], values[2 * i + 1]) for i in range(count)]
