"""Compiles in parallel and only what changed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

from .editors import write_compile_commands
from .extensions import Native, prebuilt
from .flags import COMPILER, EXTRA, ROOT

# Of inline functions that several objects have the linker takes the first. Those of bindings are hardly optimised;
# those of kernels under the emulator are watched, which the strings of its own reports must not be.
LINKED = (".cpp", "bindings", ".cu")


def run(command: list[str]) -> None:
    """Run a compiler. CompileError where it isn't there, or fails."""
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError as error:
        raise CompileError(
            f"the compiler {command[0]} isn't there; install one that knows C++17 (Debian, Ubuntu: apt-get install "
            "g++), or name another one in CXX"
        ) from error
    except subprocess.CalledProcessError as error:
        raise CompileError(f"{command[0]} failed, see its message above; command: {shlex.join(command)}") from error


class IncrementalBuild(build_ext):
    """Compiles in parallel and only what changed, with the compiler's own dependency files."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.inplace:  # an editable install otherwise compiles into a temporary folder, from scratch each time
            self.build_temp = str(ROOT / "build" / f"temp.{sysconfig.get_platform()}-{sys.implementation.cache_tag}")

    def run(self) -> None:
        if self.inplace:
            write_compile_commands()
        super().run()

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
                self.place(name, partial(shutil.copyfile, file))

    def compile(self, ext: Native, pool: ThreadPoolExecutor) -> list[Future[Path]]:
        """The objects of an extension, which the pool makes."""
        folder = Path(self.build_temp) / ext.name
        folder.mkdir(parents=True, exist_ok=True)
        stamp = folder / "command.txt"
        if not stamp.exists() or stamp.read_text() != repr(ext.commands):
            for stale in folder.glob("*.o"):
                stale.unlink()
            stamp.write_text(repr(ext.commands))
        compiled = [
            (LINKED.index(kind), pool.submit(self.compile_one, ext.commands[kind], source, folder))
            for kind, source in self.united(ext.sources, folder)
        ]
        return [each for _, each in sorted(compiled, key=lambda pair: pair[0])]

    def link(self, ext: Native, objects: list[Path]) -> None:
        """The extension, unless it is newer than its objects."""
        target = Path(self.get_ext_fullpath(ext.name))
        if target.exists() and all(o.stat().st_mtime <= target.stat().st_mtime for o in objects):
            return
        command = [*COMPILER, "-shared", "-pthread", *EXTRA, *map(str, objects), *ext.link, "-o"]
        self.place(ext.name, lambda part: run([*command, str(part)]))

    def place(self, name: str, make: Callable[[Path], object]) -> None:
        """Puts an extension where it belongs, once it is whole."""
        target = Path(self.get_ext_fullpath(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        make(part)
        os.replace(part, target)

    @staticmethod
    def united(sources: list[str], folder: Path) -> list[tuple[str, Path]]:
        """The sources, each with the kind of its command, and all files of bindings in one: pybind11's own code is
        compiled once, not twenty times."""
        bindings = [s for s in sources if "bindings" in Path(s).parts]
        others = [(Path(s).suffix, Path(s)) for s in sources if s not in bindings]
        if not bindings:
            return others
        union = folder / "bindings.cpp"
        text = "".join(f'#include "{ROOT / source}"\n' for source in bindings)
        if not union.exists() or union.read_text() != text:
            union.write_text(text)
        return [("bindings", union), *others]  # which takes longest

    @staticmethod
    def compile_one(command: list[str], source: Path, folder: Path) -> Path:
        object_file = folder / ("_".join(source.with_suffix("").parts[-3:]) + ".o")
        depends = object_file.with_suffix(".d")
        if object_file.exists() and depends.exists():
            text = depends.read_text().replace("\\\n", " ").partition(":")[2]
            needed = [Path(p) for p in re.split(r"\s+", text) if p]
            if all(p.exists() and p.stat().st_mtime <= object_file.stat().st_mtime for p in needed):
                return object_file
        run([*command, "-MMD", "-MF", str(depends), "-c", str(source), "-o", str(object_file)])
        return object_file
