"""Takes the place of AlexeyAB's darknet.py: change the import line of a script and nothing else.

Names, arguments and results are the original's (confidences are strings), and so are the structures: fields
can be read and written. What is different:

- Nothing has to be freed: memory lives as long as something points to it. The free_* functions are accepted.
- Paths may be bytes, str or path objects. What is wrong raises a `DarknetError` instead of ending the process.
- With a tree `hier` counts. The original ignores it and takes the deepest node with an absolute probability
  above .5, which is what happens here with the default of .5.
- `get_network_boxes` leaves out the boxes below the threshold, which the original returns without classes.
  `mask`, `uc` and `embeddings` are always NULL, and nothing is tracked.
- `best_class_idx` is right for [yolo] heads, too. `remove_negatives_faster` drops what suppression set to 0.
- `non_max_suppression_fast` takes what `detect_image` gives as well as four-tuples with the box last.
"""

from __future__ import annotations

import ctypes as ct
import math  # noqa: F401  (old scripts take these from here)
import os
import random  # noqa: F401
from collections.abc import Sequence
from ctypes import *  # noqa: F403
from ctypes import POINTER, Structure, c_float, c_int
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import DataError
from . import _networks as _api
from ._images import (
    IMAGE,
    Floats,
    array_to_image,  # noqa: F401
    copy_image_from_bytes,
    free_image,
    letterbox_image,
    load_image,
    make_image,
    pointer_to,
    rgbgr_image,
)
from ._networks import (
    BOX,
    METADATA,
    NetworkHandle,
    do_nms_obj,
    do_nms_sort,
    do_nothing,
    init_cpu,
    load_meta,
    network_height,
    network_width,
    reset_rnn,
    set_gpu,
)
from ._results import (
    Box,
    bbox2points,  # noqa: F401
    class_colors,
    decode_detection,
    draw_boxes,  # noqa: F401
    illustrated,
    non_max_suppression_fast,  # noqa: F401
    print_detections,  # noqa: F401
)
from ._structures import c_array, sample  # noqa: F401

hasGPU = True  # noqa: N816  (old scripts ask; `set_gpu` falls back to the CPU)
FloatPtr = POINTER(c_float)
IntPtr = POINTER(c_int)


class DETECTION(Structure):
    """One box and the probabilities of its classes; `best_class_idx` is -1 where none is above the threshold."""

    _fields_ = (
        ("bbox", BOX),
        ("classes", c_int),
        ("best_class_idx", c_int),
        ("prob", FloatPtr),
        ("mask", FloatPtr),
        ("objectness", c_float),
        ("sort_class", c_int),
        ("uc", FloatPtr),
        ("points", c_int),
        ("embeddings", FloatPtr),
        ("embedding_size", c_int),
        ("sim", c_float),
        ("track_id", c_int),
    )


DETECTIONPtr = POINTER(DETECTION)


class DETNUMPAIR(Structure):
    """The detections of one image of a batch."""

    _fields_ = (("num", c_int), ("dets", DETECTIONPtr))


DETNUMPAIRPtr = POINTER(DETNUMPAIR)


def load_network(
    config_file: _api.Path, data_file: _api.Path, weights: _api.Path, batch_size: int = 1
) -> tuple[NetworkHandle, list[str], dict[str, tuple[int, int, int]]]:
    """Network, class names and a colour for each. CfgError, WeightsError, DataError."""
    metadata = load_meta(os.fsdecode(data_file))
    names = [str(metadata.name(i)) for i in range(metadata.classes)]
    return load_net_custom(config_file, weights, 0, batch_size), names, class_colors(names)


def load_net(cfg: _api.Path, weights: _api.Path | None, clear: int = 0) -> NetworkHandle:
    """Read a network for one image at a time."""
    return _api.load_network(cfg, weights, clear, dialect="alexeyab")


def load_net_custom(cfg: _api.Path, weights: _api.Path | None, clear: int = 0, batch: int = 1) -> NetworkHandle:
    """Read a network for `batch` images at a time."""
    return _api.load_network(cfg, weights, clear, batch, "alexeyab")


def free_network_ptr(net: NetworkHandle) -> None:
    """Let go of the network now."""
    net.free()


def remove_negatives(detections: Any, class_names: Sequence[str], num: int) -> list[tuple[str, float, Box]]:
    """(name, probability, box) of every class above 0 of every detection."""
    found = _api.positives(detections, num, len(class_names))
    return [(class_names[i], probability, box) for i, probability, box in found]


def remove_negatives_faster(detections: Any, class_names: Sequence[str], num: int) -> list[tuple[str, float, Box]]:
    """(name, probability, box) of the best class of every detection, if it is above 0."""
    found = []
    for j in range(num):
        best = detections[j].best_class_idx
        if best >= 0 and detections[j].prob[best] > 0:
            box = detections[j].bbox
            found.append((class_names[best], detections[j].prob[best], (box.x, box.y, box.w, box.h)))
    return found


def detect_image(
    network: NetworkHandle,
    class_names: Sequence[str] | METADATA,
    image: IMAGE,
    thresh: float = 0.5,
    hier_thresh: float = 0.5,
    nms: float = 0.45,
    debug: bool = False,
) -> list[tuple[Any, Any, Box]]:
    """The objects in an image, which is stretched to the network's size; boxes are centre and size in its pixels.

    With a list of names (label, confidence as text, box), sorted by that text; with a METADATA, as until 2020,
    (name, confidence, box), the most confident first. `debug` is accepted.
    """
    names = _names(class_names) if isinstance(class_names, METADATA) else class_names
    pnum = ct.pointer(c_int(0))
    predict_image(network, image)
    detections = get_network_boxes(network, image.w, image.h, thresh, hier_thresh, None, 0, pnum, 0)
    if nms:
        do_nms_sort(detections, pnum[0], len(names), nms)
    found: list[tuple[Any, Any, Box]] = remove_negatives(detections, names, pnum[0])
    if isinstance(class_names, METADATA):
        return sorted(found, key=lambda detection: -detection[1])
    return sorted(decode_detection(found), key=lambda detection: detection[1])


def detect(
    net: NetworkHandle,
    meta: METADATA,
    image: _api.Path,
    thresh: float = 0.5,
    hier_thresh: float = 0.5,
    nms: float = 0.45,
    debug: bool = False,
) -> list[tuple[Any, Any, Box]]:
    """`detect_image` of an image file."""
    return detect_image(net, meta, load_image(image, 0, 0), thresh, hier_thresh, nms)


def classify(net: NetworkHandle, meta: METADATA, im: IMAGE) -> list[tuple[Any, float]]:
    """All classes of an image, stretched, with their probabilities, the most probable first."""
    return _api.classify(net, _names(meta), im, "stretch")


# What performDetect has read, and keeps for the next call. A script may set altNames: the names in results.
netMain: NetworkHandle | None = None  # noqa: N816
metaMain: METADATA | None = None  # noqa: N816
altNames: Sequence[str] | None = None  # noqa: N816


def performDetect(
    imagePath: _api.Path = "data/dog.jpg",  # noqa: N803
    thresh: float = 0.25,
    configPath: _api.Path = "./cfg/yolov3.cfg",  # noqa: N803
    weightPath: _api.Path = "yolov3.weights",  # noqa: N803
    metaPath: _api.Path = "./cfg/coco.data",  # noqa: N803
    showImage: bool = True,  # noqa: N803
    makeImageOnly: bool = False,  # noqa: N803
    initOnly: bool = False,  # noqa: N803
) -> Any:
    """Everything in one call: (label, confidence, box) of the objects in an image file, the most confident first.

    With `showImage` a dictionary of these "detections", the "image" (RGB) with its boxes, which a window shows
    unless `makeImageOnly`, and a "caption". The network is read once; with `initOnly` that is all. CfgError,
    WeightsError, DataError, ImageError.
    """
    global netMain, metaMain, altNames
    netMain = netMain or load_net_custom(configPath, weightPath, 0, 1)
    metaMain = metaMain or load_meta(os.fsdecode(metaPath))
    if altNames is None:
        altNames = [str(metaMain.name(i)) for i in range(metaMain.classes)]
    if initOnly:
        print("Initialized detector")
        return None
    detections = detect(netMain, metaMain, imagePath, thresh)
    return illustrated(imagePath, detections, not makeImageOnly) if showImage else detections


def _names(meta: METADATA) -> Sequence[Any]:
    """The classes' names: those that the script has set, else those of the .data file."""
    if altNames is None:
        return [meta.name(i) for i in range(meta.classes)]
    if len(altNames) < meta.classes:
        raise DataError(f"altNames: expected {meta.classes} names, one for each class, found {len(altNames)}")
    return altNames[: meta.classes]


def network_predict(net: NetworkHandle, data: Any) -> Any:
    """Forward the network's batch of images at a float*; the output as a float*."""
    return _output(net, _api.predict_floats(net, data, net.batch))


def predict_image(net: NetworkHandle, im: IMAGE) -> Any:
    """Forward an image, stretched to the network's size; the output as a float*."""
    return _output(net, _api.predict_fitted(net, im, "stretch"))


def predict_image_letterbox(net: NetworkHandle, im: IMAGE) -> Any:
    """Forward an image, letterboxed to the network's size; the output as a float*."""
    return _output(net, _api.predict_fitted(net, im, "letterbox"))


def get_network_boxes(
    net: NetworkHandle,
    w: int,
    h: int,
    thresh: float,
    hier: float,
    map: Any,
    relative: int,
    num: Any,
    letter: int = 0,
) -> Any:
    """Detections of the last prediction for an image of w x h; their number goes to the int* `num`.

    `letter` says whether the image was letterboxed.
    """
    detections, count = _boxes(net, w, h, thresh, hier, map, relative, letter, 0)
    _api.store(num, count)
    return detections


def make_network_boxes(net: NetworkHandle, thresh: float = 0.0, num: Any = None) -> Any:
    """As many empty detections as `get_network_boxes` would give now."""
    _, count = _boxes(net, 1, 1, thresh, 0.5, None, 1, 0, 0)
    _api.store(num, count)
    return _api.empty_structures(net, DETECTION, count)


def network_predict_batch(
    net: NetworkHandle,
    im: IMAGE,
    batch_size: int,
    w: int,
    h: int,
    thresh: float,
    hier: float,
    map: Any,
    relative: int,
    letter: int,
) -> Any:
    """Forward `batch_size` images of the network's size at `im.data`; the detections of each, with their number."""
    _api.predict_floats(net, im.data, batch_size)
    pairs = (DETNUMPAIR * batch_size)()
    for i, pair in enumerate(pairs):
        pair.dets, pair.num = _boxes(net, w, h, thresh, hier, map, relative, letter, i)
    return ct.pointer(pairs[0])


def _boxes(
    net: NetworkHandle, w: int, h: int, thresh: float, hier: float, map: Any, relative: int, letter: int, item: int
) -> tuple[Any, int]:
    options = _api.detect_options(
        thresh,
        hier,
        fit="letterbox" if letter else "stretch",
        hier_mode="paper",
        region_rule="class",
        map=_api.read_map(map),
    )
    return _api.find_boxes(net, DETECTION, (w, h), options, bool(relative), item=item)


def _output(net: NetworkHandle, output: Floats) -> Any:
    """A float* to the output. This fork has [region]'s values pixel by pixel."""
    if net.network.layers[net.network.output_index].type == "region":
        output = np.ascontiguousarray(output.reshape(*output.shape[:2], -1).transpose(0, 2, 1))
    return pointer_to(output)


predict = network_predict
free_detections = free_batch_detections = free_ptrs = do_nothing

# The library's own names for all of this.
lib = SimpleNamespace(
    network_width=network_width,
    network_height=network_height,
    copy_image_from_bytes=copy_image_from_bytes,
    network_predict=network_predict,
    network_predict_ptr=network_predict,
    network_predict_image=predict_image,
    network_predict_image_letterbox=predict_image_letterbox,
    network_predict_batch=network_predict_batch,
    cuda_set_device=set_gpu,
    init_cpu=init_cpu,
    make_image=make_image,
    get_network_boxes=get_network_boxes,
    make_network_boxes=make_network_boxes,
    free_detections=free_detections,
    free_batch_detections=free_batch_detections,
    free_ptrs=free_ptrs,
    reset_rnn=reset_rnn,
    load_network=load_net,
    load_network_custom=load_net_custom,
    free_network_ptr=free_network_ptr,
    do_nms_obj=do_nms_obj,
    do_nms_sort=do_nms_sort,
    free_image=free_image,
    letterbox_image=letterbox_image,
    get_metadata=load_meta,
    load_image_color=load_image,
    rgbgr_image=rgbgr_image,
)


_HANK_AI = ("network_dimensions", "show_version_info", "version_string", "version_short", "set_verbose",
            "set_output_stream", "add_skipped_class", "del_skipped_class", "clear_skipped_classes")  # fmt: skip


def __getattr__(name: str) -> Any:
    """The original's `cv2`, loaded when a script asks for it. Of names of the other darknet.py it is said whose."""
    if name in ("make_boxes", "make_probs", "network_detect", "num_boxes"):
        raise AttributeError(f"{name!r} is of pjreddie's darknet.py: import pydarknet.darknet as darknet")
    if name in _HANK_AI:
        raise AttributeError(f"{name!r} is what hank-ai's darknet.py has beyond AlexeyAB's, and is not here")
    if name != "cv2":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import cv2

    return cv2
