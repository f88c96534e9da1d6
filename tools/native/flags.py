"""What the compilers are told."""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from pathlib import Path

import pybind11

ROOT = Path(__file__).resolve().parents[2]
STRICT = os.environ.get("PYDARKNET_WERROR", "1") != "0"
COMMON = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-fPIC", "-pthread",
          "-Wall", "-Wextra", *(["-Werror"] if STRICT else [])]  # fmt: skip
# Bindings check and hand on: nothing in them is hot, and optimising pybind11's templates takes a quarter longer.
BINDINGS = ["-O1"]
# Kernels under the emulator: every access to memory becomes a call of csrc/emu/machine/hooks.cpp.
EMU_KERNELS = ["-O2", "-g1", "-ffp-contract=off", "-fno-strict-aliasing", "-Wno-unknown-pragmas",
               "-fsanitize=thread,alignment"]  # fmt: skip
CUDA_KERNELS = ["-std=c++17", "-O3", "-cudart=shared", "--expt-relaxed-constexpr",
                *(["-Werror=all-warnings"] if STRICT else []),
                "-Xcompiler=-fPIC,-fvisibility=hidden", "-lineinfo"]  # fmt: skip

COMPILER = shlex.split(os.environ.get("CXX", "g++"))
EXTRA = shlex.split(os.environ.get("PYDARKNET_CXXFLAGS", ""))
STRIP = [] if EXTRA else ["-Wl,-s"]
CPU = f"-I{ROOT / 'csrc/cpu/shim'}"  # one of these three folders comes first on the include path of every source


def pybind11_headers() -> Path:
    """A copy of pybind11's headers. An isolated build has them in another folder each time, others in their
    environment: where they stay, the next build of either kind compiles only what changed."""
    kept = ROOT / "build" / f"pybind11-{pybind11.__version__}"
    if not kept.is_dir():
        part = kept.with_suffix(".part")
        shutil.copytree(pybind11.get_include(), part, dirs_exist_ok=True)
        part.rename(kept)
    return kept


INCLUDES = [f"-I{ROOT / 'csrc'}", f"-isystem{pybind11_headers()}", f"-isystem{sysconfig.get_path('include')}"]
