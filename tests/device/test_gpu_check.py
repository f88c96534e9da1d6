"""`make gpu-check` where there is no GPU, and what it would run where there is one."""

from __future__ import annotations

import shutil
import sys

import gpu_check
import pytest
from fake_cupy import Machine

from pydarknet import cuda


def test_without_a_gpu_nothing_passes(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.count = 0
    cuda.cuda_backend.cache_clear()
    assert gpu_check.main([]) == 2
    assert capfd.readouterr().err == "gpu-check: nothing was checked: there is no NVIDIA GPU\n"


@pytest.mark.parametrize("failing", [None, "pytest", "memcheck"])
def test_everything_is_run_and_a_failure_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: str | None
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str]) -> int:
        commands.append(command)
        return int(failing in command)

    monkeypatch.setattr(gpu_check, "run", run)
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    assert gpu_check.main(["-k", "pool"]) == int(failing is not None)
    assert commands[0][:3] == [sys.executable, "-m", "pytest"]
    assert [command[2] for command in commands[1:]] == list(gpu_check.TOOLS)
    assert all(command[0] == "/opt/compute-sanitizer" for command in commands[1:])
    assert all("pool" in command for command in commands)
    out, err = capsys.readouterr()
    assert out == "gpu-check: cuda:0 (NVIDIA Paper, compute capability 9.0)\n"
    assert err.count("FAILED") == {None: 0, "pytest": 5, "memcheck": 1}[failing]


def test_the_tests_get_the_gpu(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    program = "import os; print(os.environ['PYDARKNET_TEST_BACKENDS']); raise SystemExit(3)"
    assert gpu_check.run([sys.executable, "-c", program]) == 3
    assert capfd.readouterr().out.endswith("\ncuda\n")
