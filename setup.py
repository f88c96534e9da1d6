"""Build of the native extensions: one module per instruction set, one for CUDA, one for its emulator.

Objects are rebuilt only when a source or a header they include has changed. Environment:
PYDARKNET_ISAS       comma-separated subset of baseline,avx2,avx512 (default: all that fit the machine's architecture)
PYDARKNET_EMU        1: build the emulator of CUDA as well, which only tests need (default: 0)
PYDARKNET_CUDA       1: build for CUDA, 0: don't (default: if nvcc is found)
PYDARKNET_CUDA_ARCHS comma-separated compute capabilities, the last one as PTX too; native: those of the GPUs there
                     (default, also where there are none: those of 75,80,86,89,90,100,120 that nvcc knows)
PYDARKNET_PREBUILT   folder with extensions for this Python; each that is there is taken as it is instead of built
PYDARKNET_WERROR     0: a compiler's warnings are no errors (default: 1)
PYDARKNET_CXXFLAGS   appended to the flags of the C++ compiler (a sanitizer build, for instance)
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pybind11
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
X86 = platform.machine().lower() in ("x86_64", "amd64")
# Block = lanes of one vector register; activations are stored in blocks of that many channels.
ISAS = {
    "baseline": (4, []),
    "avx2": (8, ["-mavx2", "-mfma", "-mf16c"]),
    "avx512": (
        16,
        ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512"],
    ),
}
STRICT = os.environ.get("PYDARKNET_WERROR", "1") != "0"
COMMON = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-fPIC", "-pthread",
          "-Wall", "-Wextra", *(["-Werror"] if STRICT else [])]  # fmt: skip
# Kernels under the emulator: every access to memory becomes a call of csrc/emu/machine/hooks.cpp.
EMU_KERNELS = ["-O2", "-g1", "-ffp-contract=off", "-fno-strict-aliasing", "-Wno-unknown-pragmas",
               "-fsanitize=thread,alignment"]  # fmt: skip
EMU_FIBER = "csrc/emu/machine/fiber_ucontext.cpp"  # on other processors
CUDA_ARCHS = ("75", "80", "86", "89", "90", "100", "120")
CUDA_KERNELS = ["-std=c++17", "-O3", "-cudart=shared", "--expt-relaxed-constexpr",
                *(["-Werror=all-warnings"] if STRICT else []),
                "-Xcompiler=-fPIC,-fvisibility=hidden", "-lineinfo"]  # fmt: skip

COMPILER = shlex.split(os.environ.get("CXX", "g++"))
EXTRA = shlex.split(os.environ.get("PYDARKNET_CXXFLAGS", ""))
STRIP = [] if EXTRA else ["-Wl,-s"]
CPU = f"-I{ROOT / 'csrc/cpu/shim'}"  # one of these three folders comes first on the include path of every source
INCLUDES = [f"-I{ROOT / 'csrc'}", f"-isystem{pybind11.get_include()}", f"-isystem{sysconfig.get_path('include')}"]


def chosen_isas() -> list[str]:
    wanted = os.environ.get("PYDARKNET_ISAS")
    names = [n.strip() for n in wanted.split(",") if n.strip()] if wanted else list(ISAS) if X86 else ["baseline"]
    unknown = sorted(set(names) - set(ISAS))
    if unknown:
        raise SystemExit(f"PYDARKNET_ISAS: unknown instruction set {unknown}, expected some of {list(ISAS)}")
    return names


def sources(*patterns: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern))


def common_sources(interface: str) -> list[str]:
    """Everything but the ops: the bindings with the one interface of this build, and what all builds share."""
    found = sources("csrc/shared/*.cpp", "csrc/bindings/**/*.cpp")
    return [s for s in found if not Path(s).name.startswith("interface_")] + [
        f"csrc/bindings/lib/interface_{interface}.cpp"
    ]


class Native(Extension):
    """An extension with a compiler command for each kind of source, and what the linker needs besides."""

    def __init__(
        self, module: str, files: list[str], block: int, flags: list[str], cuda: list[str] | None = None,
        link: list[str] | None = None,
    ) -> None:  # fmt: skip
        macros = [("PYDARKNET_BLOCK", str(block)), ("PYDARKNET_MODULE", module)]
        super().__init__(f"pydarknet.{module}", files, define_macros=macros)
        defines = [f"-D{name}={value}" for name, value in macros]
        cxx = [*COMPILER, *COMMON, *flags, *defines, *INCLUDES, *EXTRA]
        self.commands = {".cpp": cxx, ".cu": [*(cuda or []), *defines]}
        self.link = link or []


def cpu_extension(isa: str) -> Native:
    block, flags = ISAS[isa]
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


def toolkits() -> Iterator[tuple[Path, list[Path]]]:
    """nvcc and the folders that belong to it: of CUDA_HOME, on the PATH, in the usual place, installed from PyPI."""
    homes = [Path(os.environ[v]) / "bin/nvcc" for v in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(v)]
    on_path = shutil.which("nvcc")
    # An isolated build has the environment's packages in its prefix, but not on its path.
    folders = dict.fromkeys([*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    wheels = [p for folder in folders for p in Path(folder).glob("nvidia/*/bin/nvcc")]
    for nvcc in [*homes, *([Path(on_path)] if on_path else []), Path("/usr/local/cuda/bin/nvcc"), *wheels]:
        if nvcc.is_file():
            # A toolkit is one folder; PyPI's wheels are several side by side.
            home = nvcc.resolve().parents[1]
            yield nvcc.resolve(), [home, *(p for p in home.parent.glob("*") if home.parent.name == "nvidia")]


def runtimes(roots: list[Path]) -> list[Path]:
    """The shared CUDA runtime; a script called nvcc somewhere on the PATH has none beside it."""
    return [p for r in roots for lib in ("lib64", "lib") for p in sorted((r / lib).glob("libcudart.so*"))]


def card_archs() -> list[str]:
    """Compute capabilities of the GPUs that are there, as nvidia-smi tells them."""
    tool = shutil.which("nvidia-smi")
    command = [tool or "", "--query-gpu=compute_cap", "--format=csv,noheader"]
    text = subprocess.run(command, check=False, capture_output=True, text=True).stdout if tool else ""
    return sorted({"".join(found) for found in re.findall(r"^(\d+)\.(\d)$", text, re.MULTILINE)}, key=int)


def cuda_archs(nvcc: Path) -> list[str]:
    """The wanted ones, or those of CUDA_ARCHS that this nvcc knows."""
    wanted = [a.strip() for a in os.environ.get("PYDARKNET_CUDA_ARCHS", "").split(",") if a.strip()]
    wanted = card_archs() if wanted == ["native"] else wanted
    if wanted:
        return wanted
    text = subprocess.run([str(nvcc), "--list-gpu-arch"], check=True, capture_output=True, text=True).stdout
    return [a for a in CUDA_ARCHS if f"compute_{a}" in text.split()]


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
    complete = [(nvcc, roots) for nvcc, roots in toolkits() if runtimes(roots)] if wanted != "0" else []
    if wanted == "1" and not complete:
        raise SystemExit(
            "PYDARKNET_CUDA=1, but there is no nvcc with libcudart.so: set CUDA_HOME, or pip install "
            "nvidia-cuda-nvcc nvidia-cuda-runtime nvidia-cuda-cccl"
        )
    if complete:
        found.append(cuda_extension(*complete[0]))
    return found


class IncrementalBuild(build_ext):
    """Compiles in parallel and only what changed, with the compiler's own dependency files."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.inplace:  # an editable install otherwise compiles into a temporary folder, from scratch each time
            self.build_temp = str(ROOT / "build" / f"temp.{sysconfig.get_platform()}-{sys.implementation.cache_tag}")

    def build_extensions(self) -> None:
        """All files of all extensions at once; nvcc takes longest, so its files come first."""
        self.check_extensions_list(self.extensions)
        brought = {ext.name: prebuilt(ext.name.rpartition(".")[2]) for ext in self.extensions}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [(ext, self.compile(ext, pool)) for ext in reversed(self.extensions) if not brought[ext.name]]
            try:
                for ext, objects in jobs:
                    self.link(ext, [each.result() for each in objects])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        for name, file in brought.items():
            if file:
                print(f"setup.py: {name} is {file}")
                self.place(name, lambda part, file=file: shutil.copyfile(file, part))

    def compile(self, ext: Native, pool: ThreadPoolExecutor) -> list[Future[Path]]:
        """The objects of an extension, which the pool makes."""
        folder = Path(self.build_temp) / ext.name
        folder.mkdir(parents=True, exist_ok=True)
        stamp = folder / "command.txt"
        if not stamp.exists() or stamp.read_text() != repr(ext.commands):
            for stale in folder.glob("*.o"):
                stale.unlink()
            stamp.write_text(repr(ext.commands))
        return [
            pool.submit(self.compile_one, ext.commands[Path(s).suffix], Path(s), folder)
            for s in self.united(ext.sources, folder)
        ]

    def link(self, ext: Native, objects: list[Path]) -> None:
        """The extension, unless it is newer than its objects."""
        target = Path(self.get_ext_fullpath(ext.name))
        if target.exists() and all(o.stat().st_mtime <= target.stat().st_mtime for o in objects):
            return
        command = [*COMPILER, "-shared", "-pthread", *EXTRA, *map(str, objects), *ext.link, "-o"]
        self.place(ext.name, lambda part: subprocess.run([*command, str(part)], check=True))

    def place(self, name: str, make: Callable[[Path], object]) -> None:
        """Puts an extension where it belongs, once it is whole."""
        target = Path(self.get_ext_fullpath(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        make(part)
        os.replace(part, target)

    @staticmethod
    def united(sources: list[str], folder: Path) -> list[str]:
        """The sources with all files of bindings in one: pybind11's own code is compiled once, not twenty times."""
        bindings = [s for s in sources if "bindings" in Path(s).parts]
        if not bindings:
            return sources
        union = folder / "bindings.cpp"
        text = "".join(f'#include "{ROOT / source}"\n' for source in bindings)
        if not union.exists() or union.read_text() != text:
            union.write_text(text)
        return [str(union), *(s for s in sources if s not in bindings)]

    @staticmethod
    def compile_one(command: list[str], source: Path, folder: Path) -> Path:
        object_file = folder / ("_".join(source.with_suffix("").parts[-3:]) + ".o")
        depends = object_file.with_suffix(".d")
        if object_file.exists() and depends.exists():
            text = depends.read_text().replace("\\\n", " ").partition(":")[2]
            needed = [Path(p) for p in re.split(r"\s+", text) if p]
            if all(p.exists() and p.stat().st_mtime <= object_file.stat().st_mtime for p in needed):
                return object_file
        subprocess.run([*command, "-MMD", "-MF", str(depends), "-c", str(source), "-o", str(object_file)], check=True)
        return object_file


class BuildWithShare(build_py):
    """Puts the cfg/ and data/ folders users know into the package, so that nothing depends on the current folder."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for folder in ("cfg", "data"):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.is_file():
                    target = Path(self.build_lib) / "pydarknet" / "_share" / path.relative_to(ROOT)
                    self.mkpath(str(target.parent))
                    self.copy_file(str(path), str(target))


setup(
    packages=["pydarknet", *(f"pydarknet.{p.parent.relative_to(ROOT / 'pydarknet').as_posix().replace('/', '.')}"
                             for p in sorted((ROOT / "pydarknet").rglob("*/__init__.py")))],
    package_data={"pydarknet": ["py.typed"]},
    ext_modules=extensions(),
    cmdclass={"build_ext": IncrementalBuild, "build_py": BuildWithShare},
    zip_safe=False,
)  # fmt: skip
