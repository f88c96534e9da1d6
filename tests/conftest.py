"""Fixtures of the op tests: every instruction set this machine runs, and arrays that notice stray writes."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from pydarknet import _cpuid
from pydarknet.backends.base import backend, cpu_backend
from pydarknet.backends.isas import ISAS, runnable
from pydarknet.backends.ops import Ops
from tests.lib.bridge import Bridge, OnGpu
from tests.lib.contents import Refused, survived
from tests.lib.guarded import Arrays

# A module that should be there but isn't makes its tests fail: they are never left out.
RUNNABLE = runnable(_cpuid.best())
THREADS = 2
# The CPU's instruction sets and the emulated GPU; "best" is the best of the former, "cuda" a real GPU, for who asks.
CHOSEN = os.environ.get("PYDARKNET_TEST_BACKENDS", "cpu,emu")
MEANT = {"cpu": RUNNABLE, "best": RUNNABLE[-1:]}
BACKENDS = [isa for name in CHOSEN.split(",") for isa in MEANT.get(name, [name])]
# Rooms whose every test is of a kind that `make quick` leaves out.
ROOMS = {"cuda": "slow", "emu": "emu", "fuzz": "slow", "native": "slow", "parity": "oracle"}


RAN_ON = "backend"
_ran: set[str] = set()


def _state(name: str) -> str:
    if name in ISAS and name not in RUNNABLE:
        return f"{name} not on this machine"
    try:
        importlib.import_module(f"pydarknet._cpu_{name}" if name in ISAS else f"pydarknet._{name}")
    except ImportError:
        return f"{name} MISSING, its tests fail"
    return f"{name} built"


def pytest_configure() -> None:
    # A shell starts background jobs with these ignored, and so would be the programs that the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    with suppress(ImportError):  # a machine for checks on a GPU needn't have it
        import hypothesis

        hypothesis.settings.register_profile("tests", deadline=None)  # a busy machine is no failure
        hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks that follow from a test's room or from the backend it runs on."""
    for item in items:
        if item.path.parent.name in ROOMS:
            item.add_marker(ROOMS[item.path.parent.name])
        callspec = getattr(item, "callspec", None)
        parameters = [] if callspec is None else callspec.params.values()
        if any(isinstance(each, str) and each == "emu" for each in parameters):
            item.add_marker("emu")


def pytest_report_header() -> str:
    return "backends: " + ", ".join(map(_state, dict.fromkeys([*ISAS, *BACKENDS])))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # Reports come from other processes too, where pytest-xdist runs the tests.
    _ran.update(str(value) for name, value in report.user_properties if name == RAN_ON)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    names = dict.fromkeys([*ISAS, *BACKENDS])
    ran = [f"{name} ran" if name in _ran else _state(name) + ", no test ran" for name in names]
    terminalreporter.write_line("backends: " + "; ".join(ran))


def _ops(name: str) -> Any:
    if name == "cuda":
        backend("cuda")  # what is missing is an error here
        return Bridge(importlib.import_module("pydarknet._cuda"), "__cuda_array_interface__", OnGpu)
    return importlib.import_module("pydarknet._emu") if name == "emu" else cpu_backend(name).ops


def _prepared(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The ops of a backend on two threads."""
    ops = _ops(request.param)
    request.node.user_properties.append((RAN_ON, request.param))
    threads = ops.num_threads()
    ops.set_num_threads(THREADS)
    yield ops
    ops.set_num_threads(threads)


@pytest.fixture(params=BACKENDS)
def ops(request: pytest.FixtureRequest) -> Iterator[Ops]:
    """The ops of each instruction set in turn; of the emulated GPU and of a real one if chosen."""
    yield from _prepared(request)


@pytest.fixture(params=[name for name in BACKENDS if name in RUNNABLE])
def cpu_ops(request: pytest.FixtureRequest) -> Iterator[Ops]:
    """Those of the CPU, for what devices don't have."""
    yield from _prepared(request)


@pytest.fixture(params=[name for name in BACKENDS if name not in RUNNABLE])
def device_ops(request: pytest.FixtureRequest) -> Iterator[Ops]:
    """Those of devices, for what the CPU doesn't have."""
    yield from _prepared(request)


@pytest.fixture
def refused(request: pytest.FixtureRequest, ops: Ops) -> Refused:
    """`with refused(message)`: a ValueError; with wrong contents (contents.py) only where they are read."""
    wrong_contents = request.node.get_closest_marker("contents") is not None

    def refused(message: str) -> AbstractContextManager[Any]:
        if wrong_contents and not ops.contents_readable:
            return survived(ops)
        return pytest.raises(ValueError, match=message)

    return refused


@pytest.fixture
def arrays(ops: Ops) -> Iterator[Arrays]:
    """Makes arrays for `ops`; afterwards fails if anything was written outside one of them."""
    arrays = Arrays(ops.block)
    yield arrays
    arrays.check()
