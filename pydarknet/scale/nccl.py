"""NCCL through CuPy: sums over the GPUs of several ranks, which never leave them. One rank a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..backends.ops import Array
from ..errors import DeviceError

FLOAT = 7  # ncclFloat32
PIECE = 1 << 20  # numbers that go from GPU to GPU at a time


class Devices:
    """The GPUs of all ranks. DeviceError if NCCL can't be used."""

    def __init__(self, rank: int, size: int, gather: Callable[[Any], list[Any]]) -> None:
        try:
            import cupy
            from cupy.cuda import nccl
        except ImportError as error:
            raise DeviceError(f"training by several ranks on GPUs needs CuPy with NCCL ({error})") from error
        self._cupy, self.size, self.rank = cupy, size, rank
        identity = gather(nccl.get_unique_id() if rank == 0 else None)[0]
        try:
            self._comm = nccl.NcclCommunicator(size, identity, rank)
        except nccl.NcclError as error:
            raise DeviceError(f"NCCL can't join the GPUs of the ranks: {error}; each rank needs one") from error

    def add(self, into: Array, terms: Sequence[Array], backend: Any) -> None:
        """Add up the terms of all ranks in their order: a sum goes from rank to rank, then from the last to all."""
        with backend.active():
            self._add(into, terms)

    def _add(self, into: Array, terms: Sequence[Array]) -> None:
        stream, last = self._cupy.cuda.get_current_stream().ptr, self.size - 1
        for start in range(0, into.size, PIECE):
            cut = slice(start, min(start + PIECE, into.size))
            first, *others = [term[cut] for term in terms]
            total = first.copy()
            if self.rank:
                self._comm.recv(total.data.ptr, total.size, FLOAT, self.rank - 1, stream)
                others = [first, *others]
            for term in others:
                total += term
            if self.rank < last:
                self._comm.send(total.data.ptr, total.size, FLOAT, self.rank + 1, stream)
            else:
                into[cut] = total
        self._comm.bcast(into.data.ptr, into.size, FLOAT, last, stream)
