"""What a loss says of one mini-batch."""

from __future__ import annotations

from typing import NamedTuple


class LossOnly(NamedTuple):
    """The sum of a classifier's or a [cost] layer's loss."""

    loss: float


class HeadStatistics(NamedTuple):
    """Sums over a mini-batch, in the order of `csrc/ops/loss.h`.

    `matched` counts truths that found a box, `classified` those plus the images with a class only. `iou`,
    `recall` (IoU above .5), `recall75` and `objectness` are sums over matched boxes, `category` over classified
    ones, `any_objectness` over all boxes. The losses are sums of delta squared, as Darknet prints them.
    """

    iou: float
    recall: float
    recall75: float
    category: float
    all_category: float
    objectness: float
    any_objectness: float
    matched: float
    classified: float
    coord_loss: float
    object_loss: float
    noobject_loss: float
    class_loss: float
    loss: float
