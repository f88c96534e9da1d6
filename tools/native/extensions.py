"""The extensions: their sources, and a compiler command for each kind of source."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path

from setuptools import Extension

from .flags import BINDINGS, COMMON, COMPILER, CPU, CUDA_KERNELS, EMU_KERNELS, EXTRA, INCLUDES, ROOT, STRIP
from .isas import chosen_isas, settings
from .toolkit import cuda_archs, has_gpu, runtimes, toolkits

EMU_FIBER = "csrc/emu/machine/fiber_ucontext.cpp"  # on other processors


def sources(*patterns: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern))


def common_sources(interface: str) -> list[str]:
    """Everything but the ops: the bindings with the one interface of this build, and what all builds share. What only
    the CPU has is bound in a folder of its own."""
    found = sources("csrc/shared/*.cpp", "csrc/bindings/*.cpp", "csrc/bindings/lib/*.cpp")
    own = sources(f"csrc/bindings/{interface}/*.cpp")
    return [s for s in found if not Path(s).name.startswith("interface_")] + [
        f"csrc/bindings/lib/interface_{interface}.cpp", *own,
    ]  # fmt: skip


class Native(Extension):
    """An extension with a compiler command for each kind of source, and what the linker needs besides."""

    def __init__(
        self, module: str, files: list[str], block: int, flags: list[str], cuda: list[str] | None = None,
        link: list[str] | None = None,
    ) -> None:  # fmt: skip
        macros = [("PYDARKNET_BLOCK", str(block)), ("PYDARKNET_MODULE", module)]
        super().__init__(f"pydarknet.{module}", files, define_macros=macros)
        defines = [f"-D{name}={value}" for name, value in macros]
        start, end = [*COMPILER, *COMMON, *flags], [*defines, *INCLUDES, *EXTRA]
        self.commands = {
            ".cpp": [*start, *end], ".cu": [*(cuda or []), *defines], "bindings": [*start, *BINDINGS, *end],
        }  # fmt: skip
        self.link = link or []


def cpu_extension(isa: str) -> Native:
    block, flags = settings(isa)
    return Native(
        f"_cpu_{isa}", sources("csrc/cpu/**/*.cpp") + common_sources("cpu"), block, [CPU, *flags], link=STRIP
    )


def emu_extension() -> Native:
    machine = platform.machine().lower().replace("amd64", "x86_64")
    fiber = f"csrc/emu/machine/fiber_{machine}.cpp"
    others = set(sources("csrc/emu/machine/fiber_*.cpp")) - {fiber if Path(fiber).exists() else EMU_FIBER}
    emulator = [s for s in sources("csrc/emu/machine/*.cpp") if s not in others]
    kernels = [*COMPILER, *COMMON, *EMU_KERNELS, f"-I{ROOT / 'csrc/emu/vocabulary'}", *INCLUDES, *EXTRA, "-x", "c++"]
    files = sources("csrc/cuda/**/*.cu") + emulator + common_sources("emu")
    return Native("_emu", files, 4, [f"-I{ROOT / 'csrc/emu/vocabulary'}", "-ffp-contract=off"], kernels)


def cuda_extension(nvcc: Path, roots: list[Path]) -> Native:
    includes = [f"-I{r / 'include'}" for r in roots if (r / "include").is_dir()]
    runtime = runtimes(roots)[0]
    archs = cuda_archs(nvcc)
    code = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in archs]
    code.append(f"-gencode=arch=compute_{archs[-1]},code=compute_{archs[-1]}")
    kernels = [str(nvcc), *CUDA_KERNELS, *code, f"-I{ROOT / 'csrc/cuda/shim'}", f"-I{ROOT / 'csrc'}", *includes]
    link = [str(runtime), f"-Wl,-rpath,{runtime.parent}", *STRIP]
    files = sources("csrc/cuda/**/*.cu") + common_sources("cuda")
    return Native("_cuda", files, 4, [CPU], kernels, link)


def prebuilt(module: str) -> Path | None:
    """The file of an extension that was brought along for this Python."""
    folder = os.environ.get("PYDARKNET_PREBUILT")
    if not folder:
        return None
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if not any(Path(folder).glob(f"*{suffix}")):
        raise SystemExit(f"PYDARKNET_PREBUILT={folder}: there is no extension for this Python, *{suffix}")
    file = Path(folder) / f"{module}{suffix}"
    return file if file.exists() else None


def extensions() -> list[Extension]:
    found: list[Extension] = [Native("_cpuid", ["csrc/cpuid/cpuid.cpp"], 1, [], link=STRIP)]
    found += [cpu_extension(isa) for isa in chosen_isas()]
    if os.environ.get("PYDARKNET_EMU", "0") == "1":
        found.append(emu_extension())
    wanted = os.environ.get("PYDARKNET_CUDA", "")
    if wanted != "0" and prebuilt("_cuda"):
        return [*found, Native("_cuda", [], 4, [])]
    there = list(toolkits()) if wanted != "0" else []
    complete = [(nvcc, roots) for nvcc, roots in there if runtimes(roots)]
    if wanted == "1" and not complete:
        raise SystemExit(
            "PYDARKNET_CUDA=1, but there is no nvcc with libcudart.so: set CUDA_HOME, or pip install "
            "nvidia-cuda-nvcc nvidia-cuda-runtime nvidia-cuda-cccl"
        )
    if complete and (wanted == "1" or os.environ.get("PYDARKNET_CUDA_ARCHS") or has_gpu()):
        print("setup.py: CUDA's kernels are built, too, which takes minutes; PYDARKNET_CUDA=0 leaves them out")
        found.append(cuda_extension(*complete[0]))
    elif complete:
        print(f"setup.py: {complete[0][0]} is there, but no GPU: CUDA isn't built; PYDARKNET_CUDA=1 builds it")
    elif there:
        print(f"setup.py: {there[0][0]} is there, but no libcudart.so with it: CUDA isn't built")
    return found
