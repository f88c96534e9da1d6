"""What setup.py finds: nvcc, wherever it is installed."""

from __future__ import annotations

import runpy
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import setuptools

SETUP = Path(__file__).resolve().parent.parent / "setup.py"
FILES = ("bin/nvcc", "lib/libcudart.so.13", "include/cuda_runtime.h")


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions of setup.py, on a machine without nvcc."""
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    monkeypatch.setenv("PYDARKNET_CUDA", "0")
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", "")
    return runpy.run_path(str(SETUP))


def install(folder: Path) -> Path:
    """The files that nvidia-cuda-nvcc and nvidia-cuda-runtime put into an environment's site-packages."""
    home = folder / "nvidia" / "cu13"
    for name in FILES:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    return home


@pytest.mark.parametrize("where", ["path", "prefix"])
def test_pypis_nvcc(where: str, setup: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the path, or where an isolated build doesn't look: the packages of the environment it builds for."""
    home = install(tmp_path)
    if where == "path":
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
    else:
        monkeypatch.setattr(sys, "path", [])
        monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    found = dict(setup["toolkits"]())
    assert found[home / "bin/nvcc"][0] == home
    assert setup["runtimes"](found[home / "bin/nvcc"])[0] == home / "lib/libcudart.so.13"


def test_an_nvcc_of_ones_own_comes_first(
    setup: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    own = install(tmp_path / "own")
    monkeypatch.setenv("CUDA_HOME", str(own))
    assert next(setup["toolkits"]())[0] == own / "bin/nvcc"
