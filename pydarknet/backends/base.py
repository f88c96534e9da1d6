"""Backends: an array module and the extension whose ops work on its arrays. Nothing else knows numpy from cupy."""

from __future__ import annotations

import importlib
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from ..errors import DeviceError
from .device_ops import DeviceOps
from .isas import ISAS, runnable
from .machine import MAX_THREADS, default_threads, free_bytes, machine_bytes
from .ops import Array, Ops

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register
POISON = np.uint32(0x7FBADBAD)  # kPoison of csrc/emu/machine/memory.h
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
HOST_MEMORY = (1, 3)  # of DLPack's kinds of devices: CPU, CPU pinned for CUDA

Step = Callable[[], None]


@dataclass(frozen=True)
class Backend:
    """`name` ("cpu", "emu", "cuda:0"), `isa` of its ops, `arrays` (the array module), `ops` (the extension), and the
    `precision` that a network's convolutions may round their factors to (on the CPU at least their weights).

    The arrays of this class lie in the machine's memory, so that its transfers copy nothing; `cuda.CudaBackend`
    has the others.
    """

    name: str
    isa: str
    arrays: Any
    ops: Ops
    precision: str = "fp32"

    def empty(self, shape: Sequence[int], dtype: str = "float32") -> Array:
        """An uninitialised array that starts on a cache line. DeviceError if memory is out."""
        return aligned(shape, dtype)

    def zeros(self, shape: Sequence[int]) -> Array:
        """A float32 array full of 0."""
        array = self.empty(shape)
        self.ops.fill(array, 0.0)
        return array

    def to_device(self, host: npt.NDArray[Any]) -> Array:
        """An array of this backend with the contents of a NumPy array: here the very same."""
        return host

    def to_host(self, array: Array) -> npt.NDArray[Any]:
        """A NumPy array with the contents of one of this backend: here the very same."""
        host: npt.NDArray[Any] = array
        return host

    def write(self, target: Array, source: Array) -> None:
        """Copy into an array of this backend, from another one or from a NumPy array of the same shape."""
        target[...] = source

    def copy(self, array: Array) -> Array:
        """Another float32 array of this backend with the same contents."""
        result = self.empty(array.shape)
        self.write(result, array)
        return result

    def array(self, values: Any, dtype: str) -> Array:
        """An array of this backend with the contents of anything NumPy takes."""
        return self.to_device(np.asarray(values, dtype=dtype))

    def given(self, x: Any) -> Array:
        """A user's array in float32: as NumPy's, or as this backend's if it is on its device already.

        Anything that NumPy or DLPack takes. ValueError for an array on another device, or one whose library doesn't
        hand it out (PyTorch's with a gradient).
        """
        if hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray):
            x = self._from_dlpack(x)
        return np.asarray(x, dtype=np.float32)

    def program(self, steps: Sequence[Step]) -> Step:
        """The steps as one function, for steps that do the same to the same memory whenever they are run."""
        return sequence(steps)

    def with_precision(self, name: str) -> Backend:
        """The same device with another precision. DeviceError if the backend doesn't offer it."""
        if name not in PRECISIONS:
            raise DeviceError(f"precision {name!r}: expected one of {', '.join(PRECISIONS)}")
        if name not in self.ops.precisions:
            raise DeviceError(f"precision {name!r}: {self.name} has {', '.join(self.ops.precisions)}")
        return replace(self, precision=name)

    @property
    def trains_in(self) -> tuple[str, ...]:
        """Precisions that gradients have."""
        return ("fp32", "bf16") if self.name == "cpu" else self.ops.precisions

    def wait(self) -> None:
        """Wait until everything has been computed."""

    @property
    def stream(self) -> int:
        """What calls are ordered by: the handle of the calling thread's stream."""
        return 0

    def capacity(self) -> int:
        """Bytes that a plan may have at most: physical memory, whatever else runs."""
        return machine_bytes()

    def free_bytes(self) -> int:
        """Bytes that can be had now."""
        return free_bytes()

    def describe(self) -> str:
        """What runs, in words."""
        threads = self.ops.num_threads()
        return f"{self.name} {self.isa}, {threads} thread{'s' * (threads != 1)}"

    def blocked_shape(self, n: int, c: int, h: int, w: int) -> tuple[int, int, int, int, int]:
        """The shape of a blocked array that holds (n, c, h, w); a block has as many channels whatever the dtype."""
        block = self.ops.block
        return n, -(-c // block), h, w, block

    def _from_dlpack(self, x: Any) -> Array:
        kind, _ = x.__dlpack_device__()
        if kind not in HOST_MEMORY:
            raise ValueError(
                f"the array is on a device, the network on {self.name}; bring the array to the host, or make the "
                'network with device="cuda"'
            )
        return handed_out(np.from_dlpack, x)


def handed_out(from_dlpack: Callable[[Any], Array], x: Any) -> Array:
    """What a library's `from_dlpack` makes of another one's array. ValueError if that refuses."""
    try:
        return from_dlpack(x)
    except BufferError as error:
        raise ValueError(f"the array can't be taken by DLPack: {error}") from error


def aligned(shape: Sequence[int], dtype: str = "float32") -> npt.NDArray[Any]:
    """An uninitialised NumPy array that starts on a cache line. DeviceError if memory is out."""
    count, size = math.prod(shape), np.dtype(dtype).itemsize
    try:
        flat: npt.NDArray[Any] = np.empty(count + ALIGNMENT // size, dtype=dtype)
    except MemoryError as error:
        raise DeviceError(
            f"out of memory: {count * size / 2**20:.0f} MiB needed for one buffer; use a smaller input size or batch"
        ) from error
    offset = -flat.__array_interface__["data"][0] % ALIGNMENT // size
    return flat[offset : offset + count].reshape(shape)


def sequence(steps: Sequence[Step]) -> Step:
    """One function that takes all steps."""

    def run() -> None:
        for step in steps:
            step()

    return run


def cpu_isa() -> str:
    """The instruction set to use: PYDARKNET_ISA, else the best one the machine runs of those that were built."""
    best: str = importlib.import_module("pydarknet._cpuid").best()
    built = (isa for isa in reversed(runnable(best)) if find_spec(f"pydarknet._cpu_{isa}"))
    wanted = os.environ.get("PYDARKNET_ISA") or next(built, best)
    if wanted not in ISAS:
        raise DeviceError(f"PYDARKNET_ISA={wanted}: expected one of {', '.join(ISAS)}")
    if wanted not in runnable(best):
        raise DeviceError(f"PYDARKNET_ISA={wanted}: this machine runs {best} at most")
    return wanted


def multiplier() -> str:
    """What multiplies pairs of BF16, and bytes: PYDARKNET_AMX, 0 or 1, says whether AMX may, where there is one."""
    wanted = os.environ.get("PYDARKNET_AMX", "").strip() or "1"
    if wanted not in ("0", "1"):
        raise DeviceError(f"PYDARKNET_AMX={wanted[:40]}: expected 0 or 1")
    return "amx" if wanted == "1" else "vectors"


def set_threads(count: int) -> None:
    """How many threads the CPU's ops use from now on. ValueError for a number that is none."""
    if not isinstance(count, SupportsIndex) or not 1 <= count <= MAX_THREADS:
        raise ValueError(f"threads={count!r}: expected a number from 1 to {MAX_THREADS}")
    cpu_backend().ops.set_num_threads(count)


@cache
def cpu_backend(isa: str | None = None) -> Backend:
    """The CPU backend for one instruction set (the best one by default). DeviceError if it was not built."""
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
    ops.use_matrices(multiplier())
    return Backend("cpu", name, np, ops)


class EmulatedBackend(Backend):
    """Fresh arrays hold a NaN that nothing computes, and the emulator reports any read of it."""

    def empty(self, shape: Sequence[int], dtype: str = "float32") -> Array:
        """An array without values. DeviceError if memory is out."""
        array = super().empty(shape, dtype)
        memory = array.reshape(-1).view(np.uint8)
        memory[: memory.size // POISON.itemsize * POISON.itemsize].view(np.uint32)[...] = POISON
        return array


@cache
def emu_backend() -> Backend:
    """CUDA's kernels on emulated threads, for tests: slow, and strict. DeviceError if it was not built."""
    try:
        ops = importlib.import_module("pydarknet._emu")
    except ImportError as error:
        raise DeviceError(
            f"the emulator pydarknet._emu can't be loaded ({error}); build it by "
            "`PYDARKNET_EMU=1 pip install .`, or in a checkout by `make build`"
        ) from error
    return EmulatedBackend("emu", "of CUDA", np, DeviceOps(ops), usual_precision(ops))


def usual_precision(ops: Ops) -> str:
    """Of a device's networks that ask for none: TF32, as in other programs."""
    return "tf32" if "tf32" in ops.precisions else "fp32"


def backend(device: str) -> Backend:
    """The backend of a device: "cpu", "emu", "cuda" or "cuda:N". DeviceError if it can't be used."""
    kind, index = parse_device(device)
    if kind == "cuda":
        from .cuda import cuda_backend

        return cuda_backend(index)
    return emu_backend() if kind == "emu" else cpu_backend()


def choose(device: str) -> tuple[Backend, str | None]:
    """The backend of a device, which may be "auto" or "auto:N" too: the GPU, else the CPU and the reason for it."""
    kind, index = parse_device(device)
    if kind != "auto":
        return backend(device), None
    try:
        return backend(f"cuda:{index}"), None
    except DeviceError as error:
        return cpu_backend(), f"device {device}: running on the CPU, since {error}"


def parse_device(device: str) -> tuple[str, int]:
    """The kind and the number of a device. DeviceError for anything else."""
    device = str(device)  # of anything that calls itself so, as PyTorch's devices do
    if re.fullmatch(r"[0-9]{1,4}", device):  # as Ultralytics has it
        return "cuda", int(device)
    match = re.fullmatch(r"(cpu|emu)|(cuda|auto)(?::([0-9]{1,4}))?", device)
    if match is None:
        raise DeviceError(f"device {device!r}: expected cpu, cuda, cuda:N, auto or emu")
    return match[1] or match[2], int(match[3] or 0)
