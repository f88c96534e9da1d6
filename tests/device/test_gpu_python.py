"""Which Python builds and checks on a GPU: one that has what they need is used as it is; and who stops that."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_stops_the_whole_stops_what_runs_now_and_nothing_else_begins(tmp_path: Path, number: int) -> None:
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\n[ $1 = -c ] && exit\ntrap 'echo told; exit 3' TERM\necho began\nwhile :; do sleep 0.05; done\n"
    )
    (tmp_path / "make").write_text("#!/bin/sh\n")
    for each in (program, tmp_path / "make"):
        each.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHON": str(program),
        "PYDARKNET_GPU_OUT": str(tmp_path),
    }
    process = subprocess.Popen(
        ["sh", "tools/gpu.sh"], cwd=SCRIPT.parents[1], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("gpu: built after ")
    assert process.stdout.readline() == "began\n"
    process.send_signal(number)
    assert (process.communicate(timeout=30)[0], process.returncode) == ("told\n", 3)
