"""The CUDA backend: CuPy's arrays, the kernels of pydarknet._cuda, and what is missing where it can't be used."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DeviceError
from .base import Backend, Step, handed_out, sequence, usual_precision
from .device_ops import DeviceOps
from .ops import Array

DEVICE_MEMORY = (2, 13)  # of DLPack's kinds of devices: CUDA, CUDA managed
# Of the CUDA runtime.
NO_DEVICE, INSUFFICIENT_DRIVER = 100, 35
MEMORY_POOLS_SUPPORTED = 115  # an attribute of devices


@dataclass(frozen=True)
class CudaBackend(Backend):
    """Arrays on GPU `index`. Everything is ordered by CuPy's current stream of the calling thread, and nothing waits
    but `to_host` and `wait`."""

    index: int = 0

    def empty(self, shape: Sequence[int], dtype: str = "float32") -> Array:
        """An uninitialised array out of CuPy's memory pool. DeviceError if memory is out."""
        with self.active():
            try:
                return self.arrays.empty(tuple(shape), dtype=dtype)
            except self.arrays.cuda.memory.OutOfMemoryError as error:
                needed = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64)) / 2**20
                raise DeviceError(
                    f"{self.name}: out of memory: {needed:.0f} MiB needed for one buffer, "
                    f"{self.free_bytes() / 2**20:.0f} MiB are free; use a smaller input size or batch"
                ) from error

    def to_device(self, host: npt.NDArray[Any]) -> Array:
        """A copy on the GPU."""
        array = self.empty(host.shape, host.dtype.name)
        self.write(array, host)
        return array

    def to_host(self, array: Array) -> npt.NDArray[Any]:
        """A copy on the host; waits for it."""
        with self.active():
            host: npt.NDArray[Any] = array.get()
        return host

    def write(self, target: Array, source: Array) -> None:
        """Copy into an array on the GPU."""
        with self.active():
            if isinstance(source, np.ndarray):
                target.set(np.ascontiguousarray(source, dtype=target.dtype).reshape(target.shape))
            else:
                self.arrays.copyto(target, source)

    def given(self, x: Any) -> Array:
        """A user's array in float32. ValueError for one on another GPU, or on this one with other elements."""
        if not hasattr(x, "__dlpack_device__") or isinstance(x, np.ndarray):
            return super().given(x)
        kind, index = x.__dlpack_device__()
        if kind not in DEVICE_MEMORY:
            return super().given(x)
        if index != self.index:
            raise ValueError(f"the array is on GPU {index}, the network on {self.name}")
        with self.active():
            array = handed_out(self.arrays.from_dlpack, x)
        if array.dtype != "float32":
            raise ValueError(f"expected an array of float32, found {array.dtype}")
        return array

    def program(self, steps: Sequence[Step]) -> Step:
        """Recorded as a CUDA graph the second time it is run; PYDARKNET_CUDA_GRAPHS=0 turns that off.

        Never on a GPU without memory pools, where scratch memory can't be had while recording.
        """
        if os.environ.get("PYDARKNET_CUDA_GRAPHS", "1") == "0" or not self.has_pools():
            return sequence(steps)
        return Graph(self, sequence(steps)).run

    def has_pools(self) -> bool:
        """Whether the GPU has memory pools; some virtual ones have none."""
        return bool(self.arrays.cuda.runtime.deviceGetAttribute(MEMORY_POOLS_SUPPORTED, self.index))

    def wait(self) -> None:
        """Wait for the current stream."""
        with self.active():
            self.arrays.cuda.get_current_stream().synchronize()

    @property
    def stream(self) -> int:
        """The handle of CuPy's current stream."""
        with self.active():
            return int(self.arrays.cuda.get_current_stream().ptr)

    def capacity(self) -> int:
        """Bytes that can be had now: what others hold on a GPU is not paged out."""
        return self.free_bytes()

    def free_bytes(self) -> int:
        """Bytes free on the GPU and in CuPy's pool."""
        with self.active():
            free, _ = self.arrays.cuda.runtime.memGetInfo()
            return int(free) + int(self.arrays.get_default_memory_pool().free_bytes())

    def describe(self) -> str:
        """The GPU's name and capability."""
        with self.active():
            properties = self.arrays.cuda.runtime.getDeviceProperties(self.index)
        return f"{self.name} ({properties['name'].decode()}, {self.isa})"

    def active(self) -> Active:
        """Inside, the GPU is the current one."""
        return Active(self.arrays, self.index)


class Active:
    """A context in which GPU `index` is the calling thread's current one, and CUDA's errors are DeviceErrors."""

    def __init__(self, cupy: Any, index: int) -> None:
        self._cuda, self._index = cupy.cuda, index
        self._device = cupy.cuda.Device(index)

    def __enter__(self) -> None:
        try:
            self._device.__enter__()
        except self._cuda.runtime.CUDARuntimeError as error:  # the first time makes a context there
            raise self._failure(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._device.__exit__(kind, error, trace)
        if isinstance(error, self._cuda.runtime.CUDARuntimeError):
            raise self._failure(error) from error

    def _failure(self, error: BaseException) -> DeviceError:
        return DeviceError(f"cuda:{self._index}: {error}")


class Graph:
    """Steps run as they are the first time, which loads their kernels, then recorded, then launched as one."""

    def __init__(self, backend: CudaBackend, steps: Step) -> None:
        self._backend, self._steps = backend, steps
        self._warm = False
        self._graph: Any = None

    def run(self) -> None:
        """Take all steps on the current stream."""
        if not self._warm:
            self._steps()
            self._warm = True
            return
        with self._backend.active():
            if self._graph is None:
                self._graph = self._record()
            self._graph.launch()

    def _record(self) -> Any:
        cuda = self._backend.arrays.cuda
        stream = cuda.Stream(non_blocking=True)  # the default stream can't be recorded
        with stream:
            stream.begin_capture()
            try:
                self._steps()
            except Exception:
                self._abandon(stream)
                raise
            return stream.end_capture()

    def _abandon(self, stream: Any) -> None:
        """End a recording that failed, whose own error says more than this one's."""
        try:
            stream.end_capture()
        except self._backend.arrays.cuda.runtime.CUDARuntimeError:
            return


@cache
def cuda_backend(index: int = 0) -> CudaBackend:
    """The backend of GPU `index`. DeviceError that says what is missing."""
    extension, cupy = load_extension(), load_cupy()
    count = count_devices(cupy)
    if index >= count:
        raise DeviceError(
            f"there is no cuda:{index}: this machine has {count} GPU{'s' * (count != 1)}, from cuda:0 on"
        )
    with Active(cupy, index):
        capability = cupy.cuda.Device(index).compute_capability
    isa = f"compute capability {capability[:-1]}.{capability[-1]}"

    def stream() -> int:
        return int(cupy.cuda.get_current_stream().ptr)

    ops: Any = DeviceOps(extension, stream, lambda: Active(cupy, index))
    result = CudaBackend(f"cuda:{index}", isa, cupy, ops, usual_precision(extension), index)
    _try(result, capability)
    return result


def load_extension() -> Any:
    """pydarknet._cuda. DeviceError if it was not built, or can't be loaded."""
    try:
        return importlib.import_module("pydarknet._cuda")
    except ModuleNotFoundError as error:
        raise DeviceError(
            "pydarknet was built without CUDA; with nvcc installed, run `PYDARKNET_CUDA=1 pip install .`, or in a "
            "checkout `make GPU=1`"
        ) from error
    except ImportError as error:
        raise DeviceError(
            f"the extension pydarknet._cuda can't be loaded ({error}); install the CUDA runtime it was built with"
        ) from error


def load_cupy() -> Any:
    """CuPy. DeviceError if it is not there."""
    try:
        return importlib.import_module("cupy")
    except ModuleNotFoundError as error:
        raise DeviceError(
            "CuPy is not installed; run `pip install cupy-cuda13x` (or cupy-cuda12x, for the CUDA that your driver "
            "has), or install pydarknet[cuda]"
        ) from error
    except ImportError as error:
        raise DeviceError(f"CuPy can't be loaded ({error}); reinstall it") from error


def count_devices(cupy: Any) -> int:
    """How many GPUs there are. DeviceError if there is none, or no driver."""
    runtime = cupy.cuda.runtime
    try:
        count = int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        if error.status == INSUFFICIENT_DRIVER:
            raise DeviceError(f"there is no NVIDIA driver, or one too old for this CUDA ({error})") from error
        if error.status == NO_DEVICE:
            raise DeviceError(f"there is no NVIDIA GPU ({error})") from error
        raise DeviceError(f"CUDA can't be used: {error}") from error
    if not count:
        raise DeviceError("there is no NVIDIA GPU")
    return count


def _try(backend: CudaBackend, capability: str) -> None:
    """Run a kernel: an extension built for other GPUs fails here, not in the middle of a network."""
    try:
        backend.zeros((1,))
        backend.wait()
    except DeviceError as error:
        raise DeviceError(
            f"the kernels don't run on {backend.name}, of {backend.isa} ({error}); build pydarknet with "
            f"PYDARKNET_CUDA_ARCHS={capability}"
        ) from error
