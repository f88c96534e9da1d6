"""The CPU's instruction sets, a row each: the build makes an extension of every one, and the best is used.

`csrc/cpuid/cpuid.cpp` says which the machine has. The build reads this file by itself, so it imports nothing.
"""

from __future__ import annotations

from typing import NamedTuple

X86 = ("x86_64", "amd64")


class InstructionSet(NamedTuple):
    """`machines` are names of `platform.machine()`, none for any; `block` counts the lanes of a vector register, and
    activations are stored in blocks of so many channels; `flags` are the compiler's; a machine that has the set has
    those in `includes` too.
    """

    machines: tuple[str, ...]
    block: int
    flags: tuple[str, ...]
    includes: tuple[str, ...]


ISAS = {
    "baseline": InstructionSet((), 4, (), ()),
    "avx2": InstructionSet(X86, 8, ("-mavx2", "-mfma", "-mf16c"), ("baseline",)),
    "avx512": InstructionSet(
        X86, 16,
        ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512"),
        ("baseline", "avx2"),
    ),
}  # fmt: skip


def runnable(best: str) -> tuple[str, ...]:
    """What a machine runs whose best instruction set is this one, best last."""
    return (*ISAS[best].includes, best)


def buildable(machine: str) -> tuple[str, ...]:
    """What there is for a kind of machine."""
    return tuple(name for name, isa in ISAS.items() if not isa.machines or machine.lower() in isa.machines)
