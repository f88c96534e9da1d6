"""Build of the native extensions: one module per instruction set, from the same sources.

Objects are rebuilt only when a source or a header they include has changed. Environment:
PYDARKNET_ISAS    comma-separated subset of baseline,avx2,avx512 (default: all that fit the machine's architecture)
PYDARKNET_CXXFLAGS  appended to the compiler flags (a sanitizer build, for instance)
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
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
COMMON = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-fPIC", "-pthread",
          "-Wall", "-Wextra", "-Werror"]  # fmt: skip


def chosen_isas() -> list[str]:
    wanted = os.environ.get("PYDARKNET_ISAS")
    names = [n.strip() for n in wanted.split(",") if n.strip()] if wanted else list(ISAS) if X86 else ["baseline"]
    unknown = sorted(set(names) - set(ISAS))
    if unknown:
        raise SystemExit(f"PYDARKNET_ISAS: unknown instruction set {unknown}, expected some of {list(ISAS)}")
    return names


def sources(*patterns: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern))


def cpu_extension(isa: str) -> Extension:
    block, flags = ISAS[isa]
    files = sources("csrc/ops/*_cpu.cpp", "csrc/ops/common/*.cpp", "csrc/bindings/*.cpp", "csrc/*.cpp")
    module = f"_cpu_{isa}"
    macros = [("PYDARKNET_BLOCK", str(block)), ("PYDARKNET_MODULE", module)]
    return Extension(f"pydarknet.{module}", files, define_macros=macros, extra_compile_args=flags)


class IncrementalBuild(build_ext):
    """Compiles in parallel and only what changed, with the compiler's own dependency files."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.inplace:  # an editable install otherwise compiles into a temporary folder, from scratch each time
            self.build_temp = str(ROOT / "build" / f"temp.{sysconfig.get_platform()}-{sys.implementation.cache_tag}")

    def build_extension(self, ext: Extension) -> None:
        compiler = shlex.split(os.environ.get("CXX", "g++"))
        extra = shlex.split(os.environ.get("PYDARKNET_CXXFLAGS", ""))
        includes = [
            f"-I{ROOT / 'csrc' / 'cpu'}",
            f"-I{ROOT / 'csrc'}",
            f"-isystem{pybind11.get_include()}",
            f"-isystem{sysconfig.get_path('include')}",
        ]
        defines = [f"-D{name}={value}" for name, value in ext.define_macros]
        command = [*compiler, *COMMON, *ext.extra_compile_args, *defines, *includes, *extra]
        folder = Path(self.build_temp) / ext.name
        folder.mkdir(parents=True, exist_ok=True)
        stamp = folder / "command.txt"
        if not stamp.exists() or stamp.read_text() != repr(command):
            for stale in folder.glob("*.o"):
                stale.unlink()
            stamp.write_text(repr(command))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(
                pool.map(lambda s: self.compile_one(command, Path(s), folder), self.united(ext.sources, folder))
            )
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or any(o.stat().st_mtime > target.stat().st_mtime for o in objects):
            part = target.with_suffix(".part")
            strip = [] if extra else ["-Wl,-s"]
            subprocess.run(
                [*compiler, "-shared", "-pthread", *strip, *extra, *map(str, objects), "-o", str(part)], check=True
            )
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


cpuid = Extension("pydarknet._cpuid", ["csrc/cpuid/cpuid.cpp"])

setup(
    packages=["pydarknet", *(f"pydarknet.{p.parent.relative_to(ROOT / 'pydarknet').as_posix().replace('/', '.')}"
                             for p in sorted((ROOT / "pydarknet").rglob("*/__init__.py")))],
    package_data={"pydarknet": ["py.typed"]},
    ext_modules=[cpuid, *(cpu_extension(isa) for isa in chosen_isas())],
    cmdclass={"build_ext": IncrementalBuild, "build_py": BuildWithShare},
    zip_safe=False,
)  # fmt: skip
