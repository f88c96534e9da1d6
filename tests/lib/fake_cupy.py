"""A CUDA machine without a GPU: arrays that no NumPy function can read, a CuPy that has what the backend uses of it,
the ops of the CPU or of the emulator as the extension. Every transfer, wait and allocation is counted; a hidden one
is an error, and so is what CUDA forbids while a stream is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from pydarknet.backends.base import cpu_backend
from pydarknet.backends.device_ops import surround

# The handle of the current stream is none that CUDA's default streams have: what was started on those shows.
DEFAULT_STREAM, FREE, TOTAL = 7, 1 << 30, 2 << 30
UNSUPPORTED = 900, "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"


class RuntimeFailureError(RuntimeError):
    """As CuPy's CUDARuntimeError."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class OutOfMemoryError(MemoryError):
    """As CuPy's OutOfMemoryError."""


class Sealed:
    """An array of the device: its shape can be read, its numbers can't. As with CuPy's, an implicit copy raises."""

    def __init__(self, machine: Machine, hidden: np.ndarray, index: int) -> None:
        self._machine, self._hidden, self._index = machine, hidden, index

    shape = property(lambda self: self._hidden.shape)
    size = property(lambda self: self._hidden.size)
    nbytes = property(lambda self: self._hidden.nbytes)
    ndim = property(lambda self: self._hidden.ndim)
    dtype = property(lambda self: self._hidden.dtype)

    def __len__(self) -> int:
        return len(self._hidden)

    def __getitem__(self, key: Any) -> Sealed:
        return Sealed(self._machine, self._hidden[key], self._index)

    def reshape(self, *shape: Any) -> Sealed:
        return Sealed(self._machine, self._hidden.reshape(*shape), self._index)

    def view(self, dtype: str) -> Sealed:
        return Sealed(self._machine, self._hidden.view(dtype), self._index)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __bool__(self) -> bool:
        raise TypeError("the truth of an array of the device is a copy and a wait")

    def __eq__(self, _: object) -> Any:
        raise TypeError("a comparison with an array of the device is a kernel of CuPy's")

    __hash__ = None  # type: ignore[assignment]

    def set(self, host: np.ndarray) -> None:
        assert host.dtype == self.dtype
        assert host.shape == self.shape
        self._machine.transfer("in", host.nbytes)
        self._hidden[...] = host

    def get(self) -> np.ndarray:
        self._machine.transfer("out", self._hidden.nbytes)
        self._machine.counts["waits"] += 1
        return self._hidden.copy()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._index

    def __dlpack__(self, *, stream: int, **_: Any) -> Sealed:
        """In place of a capsule the array itself, which nothing but the fake CuPy can read."""
        return self


class Machine:
    """`count` GPUs; `cupy` and `extension` are the modules, the latter with `ops` (default: the CPU's).

    `transfers` grows by (direction, bytes), `counts` by "waits", "allocations" and "questions" to the driver.
    `waited` is how often the ops themselves have waited.
    """

    def __init__(self, count: int = 1, ops: Any = None, waited: Callable[[], int] = int) -> None:
        self.count, self.ops, self.waited = count, ops or cpu_backend().ops, waited
        self.transfers: list[tuple[str, int]] = []
        self.counts: Counter[str] = Counter()
        self.launches = 0  # of recorded graphs
        self.index = -1  # of the current GPU; -1: none was chosen
        self.stream = DEFAULT_STREAM
        self.recorded: list[Callable[[], None]] | None = None
        self.free = FREE
        self.pools = True  # of memory
        self.extension = Extension(self)
        self.cupy = SimpleNamespace(
            empty=self.empty, copyto=self.copyto, from_dlpack=self.from_dlpack, cuda=self._cuda(),
            get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 0),
        )  # fmt: skip

    def empty(self, shape: tuple[int, ...], dtype: str) -> Sealed:
        assert self.index >= 0, "allocated on no GPU in particular"
        self.not_while_recorded()
        self.counts["allocations"] += 1
        array = np.full(shape, 77, dtype)
        if array.nbytes > self.free:
            raise OutOfMemoryError(f"Out of memory allocating {array.nbytes} bytes")
        return Sealed(self, array, self.index)

    def from_dlpack(self, x: Any) -> Sealed:
        """Its producer is told the stream that will read the array, as the protocol wants it."""
        assert self.index >= 0, "taken on no GPU in particular"
        array: Sealed = x.__dlpack__(stream=self.stream)
        return array

    def copyto(self, target: Sealed, source: Sealed) -> None:
        assert isinstance(source, Sealed)
        assert target.shape == source.shape
        self.do(lambda: np.copyto(target._hidden, source._hidden))

    def transfer(self, direction: str, size: int) -> None:
        assert self.index >= 0
        self.not_while_recorded()
        self.transfers.append((direction, size))

    def not_while_recorded(self) -> None:
        if self.recorded is not None:
            raise RuntimeFailureError(*UNSUPPORTED)

    def wait(self) -> None:
        self.not_while_recorded()
        self.counts["waits"] += 1

    def memory(self) -> tuple[int, int]:
        self.counts["questions"] += 1
        return self.free, TOTAL

    def do(self, work: Callable[[], Any]) -> Any:
        """Now, or when the graph that is recorded is launched."""
        if self.recorded is None:
            return work()
        self.recorded.append(work)
        return None

    def taken(self) -> list[tuple[str, int]]:
        """The transfers since the last call."""
        taken, self.transfers = self.transfers, []
        return taken

    @contextmanager
    def device(self, index: int) -> Iterator[None]:
        before, self.index = self.index, index
        yield
        self.index = before

    def _cuda(self) -> SimpleNamespace:
        machine = self

        class Device:
            compute_capability = "90"

            def __init__(self, index: int) -> None:
                self._context = machine.device(index)

            def __enter__(self) -> None:
                self._context.__enter__()

            def __exit__(self, *error: Any) -> None:
                self._context.__exit__(None, None, None)

        runtime = SimpleNamespace(
            CUDARuntimeError=RuntimeFailureError,
            getDeviceCount=lambda: self.count,
            memGetInfo=self.memory,
            deviceGetAttribute=lambda attribute, index: int(self.pools),
            getDeviceProperties=lambda index: {"name": b"NVIDIA Paper"},
        )
        return SimpleNamespace(
            Device=Device,
            runtime=runtime,
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            get_current_stream=lambda: SimpleNamespace(ptr=self.stream, synchronize=self.wait),
            Stream=lambda non_blocking: Stream(self),
        )


class Stream:
    """A stream that can be recorded."""

    ptr = 8

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __enter__(self) -> None:
        self._machine.stream = self.ptr

    def __exit__(self, *_: Any) -> None:
        self._machine.stream = DEFAULT_STREAM

    def begin_capture(self) -> None:
        self._machine.recorded = []

    def end_capture(self) -> SimpleNamespace:
        work, self._machine.recorded = self._machine.recorded, None

        def launch() -> None:
            self._machine.launches += 1
            before = self._machine.waited()
            for each in work or []:
                each()
            if self._machine.waited() != before:  # which CUDA says while it records
                raise RuntimeFailureError(*UNSUPPORTED)

        return SimpleNamespace(launch=launch)


class Extension:
    """The machine's ops, for sealed arrays only, on the current stream only."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __getattr__(self, name: str) -> Any:
        return surround(self._machine.ops, name, self.checked)

    def checked(self, name: str, op: Callable[..., Any], _: Any) -> Callable[..., Any]:
        def call(*args: Any, stream: int, **options: Any) -> Any:
            machine = self._machine
            assert machine.index >= 0, f"{name} on no GPU in particular"
            assert stream == machine.stream, f"{name} on another stream"
            opened = [_opened(each) for each in args]
            named = {key: _opened(value) for key, value in options.items()}
            return machine.do(lambda: op(*opened, stream=stream, **named))

        return call


def _opened(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        raise TypeError("an array of the host among the arguments of a device's op")
    if isinstance(argument, tuple):
        return tuple(map(_opened, argument))
    return argument._hidden if isinstance(argument, Sealed) else argument
