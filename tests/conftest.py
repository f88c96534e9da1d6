"""Fixtures of the op tests: every instruction set this machine runs, and arrays that notice stray writes."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator

import pytest
from guarded import Arrays

from pydarknet import _cpuid
from pydarknet.backend import ISAS, cpu_backend
from pydarknet.ops import Ops

# A module that should be there but isn't makes its tests fail: they are never left out.
RUNNABLE = ISAS[: ISAS.index(_cpuid.best()) + 1]
THREADS = 2
# Until every op has a kernel, only who asks gets the emulated ones.
EMULATED = ["emu"] if os.environ.get("PYDARKNET_TEST_EMU") else []


_ran: set[str] = set()


def _state(isa: str) -> str:
    if isa not in RUNNABLE:
        return f"{isa} not on this machine"
    try:
        importlib.import_module(f"pydarknet._cpu_{isa}")
    except ImportError:
        return f"{isa} MISSING, its tests fail"
    return f"{isa} built"


def pytest_configure() -> None:
    # A shell starts background jobs with SIGINT ignored, and so would be the programs that the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return "backends: " + ", ".join(_state(isa) for isa in ISAS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = [f"{isa} ran" if isa in _ran else _state(isa) + ", no test ran" for isa in ISAS]
    terminalreporter.write_line("backends: " + "; ".join(ran))


@pytest.fixture(params=[*RUNNABLE, *EMULATED])
def ops(request: pytest.FixtureRequest) -> Iterator[Ops]:
    """The ops of each instruction set in turn, on two threads, and of the emulated GPU."""
    emulated = request.param in EMULATED
    ops = importlib.import_module("pydarknet._emu") if emulated else cpu_backend(request.param).ops
    _ran.add(request.param)
    before = ops.num_threads()
    ops.set_num_threads(THREADS)
    yield ops
    ops.set_num_threads(before)


@pytest.fixture
def arrays(ops: Ops) -> Iterator[Arrays]:
    """Makes arrays for `ops`; afterwards fails if anything was written outside one of them."""
    arrays = Arrays(ops.block)
    yield arrays
    arrays.check()
