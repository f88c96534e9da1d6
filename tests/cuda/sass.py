"""Compiles kernels with nvcc, and reads what ptxas and nvdisasm say about them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The architectures of the build, by the one whose PTX all of them get: but for its number it is the same in every PTX
# of a family. Translating it once for four of them saves a third of the time.
FAMILIES = {"75": ("75",), "80": ("80", "86", "89", "90"), "100": ("100", "120")}
ARCHS = [arch for family in FAMILIES.values() for arch in family]
INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_.]+)(.*?);")


def find_tool(name: str) -> Path | None:
    """On the PATH, in the usual toolkit, or from PyPI (nvidia-cuda-nvcc, nvidia-cuda-nvdisasm)."""
    on_path = shutil.which(name)
    wheels = [p for folder in sys.path for p in Path(folder).glob(f"nvidia/*/bin/{name}")]
    candidates = [*([Path(on_path)] if on_path else []), Path("/usr/local/cuda/bin") / name, *wheels]
    return next((p for p in candidates if p.is_file()), None)


@dataclass(frozen=True)
class Kernel:
    """What ptxas reports of one kernel, with the functions that it calls. `name` is mangled."""

    name: str
    arch: str
    registers: int
    stack: int  # bytes of local memory
    spilled: int  # bytes stored and loaded


def known_archs(nvcc: Path) -> set[str]:
    text = subprocess.run([str(nvcc), "--list-gpu-code"], check=True, capture_output=True, text=True).stdout
    return {line.removeprefix("sm_") for line in text.split()}


def compile_kernels(nvcc: Path, source: str, folder: Path) -> list[Kernel]:
    """Compiles csrc/cuda/`source` for each of ARCHS that nvcc knows, warnings as errors, as setup.py does.

    cubin() tells where the kernels then are.
    """
    known = known_archs(nvcc)
    families = {f: [a for a in archs if a in known] for f, archs in FAMILIES.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # A process each, whose reports don't mix.
        reports = pool.map(lambda f: _compile_family(nvcc, source, folder / f, f, families[f]), families)
    return [kernel for report in reports for kernel in report]


def cubin(folder: Path, arch: str) -> Path:
    return next(folder.glob(f"*/*sm_{arch}.cubin"))


def _compile_family(nvcc: Path, source: str, folder: Path, family: str, archs: list[str]) -> list[Kernel]:
    if not archs:
        return []
    folder.mkdir()
    code = ",".join(f"sm_{a}" for a in archs)
    command = [str(nvcc), "-std=c++17", "-O3", "--expt-relaxed-constexpr", "-Werror=all-warnings", "-Xptxas=-v"]
    command += ["-DPYDARKNET_BLOCK=4", f"-I{ROOT / 'csrc/cuda/shim'}", f"-I{ROOT / 'csrc'}", "-fatbin", "--keep"]
    command += [f"--keep-dir={folder}", f"-gencode=arch=compute_{family},code=[{code}]"]
    command += [str(ROOT / "csrc/cuda" / source), "-o", str(folder / "all.fatbin")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [_kernel(text) for text in done.stderr.split("Compiling entry function '")[1:]]


def _kernel(text: str) -> Kernel:
    """Of a report that begins with the kernel's name, then 'sm_80'; functions that it calls follow it."""
    found = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", text)
    stacks, stores, loads = (sum(map(int, numbers)) for numbers in zip(*found, strict=True))
    registers, arch = re.search(r"Used (\d+) registers", text), re.search(r"' for 'sm_(\d+)'", text)
    assert registers, text
    assert arch, text
    return Kernel(text.split("'")[0], arch[1], int(registers[1]), stacks, stores + loads)


def main_loops(nvdisasm: Path, cubin: Path, multiply: str) -> dict[str, Counter[str]]:
    """By kernel, the opcodes of the loop of which instructions beginning with `multiply` are the largest share."""
    text = subprocess.run([str(nvdisasm), "-c", str(cubin)], check=True, capture_output=True, text=True).stdout
    parts = {part.split(",")[0]: part for part in text.split(".section\t.text.")[1:]}
    return {name: max(_loops(part), key=lambda loop: share(loop, multiply)) for name, part in parts.items()}


def share(loop: Counter[str], prefix: str) -> float:
    """Of the loop's instructions, those whose opcode begins with `prefix`."""
    return count(loop, prefix) / sum(loop.values())


def count(loop: Counter[str], prefix: str) -> int:
    return sum(number for opcode, number in loop.items() if opcode.startswith(prefix))


def _loops(text: str) -> Iterator[Counter[str]]:
    labels: dict[str, int] = {}
    opcodes: list[str] = []
    for line in text.splitlines():
        if line.startswith("."):
            labels[line.split(":")[0]] = len(opcodes)
        found = INSTRUCTION.search(line)
        if not found:
            continue
        opcodes.append(found[1])
        target = re.search(r"`\((\.L\w+)\)", found[2])
        if found[1].startswith("BRA") and target and target[1] in labels:
            yield Counter(opcodes[labels[target[1]] :])
