"""Every extension exports the same functions, whatever device it is for; only what the CPU alone does is its own."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pydarknet import _cpuid
from pydarknet.backends import ops as types
from pydarknet.backends.base import cpu_isa
from pydarknet.backends.bf16_ops import Bf16Ops
from pydarknet.backends.device_ops import PRIMITIVES
from pydarknet.backends.int8_ops import ChecksumOps, Int8Ops, MatrixOps
from pydarknet.backends.isas import runnable
from pydarknet.backends.narrow_ops import NarrowOps
from pydarknet.backends.ops import Ops

EXTENSIONS: list[Any] = [f"_cpu_{isa}" for isa in runnable(_cpuid.best())]
EXTENSIONS.append(pytest.param("_emu", marks=pytest.mark.emulator))
if importlib.util.find_spec("pydarknet._cuda"):
    EXTENSIONS.append("_cuda")


CPU_ONLY = {
    name
    for types_ in (Bf16Ops, NarrowOps, Int8Ops, ChecksumOps, MatrixOps)
    for name in (*vars(types_), *vars(types_).get("__annotations__", ()))
    if not name.startswith("_")
}


def exported(extension: str) -> dict[str, str]:
    """Names, with signature and meaning."""
    module = importlib.import_module(f"pydarknet.{extension}")
    texts = {name: getattr(module, name).__doc__ or "" for name in dir(module) if not name.startswith("_")}
    return {name: text.replace(f"pydarknet.{extension}.", "") for name, text in texts.items() if name != "block"}


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_all_export_the_same(extension: str) -> None:
    of_cpu = exported(f"_cpu_{cpu_isa()}")
    assert of_cpu.keys() >= CPU_ONLY
    own = {} if extension.startswith("_cpu") else CPU_ONLY
    assert exported(extension) == {name: text for name, text in of_cpu.items() if name not in own}


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_all_objects_have_the_same_methods(extension: str, primitive: str) -> None:
    """Those that run on a stream are the ones that a device's ops put on its own."""
    made = getattr(importlib.import_module(f"pydarknet.{extension}"), primitive)
    public = {name for name in dir(made) if not name.startswith("_")}
    protocol = vars(getattr(types, inspect.signature(getattr(Ops, primitive)).return_annotation))
    promised = {*protocol, *protocol["__annotations__"]}
    assert public == {name for name in promised if not name.startswith("_")}
    streamed = {name for name in public if "stream: " in (getattr(made, name).__doc__ or "")}
    assert streamed == PRIMITIVES[primitive].keys()


@pytest.mark.slow
def test_stubs_are_what_the_extensions_have() -> None:
    """mypy's stubtest; what differs by the device has its type in `Ops`, which the tests around this one compare."""
    pytest.importorskip("mypy")
    stubs = [f"pydarknet.{path.stem}" for path in Path(types.__file__).parents[1].glob("*.pyi")]
    assert stubs
    root = Path(types.__file__).parents[2]
    command = [sys.executable, "-W", "ignore", "-m", "mypy.stubtest", "--mypy-config-file", "pyproject.toml", *stubs]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_all_that_the_type_promises_is_there(extension: str) -> None:
    promised = {name for name in vars(Ops) if not name.startswith("_")}
    assert promised <= set(exported(extension))
