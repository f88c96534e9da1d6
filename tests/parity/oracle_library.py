"""Debian's libdarknet.so: where it lies, its prototypes, its structures.

The structures are read where the library's own header says they lie: a small C program, compiled once per process
against the installed header, prints the offsets.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_float, c_int, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIBRARY = Path("/usr/lib/darknet/libdarknet.so")
HEADERS = Path("/usr/lib/darknet/include")
PROGRAM = Path("/usr/bin/darknet")
SHARE = Path("/usr/share/darknet")
CFG = SHARE / "cfg"
DATA = SHARE / "data"

Array = NDArray[np.float32]

# In the order of the header's enumerations; names are those of the cfg.
_TYPES = """
    convolutional deconvolutional connected maxpool softmax detection dropout crop route cost normalization
    avgpool local shortcut activation rnn gru lstm crnn batchnorm network xnor region yolo iseg reorg upsample
    logistic l2norm blank"""
_ACTIVATIONS = "logistic relu relie linear ramp tanh plse leaky elu loggy stair hardtan lhtan selu"
LAYER_TYPES = _TYPES.split()
ACTIVATIONS = _ACTIVATIONS.split()

_FIELDS = {
    "network": "n layers batch inputs outputs truths w h c input truth seen t cost workspace",
    "layer": """type activation batch_normalize inputs outputs nweights h w c out_h out_w out_c n groups size
        stride classes dontload biases scales weights output delta cost rolling_mean rolling_variance""",
}


class Image(ctypes.Structure):
    """The library's image: planar (c, h, w) floats in 0..1."""

    _fields_ = [("w", c_int), ("h", c_int), ("c", c_int), ("data", POINTER(c_float))]


class FoundBox(ctypes.Structure):
    _fields_ = [
        ("bbox", c_float * 4),
        ("classes", c_int),
        ("prob", POINTER(c_float)),
        ("mask", POINTER(c_float)),
        ("objectness", c_float),
        ("sort_class", c_int),
    ]


@contextmanager
def quiet() -> Iterator[None]:
    """Send the process's stdout and stderr (the C ones too) to nowhere."""
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    sys.stderr.flush()
    libc.fflush(None)
    saved = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        libc.fflush(None)
        for target, source in zip((1, 2), saved, strict=True):
            os.dup2(source, target)
            os.close(source)
        os.close(nowhere)


@cache
def offsets() -> dict[str, dict[str, int]]:
    """{"layer": {"": sizeof, field: offset}, "network": ...}, by the compiler's word."""
    lines = []
    for struct, fields in _FIELDS.items():
        lines.append(f'printf("{struct} - %zu\\n", sizeof({struct}));')
        lines += [f'printf("{struct} {f} %zu\\n", offsetof({struct}, {f}));' for f in fields.split()]
    source = "#include <stddef.h>\n#include <darknet.h>\nint main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "offsets"
        subprocess.run(
            ["cc", "-x", "c", "-w", "-I", str(HEADERS), "-", "-o", str(program)],
            input=source,
            text=True,
            check=True,
        )
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    table: dict[str, dict[str, int]] = {struct: {} for struct in _FIELDS}
    for line in printed.splitlines():
        struct, field, value = line.split()
        table[struct]["" if field == "-" else field] = int(value)
    return table


@cache
def library() -> ctypes.CDLL:
    """The loaded library with the prototypes used here, on the CPU."""
    # The library is built with -Ofast: loading it makes the whole process flush subnormal numbers. Undo that.
    libm, environment = ctypes.CDLL("libm.so.6"), ctypes.create_string_buffer(64)
    libm.fegetenv(environment)
    lib = ctypes.CDLL(str(LIBRARY))
    libm.fesetenv(environment)
    prototypes: dict[str, tuple[Any, list[Any]]] = {
        "parse_network_cfg": (c_void_p, [c_char_p]),
        "load_weights": (None, [c_void_p, c_char_p]),
        "save_weights": (None, [c_void_p, c_char_p]),
        "free_network": (None, [c_void_p]),
        "network_predict": (POINTER(c_float), [c_void_p, c_void_p]),
        "train_network_datum": (c_float, [c_void_p]),
        "get_network_boxes": (
            POINTER(FoundBox),
            [c_void_p, c_int, c_int, c_float, c_float, POINTER(c_int), c_int, POINTER(c_int)],
        ),
        "free_detections": (None, [POINTER(FoundBox), c_int]),
        "do_nms_obj": (None, [POINTER(FoundBox), c_int, c_int, c_float]),
        "do_nms_sort": (None, [POINTER(FoundBox), c_int, c_int, c_float]),
        "letterbox_image": (Image, [Image, c_int, c_int]),
        "resize_image": (Image, [Image, c_int, c_int]),
        "load_image_color": (Image, [c_char_p, c_int, c_int]),
        "free_image": (None, [Image]),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    c_int.in_dll(lib, "gpu_index").value = -1
    return lib


def read(kind: Any, address: int, count: int | None = None) -> Any:
    """A scalar, or a copy of `count` floats, at an address."""
    if count is None:
        return kind.from_address(address).value
    return np.ctypeslib.as_array((kind * count).from_address(address)).copy()


def adapted_cfg(text: str, folder: Path, **net: int | None) -> str:
    """The cfg with other values of the [net] section, and `tree` and `map` files as absolute paths.

    The first of two equal keys wins in Darknet, so that new values go in front of the old ones; later ones go, as
    hank-ai's program takes none twice.
    """
    lines: list[str] = []
    seen: set[str] = set()
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            seen = set()
        elif key in seen and value:
            continue
        seen.add(key)
        if key in ("tree", "map"):
            places = [folder / value, folder.parent / value, SHARE / value]
            line = f"{key}={next((p for p in places if p.is_file()), value)}"
        lines.append(line)
        if key in ("[net]", "[network]"):
            lines += [f"{k}={v}" for k, v in net.items() if v is not None]
            seen |= {k for k, v in net.items() if v is not None}
    return "\n".join(lines) + "\n"
