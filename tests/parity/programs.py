"""Networks inside the CPU builds of the other Darknets, for tests.parity.public_cfgs."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pydarknet.compat.alexeyab import DETECTION
from pydarknet.detection.nms import Kind as NmsKind

from .oracle import Oracle
from .oracle_library import Array, quiet

Rows = list[tuple[float, ...]]

NMS = 0.45


class _HankDetection(Structure):
    """hank-ai's has one more field than AlexeyAB's."""

    _fields_ = [
        field
        for name, kind in DETECTION._fields_
        for field in ((name, kind), *([("sort_score", c_float)] if name == "sort_class" else []))
    ]


@dataclass(frozen=True)
class Kind:
    """Where a program keeps its library, and how a compiler is told of its structures."""

    library: str
    includes: tuple[str, ...]
    command: tuple[str, ...]
    header: str
    detection: Any
    binarises: bool = False  # whether its calculate_binary_weights can be called from C


KINDS = {
    "AlexeyAB": Kind("libdarknet.so", ("include",), ("cc", "-x", "c"), "#include <darknet.h>", DETECTION, True),
    "hank-ai": Kind(
        "build/src-lib/libdarknet.so", ("src-lib", "/usr/include/opencv4"), ("c++", "-x", "c++", "-std=c++17"),
        "#include <darknet_internal.hpp>\nusing layer = Darknet::Layer;\nusing network = Darknet::Network;",
        _HankDetection,
    ),
}  # fmt: skip


def offsets(kind: Kind, checkout: Path) -> dict[str, int]:
    """Where fields of the library's structures lie, by the compiler's word; "layer", "network": their sizes."""
    fields = ["layer.output", "layer.outputs", "network.layers"]
    prints = [f'printf("{f} %zu\\n", offsetof({f.partition(".")[0]}, {f.partition(".")[2]}));' for f in fields]
    prints += [f'printf("{name} %zu\\n", sizeof({name}));' for name in ("layer", "network")]
    head = f"#include <stddef.h>\n#include <stdio.h>\n{kind.header}\n"
    source = head + "int main(void) {\n" + "\n".join(prints) + "\nreturn 0; }\n"
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/offsets"
        includes = [f"-I{checkout / path}" for path in kind.includes]
        subprocess.run([*kind.command, "-w", *includes, "-", "-o", program], input=source, text=True, check=True)
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in (line.split() for line in printed.splitlines())}


class Program:
    """A network inside a library of AlexeyAB's line: his, or hank-ai's."""

    suppressions: ClassVar[tuple[NmsKind, ...]] = ("sort", "greedynms", "diounms")

    def __init__(self, kind: Kind, checkout: Path, at: dict[str, int], cfg: Path, weights: Path) -> None:
        self._at, self._detection = at, POINTER(kind.detection)
        with quiet():
            lib = self._lib = ctypes.CDLL(str(checkout / kind.library))
            lib.load_network_custom.restype = c_void_p
            lib.load_network_custom.argtypes = [c_char_p, c_char_p, c_int, c_int]
            lib.network_predict_ptr.argtypes = [c_void_p, c_void_p]
            lib.network_predict_ptr.restype = POINTER(c_float)
            lib.get_network_boxes.restype = self._detection
            lib.get_network_boxes.argtypes = [
                c_void_p, c_int, c_int, c_float, c_float, c_void_p, c_int, POINTER(c_int), c_int,
            ]  # fmt: skip
            lib.do_nms_sort.argtypes = [self._detection, c_int, c_int, c_float]
            lib.diounms_sort.argtypes = [self._detection, c_int, c_int, c_float, c_int, c_float]
            self._net = lib.load_network_custom(str(cfg).encode(), str(weights).encode(), 0, 1)
            if kind.binarises:
                self._binarise()

    def _binarise(self) -> None:
        """As the program's `detector test`: without it layers with xnor=1 read past their weights."""

        class Network(Structure):
            _fields_ = (("words", c_uint64 * (self._at["network"] // 8)),)

        c_int.in_dll(self._lib, "gpu_index").value = -1  # as its main() has it where there is no GPU
        self._lib.calculate_binary_weights.argtypes = [Network]
        self._lib.calculate_binary_weights.restype = None
        self._lib.calculate_binary_weights(Network.from_address(self._net))

    def predict(self, x: Array) -> None:
        """Run one image (1, C, H, W)."""
        with quiet():
            self._lib.network_predict_ptr(self._net, np.ascontiguousarray(x).ctypes.data)

    def output(self, index: int) -> Array:
        """What a layer gave, flat."""
        layers = c_void_p.from_address(self._net + self._at["network.layers"]).value or 0
        layer = layers + index * self._at["layer"]
        address = c_void_p.from_address(layer + self._at["layer.output"]).value or 0
        count = c_int.from_address(layer + self._at["layer.outputs"]).value
        return np.ctypeslib.as_array((c_float * count).from_address(address)).copy()

    def detections(self, size: tuple[int, int], thresh: float, kind: str, beta: float, classes: int) -> Rows:
        """What is left of the boxes after the suppression that its `detector test` uses; with "none", all."""
        count = c_int(0)
        found = self._lib.get_network_boxes(self._net, *size, thresh, 0.5, None, 1, byref(count), 0)
        if kind == "sort":
            self._lib.do_nms_sort(found, count.value, classes, NMS)
        elif kind != "none":
            self._lib.diounms_sort(found, count.value, classes, NMS, {"greedynms": 1, "diounms": 2}[kind], beta)
        rows = []
        for each in found[: count.value]:
            box = (each.bbox.x, each.bbox.y, each.bbox.w, each.bbox.h)
            rows += [(c, each.prob[c], *box) for c in range(classes) if each.prob[c] > 0]
        return sorted(rows)


class Debian:
    """A network inside Debian's library, as a `Program`."""

    suppressions: ClassVar[tuple[NmsKind, ...]] = ("sort",)

    def __init__(self, cfg: Path, weights: Path) -> None:
        self._oracle = Oracle(cfg, weights)

    def predict(self, x: Array) -> None:
        """Run one image (1, C, H, W)."""
        self._oracle.predict(x)

    def output(self, index: int) -> Array:
        """What a layer gave, flat."""
        return self._oracle.layer_output(index).reshape(-1)

    def detections(self, size: tuple[int, int], thresh: float, kind: str, beta: float, classes: int) -> Rows:
        """What is left of the boxes after do_nms_sort; all, with "none"."""
        found = self._oracle.detections(*size, thresh, nms=None if kind == "none" else NMS)
        where = zip(*np.nonzero(found.prob), strict=True)
        return sorted((c, float(found.prob[i, c]), *map(float, found.boxes[i])) for i, c in where)
