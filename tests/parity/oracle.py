"""One network inside Debian's libdarknet.so, as an oracle: the same weights and input through the original program.

Cfg files are rewritten before loading (batch 1, another size, absolute paths), because the library allocates for the
whole training batch and looks for trees in the current folder. Wrong cfg files make it exit the process, so this is
only for cfgs that are known to be good.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from ctypes import POINTER, byref, c_float, c_int, c_size_t, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .oracle_library import (
    ACTIVATIONS,
    LAYER_TYPES,
    Array,
    Image,
    adapted_cfg,
    library,
    offsets,
    quiet,
    read,
)


@dataclass(frozen=True)
class LayerInfo:
    """What the library knows of one layer. `out` is (c, h, w), or (outputs, 1, 1) where it keeps no shape."""

    index: int
    type: str
    activation: str
    batch_normalize: bool
    inputs: int
    outputs: int
    input: tuple[int, int, int]
    out: tuple[int, int, int]
    n: int
    groups: int
    size: int
    stride: int
    nweights: int
    dontload: bool


@dataclass(frozen=True)
class Detections:
    """Boxes as centre x, y, width, height (N, 4); objectness (N,); prob (N, classes)."""

    boxes: Array
    objectness: Array
    prob: Array


class Oracle:
    """One network inside the library. Use as a context manager, or call `close`.

    `batch` and `subdivisions` are the cfg's keys: one mini-batch is `batch // subdivisions` images.
    """

    def __init__(
        self,
        cfg_path: str | Path,
        weights_path: str | Path | None = None,
        *,
        width: int | None = None,
        height: int | None = None,
        batch: int = 1,
        subdivisions: int = 1,
    ) -> None:
        self._lib = library()
        self._net = 0
        path = Path(cfg_path)
        net = {"batch": batch, "subdivisions": subdivisions, "width": width, "height": height}
        text = adapted_cfg(path.read_text(encoding="latin-1"), path.resolve().parent, **net)
        with tempfile.NamedTemporaryFile("w", suffix=".cfg", encoding="latin-1") as file, quiet():
            file.write(text)
            file.flush()
            self._net = self._lib.parse_network_cfg(file.name.encode())
        self.layers = [self._info(i) for i in range(self._int("n"))]
        for layer in self.layers:
            if layer.type == "crop" and (layer.out[1] > layer.input[1] or layer.out[2] > layer.input[2]):
                raise ValueError(f"{path.name} crops {layer.input} to {layer.out}; the library would read beyond it")
        if weights_path is not None:
            self.load_weights(weights_path)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Free the network, and the workspace that the library itself forgets. Harmless when repeated."""
        if not self._net:
            return
        libc = ctypes.CDLL(None)
        libc.free.argtypes = [c_void_p]
        for field in ("workspace", "cost", "seen", "t"):
            libc.free(read(c_void_p, self._net + offsets()["network"][field]))
        self._lib.free_network(self._net)
        self._net = 0

    # Structures

    def _int(self, field: str) -> int:
        return int(read(c_int, self._net + offsets()["network"][field]))

    def _layer(self, index: int) -> int:
        """The address of layer `index`."""
        first = read(c_void_p, self._net + offsets()["network"]["layers"])
        return int(first + index * offsets()["layer"][""])

    def _layer_int(self, index: int, field: str) -> int:
        return int(read(c_int, self._layer(index) + offsets()["layer"][field]))

    def _info(self, index: int) -> LayerInfo:
        def get(field: str) -> int:
            return self._layer_int(index, field)

        out = (get("out_c"), get("out_h"), get("out_w"))
        return LayerInfo(
            index=index,
            type=LAYER_TYPES[get("type")],
            activation=ACTIVATIONS[get("activation")],
            batch_normalize=bool(get("batch_normalize")),
            inputs=get("inputs"),
            outputs=get("outputs"),
            input=(get("c"), get("h"), get("w")),
            out=out if out[0] * out[1] * out[2] == get("outputs") else (get("outputs"), 1, 1),
            n=get("n"),
            groups=get("groups"),
            size=get("size"),
            stride=get("stride"),
            nweights=get("nweights"),
            dontload=bool(get("dontload")),
        )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of the input."""
        return self._int("c"), self._int("h"), self._int("w")

    @property
    def seen(self) -> int:
        """The number of images the weights have been trained on."""
        return int(read(c_size_t, read(c_void_p, self._net + offsets()["network"]["seen"])))

    @seen.setter
    def seen(self, pictures: int) -> None:
        c_size_t.from_address(read(c_void_p, self._net + offsets()["network"]["seen"])).value = pictures

    def array(self, index: int, field: str, count: int) -> Array:
        """A copy of `count` floats of a layer's array, such as "weights" or "biases"."""
        address = read(c_void_p, self._layer(index) + offsets()["layer"][field])
        if not address:
            raise ValueError(f"layer {index} ({self.layers[index].type}) has no {field}")
        values: Array = read(c_float, address, count)
        return values

    def put(self, index: int, field: str, values: Array) -> None:
        """Write floats over a layer's array."""
        address = read(c_void_p, self._layer(index) + offsets()["layer"][field])
        ctypes.memmove(address, np.ascontiguousarray(values, np.float32).ctypes.data, 4 * values.size)

    # Weights and inference

    def load_weights(self, path: str | Path) -> None:
        """Load a .weights file. The library says nothing when it is too short."""
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        with quiet():
            self._lib.load_weights(self._net, os.fsencode(path))

    def save_weights(self, path: str | Path) -> None:
        """Write a .weights file as the library does (header 0.2.0)."""
        with quiet():
            self._lib.save_weights(self._net, os.fsencode(path))

    def predict(self, x: Array) -> Array:
        """Run a mini-batch (N, C, H, W); the flat output of the last layer that is not a cost."""
        flat = self._filled(x, "inputs")
        with quiet():
            out = self._lib.network_predict(self._net, flat.ctypes.data)
        return np.ctypeslib.as_array(out, (self._int("batch") * self._int("outputs"),)).copy()

    def layer_output(self, index: int) -> Array:
        """What layer `index` gave last, as (c, h, w); as (n, c, h, w) where a mini-batch has several images."""
        info, batch = self.layers[index], self._int("batch")
        output = self.array(index, "output", batch * info.outputs)
        return output.reshape(info.out if batch == 1 else (batch, *info.out))

    def train(self, x: Array, truth: Array) -> float:
        """One mini-batch forward and backward, with an update after the last of a batch; the network's cost.

        `truth` is what the library's loader makes for the last layer, (N, truths) in any shape.
        On the CPU this library trains every head but [region].
        """
        for values, size, field in ((x, "inputs", "input"), (truth, "truths", "truth")):
            flat = self._filled(values, size)
            address = read(c_void_p, self._net + offsets()["network"][field])
            ctypes.memmove(address, flat.ctypes.data, flat.nbytes)
        with quiet():
            return float(self._lib.train_network_datum(self._net))

    def _filled(self, values: Array, size: str) -> Array:
        """The values as one contiguous array, when they are as many as the network takes in a mini-batch."""
        flat = np.ascontiguousarray(values, dtype=np.float32)
        if flat.size != self._int("batch") * self._int(size):
            raise ValueError(f"the network takes {self._int('batch')} x {self._int(size)} {size}, not {values.shape}")
        return flat

    def detections(
        self,
        width: int,
        height: int,
        thresh: float = 0.5,
        hier: float = 0.5,
        *,
        nms: float | None = 0.45,
        kind: str = "sort",
        relative: bool = True,
    ) -> Detections:
        """The boxes of the last `predict` for a letterboxed image of this size, suppressed by `kind`."""
        count = c_int(0)
        found = self._lib.get_network_boxes(self._net, width, height, thresh, hier, None, int(relative), byref(count))
        try:
            classes = self._layer_int(len(self.layers) - 1, "classes")
            if nms is not None:
                {"sort": self._lib.do_nms_sort, "obj": self._lib.do_nms_obj}[kind](found, count.value, classes, nms)
            return _copy_detections(found, count.value, classes)
        finally:
            self._lib.free_detections(found, count.value)


def _copy_detections(found: Any, count: int, classes: int) -> Detections:
    result = Detections(
        np.zeros((count, 4), np.float32), np.zeros(count, np.float32), np.zeros((count, classes), np.float32)
    )
    for i in range(count):
        result.boxes[i] = found[i].bbox[:]
        result.objectness[i] = found[i].objectness
        result.prob[i] = np.ctypeslib.as_array(found[i].prob, (classes,))
    return result


# Images: planar (c, h, w) float32, RGB, 0..1


def _as_image(picture: Array) -> tuple[Image, Array]:
    """The library's view of an array, and the array that has to outlive it."""
    keep = np.ascontiguousarray(picture, dtype=np.float32)
    c, h, w = keep.shape
    return Image(w, h, c, keep.ctypes.data_as(POINTER(c_float))), keep


def _take_image(image: Image) -> Array:
    """Copy an image out of the library, and free it."""
    result = np.ctypeslib.as_array(image.data, (image.c, image.h, image.w)).copy()
    library().free_image(image)
    return result


def load_image(path: str | Path) -> Array:
    """An image file as Debian's build reads it: by OpenCV, three channels, RGB."""
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    with quiet():
        image = library().load_image_color(os.fsencode(path), 0, 0)
    return _take_image(image)


def letterbox_image(picture: Array, width: int, height: int) -> Array:
    """Darknet's letterbox: scaled to fit, on a canvas of .5."""
    image, _keep = _as_image(picture)
    return _take_image(library().letterbox_image(image, width, height))


def resize_image(picture: Array, width: int, height: int) -> Array:
    """Darknet's two-pass bilinear resize."""
    image, _keep = _as_image(picture)
    return _take_image(library().resize_image(image, width, height))
