"""Backends: an array module and the extension whose ops work on its arrays. Nothing else knows numpy from cupy."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from .errors import DeviceError
from .ops import Array, Ops

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register
FLOAT = 4  # bytes
ISAS = ("baseline", "avx2", "avx512")


@dataclass(frozen=True)
class Backend:
    """`name` ("cpu"), `isa` of its ops, `arrays` (the array module) and `ops` (the extension)."""

    name: str
    isa: str
    arrays: ModuleType
    ops: Ops

    def empty(self, shape: Sequence[int]) -> Array:
        """An uninitialised float32 array that starts on a cache line. DeviceError if memory is out."""
        count = math.prod(shape)
        spare = ALIGNMENT // FLOAT
        try:
            flat = self.arrays.empty(count + spare, dtype="float32")
        except MemoryError as error:
            raise DeviceError(
                f"out of memory: {count * FLOAT / 2**20:.0f} MiB needed for one buffer; "
                "use a smaller input size or batch"
            ) from error
        offset = -flat.__array_interface__["data"][0] % ALIGNMENT // FLOAT
        return flat[offset : offset + count].reshape(shape)

    def blocked_shape(self, n: int, c: int, h: int, w: int) -> tuple[int, int, int, int, int]:
        """The shape of a blocked array that holds (n, c, h, w)."""
        block = self.ops.block
        return n, -(-c // block), h, w, block


def default_threads() -> int:
    """PYDARKNET_NUM_THREADS, else OMP_NUM_THREADS, else the processors this process may use."""
    for variable in ("PYDARKNET_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(variable, "").strip()
        if text.isdigit() and int(text) > 0:
            return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_isa() -> str:
    """The instruction set to use: PYDARKNET_ISA, else the best one the machine runs."""
    from . import _cpuid

    best: str = _cpuid.best()
    wanted = os.environ.get("PYDARKNET_ISA", best)
    if wanted not in ISAS:
        raise DeviceError(f"PYDARKNET_ISA={wanted}: expected one of {', '.join(ISAS)}")
    if ISAS.index(wanted) > ISAS.index(best):
        raise DeviceError(f"PYDARKNET_ISA={wanted}: this machine runs {best} at most")
    return wanted


@cache
def cpu_backend(isa: str | None = None) -> Backend:
    """The CPU backend for one instruction set (the best one by default). DeviceError if it was not built."""
    import numpy as np

    name = isa or cpu_isa()
    try:
        ops = importlib.import_module(f"pydarknet._cpu_{name}")
    except ImportError as error:
        raise DeviceError(
            f"the extension pydarknet._cpu_{name} can't be loaded ({error}); reinstall pydarknet, or in a "
            "checkout run `make build`. If another package named pydarknet is installed "
            "(yolo34py, for instance), uninstall it"
        ) from error
    ops.set_num_threads(default_threads())
    return Backend("cpu", name, np, ops)
