"""Takes the place of pjreddie's python/darknet.py: change the import line of a script and nothing else.

Names, arguments and results are the original's, and so are the structures: fields can be read and written.
What is different:

- Nothing has to be freed: memory lives as long as something points to it. The free_* functions are accepted.
- Paths may be bytes, str or path objects. Names in results are bytes, as in the original on Python 3, if the
  .data file was named by bytes, and str if it was named by a str. `meta.names[i]` is always bytes.
- What is wrong raises a `DarknetError` instead of ending the process.
- `get_network_boxes` leaves out the boxes below the threshold, which the original returns without classes;
  for [detection] heads it undoes the letterbox, which the original forgets. `mask` is always NULL.
- `network_predict` returns the float* that `predict` does; the batch is 1, whatever the cfg says.
"""

from __future__ import annotations

import math  # noqa: F401  (old scripts take these from here)
import random  # noqa: F401
from ctypes import *  # noqa: F403
from ctypes import c_int, pointer
from types import SimpleNamespace
from typing import Any

from .compat import _networks as _api
from .compat._images import IMAGE, free_image, letterbox_image, load_image, make_image, pointer_to, rgbgr_image
from .compat._networks import (  # noqa: F401
    BOX,
    METADATA,
    NetworkHandle,
    do_nms_obj,
    do_nms_sort,
    do_nothing,
    load_meta,
    network_predict,
    reset_rnn,
    set_gpu,
)
from .compat._of_2017 import make_boxes, make_probs, network_detect, num_boxes
from .compat._structures import DETECTION, c_array, sample  # noqa: F401


def load_net(cfg: _api.Path, weights: _api.Path | None, clear: int = 0) -> NetworkHandle:
    """Read a network; with `clear` it forgets how many images it was trained on. CfgError, WeightsError."""
    return _api.load_network(cfg, weights, clear)


def predict_image(net: NetworkHandle, im: IMAGE) -> Any:
    """Forward a letterboxed image; the network's output as a float*."""
    return pointer_to(_api.predict_fitted(net, im, "letterbox"))


def get_network_boxes(
    net: NetworkHandle, w: int, h: int, thresh: float, hier: float, map: Any, relative: int, num: Any
) -> Any:
    """Detections of the last prediction for an image of w x h; their number goes to the int* `num`."""
    options = _api.detect_options(thresh, hier, map=_api.read_map(map))
    detections, count = _api.find_boxes(net, DETECTION, (w, h), options, bool(relative))
    _api.store(num, count)
    return detections


def make_network_boxes(net: NetworkHandle, thresh: float = 0.0, num: Any = None) -> Any:
    """As many empty detections as `get_network_boxes` would give now."""
    _, count = _api.find_boxes(net, DETECTION, (1, 1), _api.detect_options(thresh), True)
    _api.store(num, count)
    return _api.empty_structures(net, DETECTION, count)


def classify(net: NetworkHandle, meta: METADATA, im: IMAGE) -> list[tuple[str | bytes, float]]:
    """All classes of an image with their probabilities, the most probable first."""
    return _api.classify(net, [meta.name(i) for i in range(meta.classes)], im, "letterbox")


def detect(
    net: NetworkHandle,
    meta: METADATA,
    image: _api.Path,
    thresh: float = 0.5,
    hier_thresh: float = 0.5,
    nms: float = 0.45,
) -> list[tuple[str | bytes, float, tuple[float, float, float, float]]]:
    """(name, probability, (x, y, w, h)) of the objects in an image file, the most probable first.

    Boxes are centre and size in pixels; they are suppressed by `do_nms_obj`.
    """
    im = load_image(image, 0, 0)
    predict_image(net, im)
    num = pointer(c_int(0))
    dets = get_network_boxes(net, im.w, im.h, thresh, hier_thresh, None, 0, num)
    if nms:
        do_nms_obj(dets, num[0], meta.classes, nms)
    found = [(meta.name(i), probability, box) for i, probability, box in _api.positives(dets, num[0], meta.classes)]
    return sorted(found, key=lambda detection: -detection[1])


predict = network_predict
free_detections = free_ptrs = do_nothing

# The library's own names for all of this.
lib = SimpleNamespace(
    network_width=_api.network_width,
    network_height=_api.network_height,
    network_predict=network_predict,
    network_predict_image=predict_image,
    cuda_set_device=set_gpu,
    make_image=make_image,
    num_boxes=num_boxes,
    make_boxes=make_boxes,
    make_probs=make_probs,
    network_detect=network_detect,
    get_network_boxes=get_network_boxes,
    make_network_boxes=make_network_boxes,
    free_detections=free_detections,
    free_ptrs=free_ptrs,
    reset_rnn=reset_rnn,
    load_network=load_net,
    do_nms_obj=do_nms_obj,
    do_nms_sort=do_nms_sort,
    free_image=free_image,
    letterbox_image=letterbox_image,
    get_metadata=load_meta,
    load_image_color=load_image,
    rgbgr_image=rgbgr_image,
)


def __getattr__(name: str) -> Any:
    """There is none but those above; AlexeyAB's are elsewhere, which is said."""
    from .compat import alexeyab

    told = f"module {__name__!r} has no attribute {name!r}"
    if not name.startswith("_") and name in vars(alexeyab):
        told += "; it is of AlexeyAB's darknet.py: import pydarknet.compat.alexeyab as darknet"
    raise AttributeError(told)
