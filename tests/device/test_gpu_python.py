"""Which Python builds and checks on a GPU: one that has what they need is used as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "gpu_python.sh"


def python(path: Path, lacks: str) -> Path:
    """An interpreter that says it lacks these modules, and can do nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n[ "$1" = -c ] || exit 9\necho "{lacks}"\n')
    path.chmod(0o755)
    return path


def chosen(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", **environment}
    return subprocess.run(
        ["sh", str(SCRIPT)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_order(tmp_path: Path) -> None:
    python(tmp_path / "bin/python3", "")
    assert chosen(tmp_path).stdout == "python3\n"
    active = python(tmp_path / "active/bin/python", "")
    assert chosen(tmp_path, VIRTUAL_ENV=str(tmp_path / "active")).stdout == f"{active}\n"
    named = python(tmp_path / "named", "")
    assert chosen(tmp_path, VIRTUAL_ENV=str(tmp_path / "active"), PYTHON=str(named)).stdout == f"{named}\n"
    python(active, "cupy")
    assert chosen(tmp_path, VIRTUAL_ENV=str(tmp_path / "active")).stdout == "python3\n"


def test_what_the_named_one_lacks_is_said(tmp_path: Path) -> None:
    named = python(tmp_path / "named", "cupy pytest")
    result = chosen(tmp_path, PYTHON=str(named))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"PYTHON={named} lacks: cupy pytest\n"
