"""Builds the kernels of this folder with the emulator, as setup.py builds those of the ops."""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMON = ["-std=c++17", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-DPYDARKNET_BLOCK=4",
          f"-I{ROOT}/csrc/emu/vocabulary", f"-I{ROOT}/csrc"]  # fmt: skip
KERNELS = ["-O2", "-g1", "-fno-strict-aliasing", "-fsanitize=thread,alignment", "-x", "c++"]


def sources() -> list[Path]:
    folder = ROOT / "csrc/emu/machine"
    machine = folder / f"fiber_{platform.machine()}.cpp"
    fiber = machine if machine.exists() else folder / "fiber_ucontext.cpp"
    return [fiber, *(p for p in sorted(folder.glob("*.cpp")) if not p.name.startswith("fiber_"))]


def build(kernels: Sequence[Path], folder: Path) -> ctypes.CDLL:
    """A library of the emulator and `kernels`, in `folder`."""
    compiler = shlex.split(os.environ.get("CXX", "g++"))

    def compiled(source: Path) -> Path:
        target = folder / (source.stem + ".o")
        flags = KERNELS if source.suffix == ".cu" else ["-O1"]
        subprocess.run([*compiler, *COMMON, *flags, "-c", str(source), "-o", str(target)], check=True)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, [*kernels, *sources()]))
    library = folder / "planted.so"
    subprocess.run([*compiler, "-shared", "-pthread", *map(str, objects), "-o", str(library), "-ldl"], check=True)
    return ctypes.CDLL(str(library))
