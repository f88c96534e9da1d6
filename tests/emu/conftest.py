"""The planted kernels, compiled once for all tests of the emulator."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from tests.emu.emulator import build

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return build([HERE / "planted.cu", HERE / "fragments.cu"], tmp_path_factory.mktemp("emu"))
