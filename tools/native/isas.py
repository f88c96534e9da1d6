"""Which of the CPU's instruction sets are built. Their table is the package's, whose other modules aren't needed."""

from __future__ import annotations

import os
import platform
import runpy

from .flags import ROOT

_TABLE = runpy.run_path(str(ROOT / "pydarknet/backends/isas.py"))


def settings(isa: str) -> tuple[int, list[str]]:
    """Lanes of a vector register, and the compiler's flags."""
    row = _TABLE["ISAS"][isa]
    return row.block, list(row.flags)


def chosen_isas() -> list[str]:
    """Those of PYDARKNET_ISAS, or all that there are for this machine."""
    wanted = [n.strip() for n in os.environ.get("PYDARKNET_ISAS", "").split(",") if n.strip()]
    unknown = sorted(set(wanted) - set(_TABLE["ISAS"]))
    if unknown:
        raise SystemExit(
            f"PYDARKNET_ISAS: unknown instruction set {unknown}, expected some of {list(_TABLE['ISAS'])}"
        )
    return wanted or list(_TABLE["buildable"](platform.machine()))
