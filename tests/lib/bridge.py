"""Tests of ops are written for NumPy's arrays; this takes them to a device and back, around every call.

Whole buffers travel, with the guards before and after an array, and views of one buffer stay views of one buffer. So
a write outside an array, an array that is not C-contiguous, or one that is read-only, is found there as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydarknet.backends.device_ops import surround


class View:
    """What an op sees of an array: its interface, with the address on the device."""

    def __init__(self, interface: str, array: np.ndarray, address: int) -> None:
        here = array.__array_interface__
        described = {**here, "data": (address, here["data"][1]), "strides": array.strides, "version": 3}
        setattr(self, interface, described)


class Bridge:
    """An extension's ops for arrays of the host. `memory` copies a buffer to the device: `address`, `back()`."""

    def __init__(self, extension: Any, interface: str, memory: Callable[[np.ndarray], Any]) -> None:
        self._extension, self._interface, self._memory = extension, interface, memory

    def __dir__(self) -> list[str]:
        return dir(self._extension)

    def __getattr__(self, name: str) -> Any:
        return surround(self._extension, name, self._around)

    def _around(self, _: str, op: Callable[..., Any], made: Any) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            buffers: dict[int, Any] = {}
            there = [self._there(each, buffers) for each in args]
            named = {key: self._there(value, buffers) for key, value in options.items()}
            try:
                return op(*there, **named)
            finally:
                for buffer in buffers.values():
                    buffer.back()

        return call

    def _there(self, argument: Any, buffers: dict[int, Any]) -> Any:
        if isinstance(argument, tuple):
            return tuple(self._there(each, buffers) for each in argument)
        if not isinstance(argument, np.ndarray):
            return argument
        owner = argument
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        start = owner.__array_interface__["data"][0]
        if start not in buffers:
            buffers[start] = self._memory(owner)
        offset = argument.__array_interface__["data"][0] - start
        return View(self._interface, argument, buffers[start].address + offset)


class OnGpu:
    """A buffer's copy in CuPy's memory."""

    def __init__(self, owner: np.ndarray) -> None:
        import cupy

        self._owner = owner
        self._bytes = owner.nbytes
        self._memory = cupy.cuda.alloc(max(1, self._bytes))
        self.address = int(self._memory.ptr)
        self._memory.copy_from_host(owner.ctypes.data, self._bytes)

    def back(self) -> None:
        """Copy it back, unless nobody may write; waits for what runs."""
        if self._owner.flags.writeable:
            self._memory.copy_to_host(self._owner.ctypes.data, self._bytes)


class OnHost:
    """The same on the host, for the bridge's own test."""

    def __init__(self, owner: np.ndarray) -> None:
        self._owner, self._copy = owner, owner.copy(order="K")
        self.address = self._copy.__array_interface__["data"][0]

    def back(self) -> None:
        """Copy it back, unless nobody may write."""
        if self._owner.flags.writeable:
            self._owner[...] = self._copy
