"""Budgets of the convolution's kernels: what ptxas gives them, and what their main loops are made of.

Needs nvcc, and nvdisasm for the loops; without them nothing is checked, and the summary says so.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sass import Kernel, compile_cubin, count, find_tool, main_loops, share

Built = tuple[str, str, Path, list[Kernel]]

ARCH = "80"  # the oldest with asynchronous copies, TF32 and BF16
REGISTERS, THREADS = 65536, 128  # of a multiprocessor, of a thread block
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
LARGE = {"gemm": "GemmTileILi128ELi128E", "correlate": "CorrelateTileILi128ELi32E"}

# Of all instructions of the main loop, the least share that multiplies: in large tiles, in others. 64 (32 where one
# instruction sums sixteen pixels) of about 220; FP32 multiplies four channels of 16 filters and 8 pixels in a turn.
SHARES = {
    ("gemm", "fp32"): (0.90, 0.85),
    ("gemm", "tf32"): (0.27, 0.10),
    ("gemm", "fp16"): (0.25, 0.09),
    ("gemm", "bf16"): (0.25, 0.09),
    ("correlate", "fp32"): (0.88, 0.75),
    ("correlate", "tf32"): (0.19, 0.07),
    ("correlate", "fp16"): (0.12, 0.04),
    ("correlate", "bf16"): (0.12, 0.04),
}


@pytest.fixture(scope="module", params=sorted(SHARES), ids="-".join)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Kind and precision of some kernels, their cubin, and ptxas' report."""
    nvcc = find_tool("nvcc")
    if not nvcc:
        pytest.skip("no nvcc: registers, spills and occupancy of kernels NOT checked")
    kind, precision = request.param
    cubin = tmp_path_factory.mktemp("cubin") / f"{kind}_{precision}.cubin"
    return kind, precision, cubin, compile_cubin(nvcc, f"conv_{kind}_{precision}.cu", ARCH, cubin)


def test_registers_suffice_and_leave_room_for_other_blocks(built: Built) -> None:
    kind, _, _, kernels = built
    assert any(LARGE[kind] in k.name for k in kernels)
    for kernel in kernels:
        assert kernel.stack == kernel.spilled == 0, kernel
        blocks = REGISTERS // (-(-kernel.registers // 8) * 8 * THREADS)
        assert blocks >= (2 if LARGE[kind] in kernel.name else 5), kernel


def test_main_loops_multiply_and_are_fed_by_wide_asynchronous_copies(
    built: tuple[str, str, Path, list[Kernel]],
) -> None:
    kind, precision, cubin, _ = built
    nvdisasm = find_tool("nvdisasm")
    if not nvdisasm:
        pytest.skip("no nvdisasm (PyPI: nvidia-cuda-nvdisasm): instructions of main loops NOT checked")
    multiply = "FFMA" if precision == "fp32" else "HMMA"
    for name, loop in main_loops(nvdisasm, cubin, multiply).items():
        least = SHARES[kind, precision][0 if LARGE[kind] in name else 1]
        assert share(loop, multiply) >= least, (name, loop)
        assert count(loop, "LDS.128") == count(loop, "LDS.") > 0, (name, loop)
        assert not any(count(loop, opcode) for opcode in ("LDL", "STL", "LDG.")), (name, loop)
        if precision != "fp32":  # whose copies are outside of its innermost loop
            assert_copies(name, loop)


def test_transforms_of_winograd_stay_in_registers(tmp_path: Path) -> None:
    nvcc = find_tool("nvcc")
    if not nvcc:
        pytest.skip("no nvcc: registers and spills of Winograd's transforms NOT checked")
    for source, names in {"winograd": ("winograd_input", "winograd_output"), "pack": ("winograd_pack",)}.items():
        kernels = compile_cubin(nvcc, f"conv_{source}.cu", ARCH, tmp_path / f"{source}.cubin")
        for name in names:
            kernel = next(k for k in kernels if name in k.name)
            assert kernel.stack == kernel.spilled == 0, kernel
            assert kernel.registers <= 64, kernel  # four blocks of 256 threads to a multiprocessor


def assert_copies(name: str, loop: Counter[str]) -> None:
    assert count(loop, "LDGSTS.E.BYPASS.128") >= 1, (name, loop)
    if "PlainSource" not in name and "ColumnSourceILb1E" not in name:
        assert count(loop, "LDGSTS") == count(loop, "LDGSTS.E.BYPASS.128"), (name, loop)
