"""What the bindings share: networks, metadata, predictions, detections in C's structures, suppression."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Sequence
from ctypes import POINTER, Array, Structure, _Pointer, c_char_p, c_float, c_int, pointer, sizeof
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..backends.base import cpu_backend
from ..detection.boxes import Fit
from ..detection.decode import join, to_image
from ..detection.nms import Kind, nms_obj, nms_sort
from ..detection.options import DetectOptions
from ..errors import DarknetError, DataError
from ..formats.class_names import names_of_data
from ..formats.data import read_data
from ..network import Network
from ..plan.session import Session
from ..plan.shapes import Shape
from ._images import IMAGE, FloatPointer, Floats, Memory, as_array, fitted, in_grey, pointer_to

Path = str | bytes | os.PathLike[str]
Records = npt.NDArray[Any]

if TYPE_CHECKING:
    NamesPointer = _Pointer[c_char_p]

MAP_LENGTH = 200  # of a map that is only a pointer: Darknet's own number


class BOX(Structure):
    """Centre and size."""

    _fields_ = [(name, c_float) for name in "xywh"]


class METADATA(Structure):
    """The names of the classes. `text`: whether functions give them as str (the file was named by a str)."""

    _fields_ = [("classes", c_int), ("names", POINTER(c_char_p))]
    text = False

    def name(self, class_id: int) -> str | bytes:
        """A class's name, as bytes or str."""
        name: bytes = self.names[class_id] or b""
        return name.decode("utf-8", "surrogateescape") if self.text else name


def load_meta(filename: Path) -> METADATA:
    """Read classes and names (or labels) of a .data file. DataError."""
    data = read_data(os.fsdecode(filename))
    classes = data.classes(2)
    found = names_of_data(data, classes)
    if found is None:
        raise DataError.at(data.file, None, "has neither names nor labels; add a line names = data/coco.names")
    names = [name.encode("utf-8", "surrogateescape") for name in found[0]]
    meta = METADATA(classes, (c_char_p * len(names))(*names))
    meta.text = not isinstance(filename, bytes)
    return meta


class Prediction(dict[int, Floats]):
    """Outputs (N, C, H, W) of the heads and of the last layer, by the layer's index."""


class NetworkHandle:
    """What `load_net` returns in place of a pointer; freed with the last reference.

    `network` is the network itself. Predictions belong to the thread that makes them, so that several may work with
    one network.
    """

    def __init__(self, network: Network, batch: int) -> None:
        self._network: Network | None = network
        self._batch = batch
        self._forget()

    def _forget(self) -> None:
        self._mine = threading.local()
        self._last: Prediction | None = None
        self._alive: weakref.WeakValueDictionary[int, Prediction] = weakref.WeakValueDictionary()  # by thread

    @property
    def batch(self) -> int:
        """How many images `network_predict` reads from a float* in this thread."""
        return int(getattr(self._mine, "batch", self._batch))

    @batch.setter
    def batch(self, value: int) -> None:
        self._mine.batch = value

    @property
    def outputs(self) -> Prediction:
        """The last prediction of this thread; one that made none may look at another's, if there is only one.

        DarknetError if there is none, or several.
        """
        mine: Prediction | None = getattr(self._mine, "prediction", None)
        if mine is not None:
            return mine
        if self._last is None:
            raise DarknetError("no prediction yet: call predict_image or network_predict first")
        if any(each() is not None and each() is not self._last for each in self._alive.valuerefs()):
            raise DarknetError(
                "this thread has made no prediction with the network, and several others have: "
                "call get_network_boxes in the thread that called predict_image or network_predict"
            )
        return self._last

    @property
    def session(self) -> Session:
        """What recurrent layers remember of this thread's predictions."""
        session: Session = vars(self._mine).setdefault("session", self.network.state())
        return session

    @property
    def network(self) -> Network:
        """DarknetError once it has been freed."""
        if self._network is None:
            raise DarknetError("this network has been freed; load it again")
        return self._network

    def free(self) -> None:
        """Let go of the network now."""
        self._network = None
        self._forget()

    def run(self, x: Floats) -> Floats:
        """Forward x (N, C, H, W), keeping the heads' outputs and recurrent layers' memory; the network's output."""
        network = self.network
        if x.shape[1:] != tuple(network.inputs):
            raise DarknetError(f"expected images of {network.inputs} (w x h x c), found {Shape(*x.shape[1:])}")
        kept = next(iter(self.session.arrays.values()), x)
        if len(kept) != len(x):
            raise DarknetError(f"{len(x)} images after {len(kept)}, each with its own past: call reset_rnn first")
        with network.plan(len(x), session=self.session) as plan:
            network.backend.write(plan.input, x)
            plan.run()
            made = Prediction((i, network.backend.to_host(each).copy()) for i, each in plan.outputs.items())
        self._last = self._mine.prediction = self._alive[threading.get_ident()] = made
        return made[network.output_index]


class Chosen:
    """What `set_gpu` chose."""

    device = "cpu"


chosen = Chosen()


@cache
def say_once(text: str) -> None:
    """A line on standard error, where Darknet has its own."""
    print(f"pydarknet: {text}", file=sys.stderr)


def load_network(
    cfg: Path, weights: Path | None, clear: int = 0, batch: int = 1, dialect: str | None = None
) -> NetworkHandle:
    """Read a network; without weights (None or empty) it starts from random ones. CfgError, WeightsError."""
    network = Network(
        os.fsdecode(cfg), os.fsdecode(weights) if weights else None, device=chosen.device, dialect=dialect
    )
    for warning in network.warnings:
        if warning.startswith(f"device {chosen.device}: "):
            say_once(warning)
    if clear:
        network.seen = 0
    return NetworkHandle(network, batch)


def network_width(net: NetworkHandle) -> int:
    """Width of the network's input."""
    return net.network.width


def network_height(net: NetworkHandle) -> int:
    """Height of the network's input."""
    return net.network.height


def predict_floats(net: NetworkHandle, data: Any, batch: int) -> Floats:
    """Forward `batch` images that lie one after the other at a float* (or in an array)."""
    shape = (batch, *net.network.inputs)
    if isinstance(data, (np.ndarray, Array)):
        given = np.asarray(data, np.float32).reshape(-1)
        if given.size < np.prod(shape):
            raise DarknetError(f"expected {np.prod(shape)} floats for {batch} images, found {given.size}")
        return net.run(given[: np.prod(shape)].reshape(shape))
    return net.run(np.asarray(Memory(data, shape)))


def network_predict(net: NetworkHandle, data: Any) -> FloatPointer:
    """Forward the network's input at a float*; its output as a float*."""
    return pointer_to(predict_floats(net, data, net.batch))


def predict_fitted(net: NetworkHandle, image: IMAGE, fit: Fit) -> Floats:
    """Forward one image, brought to the network's size, and into grey if that is all it takes."""
    net.batch = 1
    planes = as_array(fitted(image, net.network.width, net.network.height, fit))
    if net.network.inputs.c == 1 and len(planes) == 3:
        planes = in_grey(planes)
    return net.run(planes[None])


def classify(net: NetworkHandle, names: Sequence[Any], image: IMAGE, fit: Fit) -> list[tuple[Any, float]]:
    """Names with their probabilities, the most probable first. DataError if there are fewer outputs than names,
    CfgError for a detector."""
    net.network.check_classifier()
    output = predict_fitted(net, image, fit).reshape(-1)
    if len(output) < len(names):
        raise DataError(
            f"{len(names)} names, but the network has {len(output)} outputs; is it another network's .data?"
        )
    return sorted(zip(names, map(float, output), strict=False), key=lambda found: -found[1])


def find_boxes(
    net: NetworkHandle,
    structure: type[Structure],
    size: tuple[int, int],
    options: DetectOptions,
    relative: bool,
    *,
    item: int = 0,
) -> tuple[Any, int]:
    """Detections of image `item` of the last prediction, in an array of `structure`, and their number.

    `size` is that of the image, in whose pixels boxes are (or fractions, if `relative`). Only boxes above
    the threshold are in the array. CfgError for a classifier.
    """
    network = net.network
    heads = network.need_heads()
    outputs = {index: output[item : item + 1] for index, output in net.outputs.items()}
    parts = [head.candidates(cpu_backend(), outputs[head.index], network.inputs, options) for head in heads]
    found = join([part for (part,) in parts])
    boxes = to_image(found.boxes, *size, network.width, network.height, options.fit)
    if relative:
        boxes /= np.array([*size, *size], np.float32)
    return in_structures(structure, boxes, found.objectness, found.dense(network.classes)), len(found)


def in_structures(structure: type[Structure], boxes: Floats, objectness: Floats, table: Floats) -> Any:
    """A pointer to detections with boxes (M, 4), objectness (M,) and probabilities (M, classes)."""
    count, classes = table.shape
    start = max(count, 1) * sizeof(structure)
    memory: Any = np.zeros(start + table.nbytes, np.uint8)  # one block, so that all of it lives as long as any part
    memory[start:] = table.reshape(-1).view(np.uint8)
    records = memory[:start].view(record_type(structure))[:count]
    records["bbox"], records["objectness"], records["classes"] = boxes, objectness, classes
    records["prob"] = memory.ctypes.data + start + np.arange(count, dtype=np.uintp) * np.uintp(4 * classes)
    if "best_class_idx" in records.dtype.names and classes:
        records["best_class_idx"] = np.where(table.any(axis=1), table.argmax(axis=1), -1)
    return pointer(structure.from_buffer(memory))


@cache
def record_type(structure: type[Structure]) -> np.dtype[Any]:
    """The structure as a NumPy record, so that many can be filled at once."""
    formats = {BOX: "4f4", c_int: "i4", c_float: "f4"}
    names = [field[0] for field in structure._fields_]
    return np.dtype(
        {
            "names": names,
            "formats": [
                formats.get(field[1], "u8" if sizeof(field[1]) == 8 else "u4") for field in structure._fields_
            ],
            "offsets": [getattr(structure, name).offset for name in names],
            "itemsize": sizeof(structure),
        }
    )


def records_of(detections: Any, count: int) -> Records:
    """The structures at a pointer (or in an array) as records that can be written to."""
    structure = detections._type_
    if count <= 0:
        return np.zeros(0, record_type(structure))
    memory = np.asarray(Memory(detections, (count * sizeof(structure),), "|u1"))
    return memory.view(record_type(structure))


def empty_structures(net: NetworkHandle, structure: type[Structure], count: int) -> Any:
    """A pointer to `count` detections without anything in them."""
    classes = net.network.classes
    return in_structures(
        structure,
        np.zeros((count, 4), np.float32),
        np.zeros(count, np.float32),
        np.zeros((count, classes), np.float32),
    )


def rows_of(records: Records, classes: int) -> list[Floats]:
    """The probabilities of each record, where they lie: at most as many as the records say they have."""
    classes = min(classes, int(records["classes"].max(initial=0)) or classes)
    return [np.asarray(Memory(int(address), (classes,))) for address in records["prob"]]


def positives(
    detections: Any, count: int, classes: int
) -> list[tuple[int, float, tuple[float, float, float, float]]]:
    """(class, probability, box) of everything above 0, in the order of the detections."""
    records = records_of(detections, count)
    found = []
    for record, row in zip(records, rows_of(records, classes), strict=True):
        x, y, w, h = map(float, record["bbox"])
        found += [(int(i), float(row[i]), (x, y, w, h)) for i in np.flatnonzero(row > 0)]
    return found


def suppress(detections: Any, total: int, classes: int, thresh: float, kind: Kind) -> None:
    """Darknet's do_nms_obj and do_nms_sort, in place: those without objectness last, suppressed ones set to 0."""
    records = records_of(detections, total)
    key = -records["objectness"] if kind == "obj" else records["objectness"] == 0
    records[:] = records[np.argsort(key, kind="stable")]
    records = records[: np.count_nonzero(records["objectness"])]
    records["sort_class"] = -1 if kind == "obj" else classes - 1
    rows = rows_of(records, classes)
    if kind == "obj":
        for i in np.flatnonzero(~nms_obj(records["bbox"], records["objectness"], thresh)):
            rows[i][:] = 0
            records["objectness"][i] = 0
    elif rows:
        table = np.stack(rows)
        index, class_id = np.nonzero(table)
        kept = nms_sort(records["bbox"], index, class_id, table[index, class_id], thresh)
        for i, j in zip(index[~kept], class_id[~kept], strict=True):
            rows[i][j] = 0


def do_nms_obj(detections: Any, total: int, classes: int, thresh: float) -> None:
    """Of boxes that overlap by more than thresh, keep the one with the most objectness."""
    suppress(detections, total, classes, number(thresh), "obj")


def do_nms_sort(detections: Any, total: int, classes: int, thresh: float) -> None:
    """For each class by itself, keep the most probable of boxes that overlap by more than thresh."""
    suppress(detections, total, classes, number(thresh), "sort")


def detect_options(thresh: Any, hier: Any = 0.5, **more: Any) -> DetectOptions:
    """The options of a script's arguments. DarknetError for a threshold out of range."""
    try:
        return DetectOptions(number(thresh), number(hier), **more)
    except ValueError as error:
        raise DarknetError(str(error)) from error


def number(value: Any) -> Any:
    """A Python number, also from c_float or c_int."""
    return getattr(value, "value", value)


def store(target: Any, value: int) -> None:
    """Write to an int* argument: a pointer, byref(c_int), a c_int, or None."""
    if target is None:
        return
    target = getattr(target, "_obj", target)
    if isinstance(target, c_int):
        target.value = value
    else:
        target[0] = value


def read_map(map: Any) -> Sequence[int] | None:
    """An int* argument as numbers; a bare pointer has Darknet's fixed length."""
    if map is None or (isinstance(map, _Pointer) and not map):
        return None
    return [int(map[i]) for i in range(MAP_LENGTH if isinstance(map, _Pointer) else len(map))]


def set_gpu(n: Any) -> None:
    """Networks loaded from now on run on GPU n if it can be used; on the CPU if n is below 0."""
    chosen.device = f"auto:{number(n)}" if number(n) >= 0 else "cpu"


def init_cpu() -> None:
    """Networks loaded from now on run on the CPU."""
    chosen.device = "cpu"


def reset_rnn(net: NetworkHandle) -> None:
    """Let recurrent layers forget this thread's predictions, as before a network's first one."""
    net.session.reset()


def do_nothing(*_: Any) -> None:
    """Accepted from old scripts: memory frees itself."""
