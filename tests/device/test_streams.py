"""The kernels' sources: nothing is launched, copied or allocated outside of the stream that an op was given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
SHIM = CSRC / "cuda/shim"
# What the launchers of csrc/cuda/shim may ask of the runtime. None of it waits but the one that says so.
ALLOWED = {
    "cudaLaunchKernel", "cudaMemcpyAsync", "cudaMemsetAsync", "cudaMallocFromPoolAsync", "cudaFreeAsync",
    "cudaStreamSynchronize", "cudaFuncSetAttribute", "cudaDeviceGetAttribute", "cudaGetDevice", "cudaGetLastError",
    "cudaGetErrorString", "cudaMemPoolCreate", "cudaMemPoolSetAttribute",
}  # fmt: skip
# These two do, on devices without memory pools.
WITHOUT_POOLS = {"cudaMalloc", "cudaFree"}
STREAMS = {"stream", "call.stream"}
# The place of the stream among the arguments, from the left, or from the right if negative.
PLACES = {"launch": 5, "copy_to_host": -1, "copy_to_device": -1, "copy_on_device": -1, "set_zero": -1}


def code(path: Path) -> str:
    """A source without its comments and the commas of its template arguments."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    return re.sub(r"<[\w:, ]+>", lambda match: match[0].replace(",", ";"), text)


def kernels() -> list[Path]:
    """The sources that nvcc compiles, but for the one that says what a Stream is."""
    files = [path for folder in ("ops", "shared", "cuda") for path in sorted((CSRC / folder).rglob("*"))]
    files = [path for path in files if path.suffix in (".cu", ".h") and path.parent != SHIM]
    return [path for path in files if path.name != "tensor.h"]


def calls(text: str, name: str) -> Iterator[list[str]]:
    """The arguments of each call of a function."""
    for match in re.finditer(rf"\b{name}\(", text):
        depth, start, found = 1, match.end(), []
        for i in range(match.end(), len(text)):
            depth += (text[i] in "([{") - (text[i] in ")]}")
            if depth == 0 or (depth == 1 and text[i] == ","):
                found.append(" ".join(text[start:i].split()))
                start = i + 1
            if depth == 0:
                break
        yield found


def on_no_stream(text: str) -> list[str]:
    """What a kernel's source does outside of its op's stream."""
    found = re.findall(r"<<<", text) + re.findall(r"\bcuda[A-Z]\w+\(", text)
    found += re.findall(r"\bStream\s*[({]|\bStream \w+\s*[={]", text)
    for name, place in PLACES.items():
        for arguments in calls(text, name):
            if arguments[place] not in STREAMS:
                found.append(f"{name}({', '.join(arguments)})")
    scratch = re.findall(r"\bScratch<[^;()]*>\s*\w+\(([^;]*)\);", text)
    return found + [f"Scratch({a})" for a in scratch if a.rsplit(", ", 1)[-1] not in STREAMS]


@pytest.mark.parametrize("path", kernels(), ids=lambda path: path.name)
def test_a_kernels_source_keeps_to_its_stream(path: Path) -> None:
    assert on_no_stream(code(path)) == []


def test_the_launchers_ask_for_nothing_that_waits() -> None:
    asked = {name for path in SHIM.iterdir() for name in re.findall(r"\bcuda[A-Z]\w+(?=\()", code(path))}
    assert asked <= ALLOWED | WITHOUT_POOLS
    assert re.findall(r"\w+ \? (?:(?!;).)*cudaMalloc\(", code(SHIM / "memory.h"), re.DOTALL)
    assert re.findall(r"if \(pool_\) {\s*cudaFreeAsync\([^;]*;\s*} else {\s*cudaFree\(", code(SHIM / "memory.h"))
    waits = re.findall(r"Synchronize\(", code(SHIM / "memory.h"))
    assert len(waits) == 1


@pytest.mark.parametrize(
    "planted",
    [
        "kernel<<<1, 32>>>(x);",
        "cudaDeviceSynchronize();",
        'launch("fill", fill, grid_for(n), 256, 0, {}, x, n);',
        'launch("fill", fill, dim3(1, 2), 256, 0, nullptr, x, n);',
        "set_zero(x, n * sizeof(float), other);",
        "copy_to_host(&all, sums.data(), sizeof all, Stream{});",
        "const Scratch<double> sums(blocks + 1, {});",
        "Stream mine{};",
    ],
)
def test_what_is_planted_is_found(planted: str) -> None:
    assert on_no_stream(planted) != []
