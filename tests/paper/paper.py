"""The machine of fake_cupy.py with what the tests' bridge and the benchmarks ask for besides: raw memory, events,
attributes. Its kernels run on the emulator, which finds what a GPU would not tell."""

from __future__ import annotations

import ctypes
import importlib
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from pydarknet.backends.device_ops import PRIMITIVES, STREAMED, surround
from tests.lib.fake_cupy import Extension, Machine, Sealed, Stream

# An H200's.
ATTRIBUTES = {"MultiProcessorCount": 132, "ClockRate": 1980000, "MemoryClockRate": 3201000,
              "GlobalMemoryBusWidth": 6144}  # fmt: skip


class Raw:
    """Memory of the device, with an address."""

    def __init__(self, size: int) -> None:
        self._buffer = np.empty(size + 16, np.uint8)
        self.ptr = self._buffer.ctypes.data + -self._buffer.ctypes.data % 16

    def copy_from_host(self, host: int, size: int) -> None:
        ctypes.memmove(self.ptr, host, size)

    def copy_to_host(self, host: int, size: int) -> None:
        ctypes.memmove(host, self.ptr, size)


class Event:
    """A time, once it is recorded."""

    def record(self, _: Any = None) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        """Everything has happened already."""


class Opened:
    """An array by its address, for the emulator."""

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__array_interface__ = interface


class PaperExtension(ModuleType):
    """pydarknet._cuda: takes this machine's arrays, and anything with the interface of CUDA's arrays."""

    def __init__(self, machine: Machine) -> None:
        super().__init__("pydarknet._cuda", machine.ops.__doc__)
        self._machine, self._sealed = machine, Extension(machine)

    def __dir__(self) -> list[str]:
        return dir(self._machine.ops)

    def __getattr__(self, name: str) -> Any:
        op = getattr(self._machine.ops, name)
        if name not in STREAMED | PRIMITIVES.keys():
            return op
        call = surround(self._machine.ops, name, self._either)
        call.__doc__ = op.__doc__.replace("pydarknet._emu.", "pydarknet._cuda.")
        methods = {each: getattr(op, each) for each in dir(op) if not each.startswith("_")}
        vars(call).update(methods)
        return call

    def _either(self, name: str, op: Callable[..., Any], made: Any) -> Callable[..., Any]:
        sealed = self._sealed.checked(name, op, made)

        def call(*args: Any, **options: Any) -> Any:
            if any(isinstance(each, Sealed) for each in _flat([*args, *options.values()])):
                return sealed(*args, **options)
            return op(*map(opened, args), **{key: opened(value) for key, value in options.items()})

        return call


def _flat(arguments: list[Any]) -> list[Any]:
    return [part for each in arguments for part in (each if isinstance(each, tuple) else [each])]


def opened(argument: Any) -> Any:
    """What the emulator takes in its place."""
    if isinstance(argument, tuple):
        return tuple(map(opened, argument))
    if isinstance(argument, np.ndarray):
        raise TypeError("an array of the host among the arguments of a device's op")
    interface = getattr(argument, "__cuda_array_interface__", None)
    return argument if interface is None else Opened(interface)


def make() -> tuple[ModuleType, PaperExtension]:
    """CuPy, and the extension."""
    machine = Machine(ops=importlib.import_module("pydarknet._emu"))
    machine.free = 64 << 20  # the emulator would take minutes to fill more
    device = machine.cupy.cuda.Device
    device.attributes = ATTRIBUTES
    cuda = machine.cupy.cuda
    cuda.alloc, cuda.Event, cuda.set_allocator = Raw, Event, lambda _: None
    cuda.get_elapsed_time = lambda begin, end: (end.time - begin.time) * 1e3
    pool = SimpleNamespace(free_bytes=lambda: 0, malloc=Raw)
    module = ModuleType("cupy")
    vars(module).update(vars(machine.cupy), get_default_memory_pool=lambda: pool, __version__="paper")
    Stream.synchronize = lambda self: machine.wait()  # type: ignore[attr-defined]
    return module, PaperExtension(machine)


cupy, extension = make()
