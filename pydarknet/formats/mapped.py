"""Memory of mapped files."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import WeightsError


def map_file(name: str, what: str, expected: str) -> npt.NDArray[np.uint8]:
    """The bytes of a file that should hold `what`. WeightsError if it can't be read, or is empty."""
    try:
        with open(name, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise WeightsError(f"{name}: is empty; expected {expected}")
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:
        raise unreadable(name, what, error) from error


def unreadable(name: str, what: str, error: Exception) -> WeightsError:
    """The error for a file that the system doesn't give."""
    return WeightsError(f"{name}: can't read {what}: {getattr(error, 'strerror', None) or error}")


def release(array: npt.NDArray[Any]) -> None:
    """Give the memory of a contiguous view on a mapped file back to the system; the next look reads it again.

    Does nothing for other arrays, and where the system has no madvise.
    """
    owner: Any = array
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if not isinstance(owner, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    if not array.size or not array.flags.c_contiguous:
        return
    start = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    before = start % mmap.PAGESIZE
    owner.madvise(mmap.MADV_DONTNEED, start - before, array.nbytes + before)
