"""Budgets of the hot kernels: what ptxas gives them, and what the convolutions' main loops are made of.

Needs nvcc, and nvdisasm for the loops; without them nothing is checked, and the summary says so. Local memory is
looked for on every architecture that setup.py builds for, all other budgets are of sm_80.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cuda.sass import ARCHS, Kernel, compile_kernels, count, cubin, find_tool, known_archs, main_loops, share
from tools.native.toolkit import CUDA_ARCHS

ARCH = "80"  # the oldest with asynchronous copies, TF32 and BF16
REGISTERS, THREADS = 65536, 128  # of a multiprocessor, of a thread block
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
LARGE = {"gemm": "GemmTileILi128ELi128E", "wgrad_gemm": "WgradTileILi128ELi32E"}
# Sources of other hot kernels, and the names of these.
HOT = {
    "batchnorm": ("channel_parts", "channel_totals"),
    "conv/wgrad_depthwise": ("depthwise",),
    "conv/depthwise": ("depthwise",),
    "conv/pack": ("gemm_pack", "winograd_pack"),
    "conv/winograd": ("winograd_input", "winograd_output"),
}

# Of all instructions of the main loop, the least share that multiplies: in large tiles, in others. 64 (32 where one
# instruction sums sixteen pixels) of about 210; FP32 multiplies four channels of 16 filters and 8 pixels in a turn.
SHARES = {
    ("gemm", "fp32"): (0.90, 0.85),
    ("gemm", "tf32"): (0.30, 0.105),
    ("gemm", "fp16"): (0.28, 0.10),
    ("gemm", "bf16"): (0.28, 0.10),
    ("wgrad_gemm", "fp32"): (0.88, 0.75),
    ("wgrad_gemm", "tf32"): (0.19, 0.07),
    ("wgrad_gemm", "fp16"): (0.12, 0.04),
    ("wgrad_gemm", "bf16"): (0.12, 0.04),
}


@dataclass(frozen=True)
class Built:
    """Kernels of one source for all architectures."""

    folder: Path
    kernels: list[Kernel]

    def of(self, arch: str) -> list[Kernel]:
        return [k for k in self.kernels if k.arch == arch]


def build(source: str, folder: Path) -> Built:
    nvcc = find_tool("nvcc")
    if not nvcc:
        pytest.skip("no nvcc: registers, spills and occupancy of kernels NOT checked")
    built = Built(folder, compile_kernels(nvcc, source, folder))
    assert {k.arch for k in built.kernels} == set(ARCHS) & known_archs(nvcc)
    return built


def assert_no_local_memory(built: Built) -> None:
    for kernel in built.kernels:
        assert kernel.stack == kernel.spilled == 0, kernel


@pytest.fixture(scope="module", params=sorted(SHARES), ids="-".join)
def gemm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Built]:
    """Kind and precision of some kernels, and these."""
    kind, precision = request.param
    return kind, precision, build(f"conv/{kind}_{precision}.cu", tmp_path_factory.mktemp("kernels"))


def test_architectures_are_those_of_the_build() -> None:
    assert tuple(ARCHS) == CUDA_ARCHS
    nvcc = find_tool("nvcc")
    if not nvcc:
        pytest.skip("no nvcc: nothing is compiled for them")
    for arch in sorted(set(ARCHS) - known_archs(nvcc)):
        warnings.warn(f"{nvcc} doesn't know sm_{arch}: its kernels are NOT checked", stacklevel=1)


def test_registers_suffice_and_leave_room_for_other_blocks(gemm: tuple[str, str, Built]) -> None:
    kind, _, built = gemm
    assert_no_local_memory(built)
    assert any(LARGE[kind] in k.name for k in built.of(ARCH))
    for kernel in built.of(ARCH):
        blocks = REGISTERS // (-(-kernel.registers // 8) * 8 * THREADS)
        assert blocks >= (2 if LARGE[kind] in kernel.name else 5), kernel


def test_main_loops_multiply_and_are_fed_by_wide_asynchronous_copies(gemm: tuple[str, str, Built]) -> None:
    kind, precision, built = gemm
    nvdisasm = find_tool("nvdisasm")
    if not nvdisasm:
        pytest.skip("no nvdisasm (PyPI: nvidia-cuda-nvdisasm): instructions of main loops NOT checked")
    multiply = "FFMA" if precision == "fp32" else "HMMA"
    for name, loop in main_loops(nvdisasm, cubin(built.folder, ARCH), multiply).items():
        least = SHARES[kind, precision][0 if LARGE[kind] in name else 1]
        assert share(loop, multiply) >= least, (name, loop)
        assert count(loop, "LDS.128") == count(loop, "LDS.") > 0, (name, loop)
        assert not any(count(loop, opcode) for opcode in ("LDL", "STL", "LDG.")), (name, loop)
        if precision != "fp32":  # whose copies are outside of its innermost loop
            assert_copies(name, loop)


@pytest.mark.parametrize("source", HOT)
def test_hot_kernels_stay_in_registers(source: str, tmp_path: Path) -> None:
    built = build(f"{source}.cu", tmp_path)
    assert all(any(name in kernel.name for kernel in built.of(ARCH)) for name in HOT[source])
    assert_no_local_memory(built)
    for kernel in built.of(ARCH):
        if "winograd" in kernel.name:
            assert kernel.registers <= 64, kernel  # four blocks of 256 threads to a multiprocessor


def assert_copies(name: str, loop: Counter[str]) -> None:
    assert count(loop, "LDGSTS.E.BYPASS.128") >= 1, (name, loop)
    if "PlainSource" not in name and "ColumnSourceILb1E" not in name:
        assert count(loop, "LDGSTS") == count(loop, "LDGSTS.E.BYPASS.128"), (name, loop)
