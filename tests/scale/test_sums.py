"""Sums over ranks have the bits of one process, whoever comes first, and touch nothing before it is whole: by MPI and
by NCCL, with ranks that are threads here."""

from __future__ import annotations

import ctypes
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pydarknet.errors import DeviceError
from pydarknet.scale import mpi, nccl
from pydarknet.scale.mpi import World

SIZE = 1000
RNG = np.random.default_rng(5)
TERMS = [[RNG.standard_normal(SIZE).astype(np.float32) for _ in range(count)] for count in (1, 2, 1, 3, 2)]


class Wires:
    """What was sent and not yet received, by sender and receiver."""

    def __init__(self) -> None:
        self.queues: dict[tuple[Any, ...], SimpleQueue[Any]] = defaultdict(SimpleQueue)

    def broadcast(self, values: Any, root: int, rank: int, size: int) -> Any:
        """The root's values."""
        if rank == root:
            for other in range(size):
                self.queues["all", root, other].put(values)
        return self.queues["all", root, rank].get()


class Comm:
    """What `World` uses of MPI's communicator."""

    def __init__(self, wires: Wires, rank: int, size: int) -> None:
        self.wires, self.rank, self.size = wires, rank, size

    def Isend(self, values: np.ndarray, to: int) -> Any:  # noqa: N802
        self.wires.queues[self.rank, to].put(values.copy())
        return SimpleNamespace(Wait=bool)

    def Irecv(self, into: np.ndarray, source: int) -> Any:  # noqa: N802
        return SimpleNamespace(Wait=lambda: np.copyto(into, self.wires.queues[source, self.rank].get(timeout=20)))

    def Bcast(self, values: np.ndarray, root: int) -> None:  # noqa: N802
        values[...] = self.wires.broadcast(values.copy(), root, self.rank, self.size)


def by_threads(size: int, add: Callable[[int], np.ndarray]) -> list[np.ndarray]:
    with ThreadPoolExecutor(size) as threads:
        return list(threads.map(add, range(size)))


def expected(size: int) -> np.ndarray:
    """As one process adds them."""
    total = TERMS[0][0].copy()
    for term in [term for terms in TERMS[1:size] for term in terms]:
        total += term
    return total


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize(("piece", "group"), [(64, 3), (64, 100), (999, 1), (5000, 16)])
def test_sums_by_mpi(size: int, piece: int, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpi, "PIECE", piece)
    monkeypatch.setattr(mpi, "GROUP", group)
    wires = Wires()

    def add(rank: int) -> np.ndarray:
        world = object.__new__(World)
        world._comm = Comm(wires, rank, size)
        world._mpi = SimpleNamespace(Request=SimpleNamespace(Waitall=lambda requests: None))
        world.rank, world.size, world._received = rank, size, np.empty(0, np.float32)
        terms = [np.full_like(term, np.nan) for term in TERMS[rank]]
        whole = SIZE

        def wait(start: int) -> None:
            nonlocal whole
            for term, values in zip(terms, TERMS[rank], strict=True):
                term[start:whole] = values[start:whole]
            whole = start

        world.add(terms[-1], terms, SimpleNamespace(name="cpu"), wait)  # type: ignore[arg-type]
        return terms[-1]

    for found in by_threads(size, add):
        np.testing.assert_array_equal(found, expected(size))


class Card(np.ndarray):
    """An array as CuPy's: it has an address."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)


def on_card(values: np.ndarray) -> Card:
    return values.copy().view(Card)


def fake_cupy(wires: Wires) -> SimpleNamespace:
    """What `Devices` uses of CuPy: streams that are none, and NCCL's calls, which take addresses."""

    class Communicator:
        def __init__(self, size: int, identity: object, rank: int) -> None:
            assert identity == "identity"
            self.size, self.rank = size, rank

        def send(self, address: int, count: int, kind: int, to: int, stream: int) -> None:
            wires.queues[self.rank, to].put(self._read(address, count, kind))

        def recv(self, address: int, count: int, kind: int, source: int, stream: int) -> None:
            self._write(address, wires.queues[source, self.rank].get(timeout=20), count)

        def bcast(self, address: int, count: int, kind: int, root: int, stream: int) -> None:
            values = self._read(address, count, kind)
            self._write(address, wires.broadcast(values, root, self.rank, self.size), count)

        def _read(self, address: int, count: int, kind: int) -> bytes:
            assert kind == nccl.FLOAT
            return ctypes.string_at(address, 4 * count)

        def _write(self, address: int, values: bytes, count: int) -> None:
            assert len(values) == 4 * count
            ctypes.memmove(address, values, len(values))

    library = SimpleNamespace(get_unique_id=lambda: "identity", NcclCommunicator=Communicator, NcclError=RuntimeError)
    stream = SimpleNamespace(ptr=0)
    return SimpleNamespace(cuda=SimpleNamespace(nccl=library, get_current_stream=lambda: stream))


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("piece", [64, 5000])
def test_sums_by_nccl(size: int, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nccl, "PIECE", piece)
    cupy = fake_cupy(Wires())
    monkeypatch.setitem(sys.modules, "cupy", cupy)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "cupy.cuda", cupy.cuda)

    def add(rank: int) -> np.ndarray:
        devices = nccl.Devices(rank, size, lambda value: ["identity"] * size)
        terms = [on_card(term) for term in TERMS[rank]]
        devices.add(terms[-1], terms, SimpleNamespace(active=nullcontext))
        return terms[-1]

    for found in by_threads(size, add):
        np.testing.assert_array_equal(found, expected(size))


def test_nccl_that_can_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="needs CuPy with NCCL"):
        nccl.Devices(0, 2, lambda value: [value])
    cupy = fake_cupy(Wires())

    def refuse(*_: object) -> None:
        raise RuntimeError("NCCL_ERROR_INVALID_USAGE: invalid usage")

    cupy.cuda.nccl.NcclCommunicator = refuse
    monkeypatch.setitem(sys.modules, "cupy", cupy)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "cupy.cuda", cupy.cuda)
    with pytest.raises(DeviceError, match=r"can't join the GPUs of the ranks: NCCL_ERROR.*; each rank needs one"):
        nccl.Devices(0, 2, lambda value: [value])
