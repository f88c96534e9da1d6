"""Where nvcc is, and which GPUs it compiles for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

CUDA_ARCHS = ("75", "80", "86", "89", "90", "100", "120")


def toolkits() -> Iterator[tuple[Path, list[Path]]]:
    """nvcc and the folders that belong to it: of CUDA_HOME, on the PATH, in the usual place, installed from PyPI."""
    homes = [Path(os.environ[v]) / "bin/nvcc" for v in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(v)]
    on_path = shutil.which("nvcc")
    # An isolated build has the environment's packages in its prefix, but not on its path.
    folders = dict.fromkeys([*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    wheels = [p for folder in folders for p in Path(folder).glob("nvidia/*/bin/nvcc")]
    for nvcc in [*homes, *([Path(on_path)] if on_path else []), Path("/usr/local/cuda/bin/nvcc"), *wheels]:
        if nvcc.is_file():
            # A toolkit is one folder; PyPI's wheels are several side by side.
            home = nvcc.resolve().parents[1]
            yield nvcc.resolve(), [home, *(p for p in home.parent.glob("*") if home.parent.name == "nvidia")]


def runtimes(roots: list[Path]) -> list[Path]:
    """The shared CUDA runtime; a script called nvcc somewhere on the PATH has none beside it."""
    return [p for r in roots for lib in ("lib64", "lib") for p in sorted((r / lib).glob("libcudart.so*"))]


def card_archs() -> list[str]:
    """Compute capabilities of the GPUs that are there, as nvidia-smi tells them."""
    tool = shutil.which("nvidia-smi")
    command = [tool or "", "--query-gpu=compute_cap", "--format=csv,noheader"]
    text = subprocess.run(command, check=False, capture_output=True, text=True).stdout if tool else ""
    return sorted({"".join(found) for found in re.findall(r"^(\d+)\.(\d)$", text, re.MULTILINE)}, key=int)


def has_gpu(root: Path = Path("/")) -> bool:
    """Whether this machine has a GPU of NVIDIA's, by what its driver shows, under Windows' Linux as well."""
    places = ("dev/nvidia[0-9]*", "proc/driver/nvidia/gpus/*", "dev/dxg")
    return any(True for place in places for _ in root.glob(place))


def cuda_archs(nvcc: Path) -> list[str]:
    """The wanted ones, or those of CUDA_ARCHS that this nvcc knows."""
    wanted = [a.strip() for a in os.environ.get("PYDARKNET_CUDA_ARCHS", "").split(",") if a.strip()]
    wanted = card_archs() if wanted == ["native"] else wanted
    if wanted:
        return wanted
    text = subprocess.run([str(nvcc), "--list-gpu-arch"], check=True, capture_output=True, text=True).stdout
    return [a for a in CUDA_ARCHS if f"compute_{a}" in text.split()]
