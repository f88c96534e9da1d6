"""The calls that pjreddie's darknet.py had until 2017: boxes and probabilities in arrays of the script's own."""

from __future__ import annotations

from ctypes import POINTER, c_float, pointer
from typing import Any

import numpy as np

from ._images import IMAGE, Memory
from ._networks import (
    BOX,
    NetworkHandle,
    detect_options,
    find_boxes,
    number,
    predict_fitted,
    records_of,
    rows_of,
    suppress,
)

Probabilities = POINTER(c_float)


def num_boxes(net: NetworkHandle) -> int:
    """How many boxes the network's heads have."""
    return sum(head.boxes for head in net.network.heads())


def make_boxes(net: NetworkHandle) -> Any:
    """A BOX* to as many empty boxes."""
    memory: Any = np.zeros((max(1, num_boxes(net)), 4), np.float32)
    return pointer(BOX.from_buffer(memory))


def make_probs(net: NetworkHandle) -> Any:
    """A float** to the probabilities of all classes of as many boxes, all 0."""
    boxes, classes = max(1, num_boxes(net)), net.network.classes
    start = boxes * np.uintp().nbytes
    memory: Any = np.zeros(start + 4 * boxes * classes, np.uint8)  # one block, which lives as long as any part
    memory[:start].view(np.uintp)[:] = memory.ctypes.data + start + np.arange(boxes, dtype=np.uintp) * (4 * classes)
    return pointer(Probabilities.from_buffer(memory))


def network_detect(
    net: NetworkHandle, im: IMAGE, thresh: float, hier_thresh: float, nms: float, boxes: Any, probs: Any
) -> None:
    """Detect in an image: boxes in its pixels go to `boxes`, what their classes have to `probs`, and 0 to the rest.

    What is found comes first; the original has a place for each cell of its grid.
    """
    from ._structures import DETECTION

    predict_fitted(net, im, "letterbox")
    options = detect_options(thresh, hier_thresh)
    detections, count = find_boxes(net, DETECTION, (im.w, im.h), options, False)
    classes, places = net.network.classes, num_boxes(net)
    if number(nms):
        suppress(detections, count, classes, number(nms), "sort")
    records = records_of(detections, count)
    found = np.zeros((places, classes), np.float32)
    found[:count] = np.reshape(rows_of(records, classes), (count, classes))
    np.asarray(Memory(boxes, (places, 4)))[:count] = records["bbox"]
    addresses = np.asarray(Memory(probs, (places,), np.dtype(np.uintp).str))
    for row, address in zip(found, addresses, strict=True):
        np.asarray(Memory(int(address), (classes,)))[:] = row
