"""The CPU's instruction sets: an extension module for each."""

from __future__ import annotations

import os
import platform

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


def chosen_isas() -> list[str]:
    wanted = os.environ.get("PYDARKNET_ISAS")
    names = [n.strip() for n in wanted.split(",") if n.strip()] if wanted else list(ISAS) if X86 else ["baseline"]
    unknown = sorted(set(names) - set(ISAS))
    if unknown:
        raise SystemExit(f"PYDARKNET_ISAS: unknown instruction set {unknown}, expected some of {list(ISAS)}")
    return names
