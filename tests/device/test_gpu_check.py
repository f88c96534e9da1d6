"""`make gpu-check` and `make gpu-sanitize`: what they run on a GPU, say and leave behind, whenever they end."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from pydarknet.backends import cuda
from tests import gpu_check, gpu_sanitize
from tests.lib import gpu_parts
from tests.lib.fake_cupy import Machine
from tests.lib.gpu_parts import TESTS, Part, run_parts, verdict

MIXED = """
import pytest
def test_well(): pass
@pytest.mark.parametrize("x", ["a b"])
def test_wrong(x): assert x == 1
@pytest.mark.skip(reason="not PASSED")
def test_left_out(): pass
@pytest.mark.emulator
def test_of_the_emulator(): assert False
"""
# Its second test ends when nobody is there any more who would stop it.
SLOW = """
import os, time
PARENT = os.getppid()
def test_first(): pass
def test_second():
    while os.getppid() == PARENT: time.sleep(0.1)
def test_third(): pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where logs and reports go; beside it lie tests."""
    for name, text in {"mixed": MIXED, "slow": SLOW, "well": "def test_well(): pass\n"}.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    monkeypatch.setenv("PYDARKNET_GPU_OUT", str(tmp_path / "out"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


def part(name: str, share: float = 1.0, options: tuple[str, ...] = ()) -> Part:
    return Part(name, (str(Path.cwd() / f"test_{name}.py"),), share, options=options)


@pytest.mark.parametrize("program", [gpu_check, gpu_sanitize])
def test_without_a_gpu_nothing_passes(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, program: object
) -> None:
    machine.count = 0
    cuda.cuda_backend.cache_clear()
    monkeypatch.setattr(gpu_sanitize, "find_sanitizer", lambda: "compute-sanitizer")
    assert program.main([]) == 2  # type: ignore[attr-defined]
    assert capfd.readouterr().err == f"{program.PROGRAM}: nothing was checked: there is no NVIDIA GPU\n"  # type: ignore[attr-defined]


def asks_a_device(path: Path) -> bool:
    """Whether a file's tests run on whatever backends are chosen: by a fixture, or as networks do."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    tests = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    fixtures = {argument.arg for test in tests for argument in test.args.args}
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return "tests.lib.chosen" in modules or bool(fixtures & {"ops", "device_ops"})


def test_the_order_and_that_no_test_is_forgotten() -> None:
    parts = gpu_check.parts()
    assert [each.name for each in parts] == ["networks", "convolutions", "ops", "devices"]
    named = [TESTS / test for each in parts for test in each.tests]
    files = [path for each in named for path in ([each] if each.is_file() else sorted(each.glob("test_*.py")))]
    assert len(set(files)) == len(files)
    asking = {path for path in TESTS.rglob("test_*.py") if asks_a_device(path)}
    assert {path for path in asking if path.parent.name != "parity"} <= set(files)  # Debian's program isn't there


@pytest.mark.slow
def test_every_file_of_a_part_has_tests(tmp_path: Path) -> None:
    for part in gpu_check.parts():
        command = gpu_parts.command(replace(part, options=()), tmp_path, ["--collect-only", "-qq"])
        ran = subprocess.run(
            command, env=gpu_parts.environment(), cwd=TESTS.parent, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout
        for test in part.tests:
            assert f"tests/{test}" in ran.stdout, test
        emulated = [line for line in ran.stdout.splitlines() if re.match(r"tests/ops/.*[\[-]emu[]-]", line)]
        assert emulated == []  # a GPU's machine doesn't build it


@pytest.mark.parametrize("several", [False, True])
def test_a_failure_is_named_and_everything_is_counted(
    folder: Path, capsys: pytest.CaptureFixture[str], several: bool
) -> None:
    options = gpu_parts.workers() if several else ()
    assert bool(options) == several
    results = run_parts("gpu-check", [part("mixed", options=options), part("well")], 120)
    out = capsys.readouterr().out.splitlines()
    name = next(line for line in out if "FAILED" in line)
    assert name.startswith("gpu-check: FAILED ")
    assert name.endswith("test_mixed.py::test_wrong[a b]")
    mixed, well = (folder / "summary.txt").read_text().splitlines()
    assert {"1 passed", "1 failed"} <= set(mixed.removeprefix("mixed: ").partition(" in ")[0].split(", "))
    assert mixed.endswith("; ended with code 1")
    assert f"gpu-check: {mixed}" in out
    assert well.startswith("well: 1 passed in ")
    suite = ElementTree.parse(folder / "mixed.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert "assert 'a b' == 1" in (folder / "mixed.log").read_text()
    assert verdict("gpu-check", results) == 1
    assert verdict("gpu-check", results[1:]) == 0


@pytest.mark.slow
def test_a_part_ends_in_its_time_and_the_next_one_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow, well = run_parts("gpu-check", [part("slow"), part("well", share=9)], 80)
    assert str(slow).startswith("slow: 1 passed in ")
    assert str(slow).endswith("; STOPPED, 2 of 3 not run")
    assert well.whole
    assert ElementTree.parse(folder / "slow.xml").getroot()[0].get("tests") == "1"
    assert verdict("gpu-check", [slow, well]) == 3
    assert capsys.readouterr().out.endswith("gpu-check: NOT ALL RUN: slow\n")


def test_what_never_ran_is_no_success(folder: Path) -> None:
    (nothing,) = run_parts("gpu-check", [part("well")], 60, ["-k", "nothing"])
    (broken,) = run_parts("gpu-check", [part("missing")], 60)
    assert (verdict("gpu-check", [nothing]), verdict("gpu-check", [broken])) == (3, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_who_stops_it_has_what_was_known(folder: Path, number: signal.Signals) -> None:
    program = (
        "import sys; from tests.lib.gpu_parts import Part, run_parts, verdict\n"
        "parts = [Part(name, (f'{sys.argv[1]}/test_{name}.py',)) for name in ('well', 'slow', 'mixed')]\n"
        "sys.exit(verdict('gpu-check', run_parts('gpu-check', parts, 900)))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder.parent)], env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    log = folder / "slow.log"
    for _ in range(600):
        if log.exists() and "test_first PASSED" in log.read_text():
            break
        time.sleep(0.1)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert "test_first PASSED" in log.read_text()
    assert (folder / "summary.txt").read_text().startswith("well: 1 passed in ")
    if number != signal.SIGKILL:
        assert process.returncode == 3
        assert out.splitlines()[-1] == "gpu-check: NOT ALL RUN: slow, what comes after"
        assert "slow: 1 passed in " in (folder / "summary.txt").read_text()
        assert ElementTree.parse(folder / "slow.xml").getroot()[0].get("tests") == "1"


SANITIZER = """#!/bin/sh
# compute-sanitizer --tool TOOL --error-exitcode 1 COMMAND...
case $2 in
  racecheck) echo "Device not supported"; exit 1 ;;
  initcheck) found=1 ;;
esac
shift 4
"$@" || exit
exit ${found:-0}
"""


@pytest.mark.slow
def test_each_tool_is_tried_on_one_test_first(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One refuses the device, one finds something: both are told, and the others run everything."""
    tool = folder.parent / "compute-sanitizer"
    tool.write_text(SANITIZER)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder.parent}{os.pathsep}{os.environ['PATH']}")
    test = str(folder.parent / "test_well.py")
    monkeypatch.setattr(gpu_sanitize, "PROBE", f"{test}::test_well")
    monkeypatch.setattr(gpu_sanitize, "TESTS", test)
    assert gpu_sanitize.main([]) == 1
    lines = (folder / "summary.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *(f"{tool}-first" for tool in gpu_sanitize.TOOLS), "memcheck-all", "synccheck-all",
    ]  # fmt: skip
    assert "racecheck-first: no test ran in 0 s; ended with code 1" in lines
    assert capsys.readouterr().out.splitlines()[-2] == "gpu-sanitize: FAILED: racecheck-first, initcheck-first"


def test_the_tests_get_the_gpu_and_no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYDARKNET_TEST_BACKENDS", raising=False)
    environment = gpu_parts.environment()
    assert environment["PYDARKNET_TEST_BACKENDS"] == "cuda"
    assert environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
