"""Every extension exports the same functions, whatever device it is for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytest

from pydarknet import _cpuid
from pydarknet.backends.base import cpu_isa
from pydarknet.backends.isas import runnable
from pydarknet.backends.ops import Ops

EXTENSIONS: list[Any] = [f"_cpu_{isa}" for isa in runnable(_cpuid.best())]
EXTENSIONS.append(pytest.param("_emu", marks=pytest.mark.emulator))
if importlib.util.find_spec("pydarknet._cuda"):
    EXTENSIONS.append("_cuda")


def exported(extension: str) -> dict[str, str]:
    """Names, with signature and meaning."""
    module = importlib.import_module(f"pydarknet.{extension}")
    texts = {name: getattr(module, name).__doc__ or "" for name in dir(module) if not name.startswith("_")}
    return {name: text.replace(f"pydarknet.{extension}.", "") for name, text in texts.items() if name != "block"}


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_all_export_the_same(extension: str) -> None:
    assert exported(extension) == exported(f"_cpu_{cpu_isa()}")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_all_that_the_type_promises_is_there(extension: str) -> None:
    promised = {name for name in vars(Ops) if not name.startswith("_")}
    assert promised <= set(exported(extension))
