"""Which of the CPU's instruction sets are built. Their table is the package's, whose other modules aren't needed."""

from __future__ import annotations

import os
import platform
import runpy
import subprocess

from .flags import COMPILER, ROOT

_TABLE = runpy.run_path(str(ROOT / "pydarknet/backends/isas.py"))


def settings(isa: str) -> tuple[int, list[str]]:
    """Lanes of a vector register, and the compiler's flags."""
    row = _TABLE["ISAS"][isa]
    return row.block, list(row.flags)


def native() -> str:
    """The best one that this machine runs: whose flags the compiler sets by itself for it."""
    command = [*COMPILER, "-march=native", "-dM", "-E", "-x", "c++", os.devnull]
    try:
        macros = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    except (OSError, subprocess.CalledProcessError):
        macros = set()  # not that kind of compiler: what every machine runs
    names: tuple[str, ...] = _TABLE["buildable"](platform.machine())
    for name in reversed(names):
        needed = [flag for flag in settings(name)[1] if "=" not in flag]
        if all(f"__{flag.removeprefix('-m').upper()}__" in macros for flag in needed):
            return name
    raise AssertionError("the baseline needs nothing")


def chosen_isas() -> list[str]:
    """Those of PYDARKNET_ISAS, or all that there are for this kind of machine."""
    if os.environ.get("PYDARKNET_ISAS") == "native":
        return [native()]
    wanted = [n.strip() for n in os.environ.get("PYDARKNET_ISAS", "").split(",") if n.strip()]
    unknown = sorted(set(wanted) - set(_TABLE["ISAS"]))
    if unknown:
        raise SystemExit(
            f"PYDARKNET_ISAS: unknown instruction set {unknown}, expected some of {list(_TABLE['ISAS'])}"
        )
    return wanted or list(_TABLE["buildable"](platform.machine()))
