"""A machine with GPUs of paper."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pydarknet.backends import cuda
from tests.lib.fake_cupy import Machine


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """What `device="cuda"` finds: two GPUs."""
    machine = Machine(count=2)
    monkeypatch.setattr(cuda, "load_extension", lambda: machine.extension)
    monkeypatch.setattr(cuda, "load_cupy", lambda: machine.cupy)
    cuda.cuda_backend.cache_clear()
    yield machine
    cuda.cuda_backend.cache_clear()
