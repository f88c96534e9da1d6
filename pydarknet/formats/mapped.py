"""Memory of mapped files."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


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
