"""Compiles kernels with nvcc, and reads what ptxas and nvdisasm say about them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_.]+)(.*?);")


def find_tool(name: str) -> Path | None:
    """On the PATH, in the usual toolkit, or from PyPI (nvidia-cuda-nvcc, nvidia-cuda-nvdisasm)."""
    on_path = shutil.which(name)
    wheels = [p for folder in sys.path for p in Path(folder).glob(f"nvidia/*/bin/{name}")]
    candidates = [*([Path(on_path)] if on_path else []), Path("/usr/local/cuda/bin") / name, *wheels]
    return next((p for p in candidates if p.is_file()), None)


@dataclass(frozen=True)
class Kernel:
    """What ptxas reports of one kernel. `name` is mangled."""

    name: str
    registers: int
    stack: int  # bytes of local memory
    spilled: int  # bytes stored and loaded


def compile_cubin(nvcc: Path, source: str, arch: str, cubin: Path) -> list[Kernel]:
    """Compiles csrc/ops/`source` for one architecture, warnings as errors, as setup.py does."""
    command = [str(nvcc), "-std=c++17", "-O3", "--expt-relaxed-constexpr", "-Werror=all-warnings", f"-arch=sm_{arch}"]
    command += ["-DPYDARKNET_BLOCK=4", f"-I{ROOT / 'csrc/nvcc'}", f"-I{ROOT / 'csrc'}", "-Xptxas=-v", "-cubin"]
    done = subprocess.run(
        [*command, str(ROOT / "csrc/ops" / source), "-o", str(cubin)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report = done.stderr.split("Compiling entry function '")[1:]
    return [Kernel(*_numbers(text)) for text in report]


def _numbers(text: str) -> tuple[str, int, int, int]:
    stack, stores, loads = map(
        int, re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", text)[0]
    )
    registers = re.search(r"Used (\d+) registers", text)
    assert registers, text
    return text.split("'")[0], int(registers[1]), stack, stores + loads


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
