"""What the build finds: nvcc, wherever it is installed, the GPUs to build for, and extensions brought along."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pybind11
import pytest
import setuptools
from setuptools.errors import CompileError

from pydarknet import _cpuid
from pydarknet.backends.isas import ISAS, buildable, runnable
from tools.native import editors, extensions, flags, incremental, isas, toolkit

FILES = ("bin/nvcc", "lib/libcudart.so.13", "include/cuda_runtime.h")


@pytest.fixture(autouse=True)
def without_nvcc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_CUDA", "0")
    for variable in ("CUDA_HOME", "CUDA_PATH", "PYDARKNET_PREBUILT", "PYDARKNET_CUDA_ARCHS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", "")


def install(folder: Path) -> Path:
    """The files that nvidia-cuda-nvcc and nvidia-cuda-runtime put into an environment's site-packages."""
    home = folder / "nvidia" / "cu13"
    for name in FILES:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    return home


@pytest.mark.parametrize("where", ["path", "prefix"])
def test_pypis_nvcc(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the path, or where an isolated build doesn't look: the packages of the environment it builds for."""
    home = install(tmp_path)
    if where == "path":
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
    else:
        monkeypatch.setattr(sys, "path", [])
        monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    found = dict(toolkit.toolkits())
    assert found[home / "bin/nvcc"][0] == home
    assert toolkit.runtimes(found[home / "bin/nvcc"])[0] == home / "lib/libcudart.so.13"


def test_an_nvcc_of_ones_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    own = install(tmp_path / "own")
    monkeypatch.setenv("CUDA_HOME", str(own))
    assert next(toolkit.toolkits())[0] == own / "bin/nvcc"


def test_native_is_what_the_gpus_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 9.0\necho 12.0\necho 9.0\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PYDARKNET_CUDA_ARCHS", "native")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolkit.cuda_archs(Path("nvcc")) == ["90", "120"]
    smi.write_text("#!/bin/sh\necho no devices were found; exit 6\n")
    nvcc = tmp_path / "nvcc"
    nvcc.write_text("#!/bin/sh\necho compute_80\necho compute_90\n")
    nvcc.chmod(0o755)
    assert toolkit.cuda_archs(nvcc) == ["80", "90"]


def test_extensions_brought_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those for this Python, without nvcc; a folder that has only another Python's is a mistake."""
    monkeypatch.setenv("PYDARKNET_CUDA", "1")
    monkeypatch.setenv("PYDARKNET_PREBUILT", str(tmp_path))
    (tmp_path / "_cuda.cpython-23-m68k.so").touch()
    with pytest.raises(SystemExit, match="there is no extension for this Python"):
        extensions.prebuilt("_cuda")
    file = tmp_path / f"_cuda{sysconfig.get_config_var('EXT_SUFFIX')}"
    file.touch()
    assert extensions.prebuilt("_cuda") == file
    assert extensions.prebuilt("_emu") is None
    assert [each.name for each in extensions.extensions()][-1] == "pydarknet._cuda"


@pytest.mark.parametrize("wanted", ["1", "0"])
def test_warnings_can_be_no_errors(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("PYDARKNET_WERROR", wanted)
    names = runpy.run_path(str(flags.__file__))
    assert any("-Werror" in each for each in [*names["COMMON"], *names["CUDA_KERNELS"]]) == (wanted == "1")


def test_an_instruction_set_is_one_row_for_the_build_and_for_running() -> None:
    assert buildable("x86_64") == buildable("AMD64") == tuple(ISAS)
    assert buildable("aarch64") == ("baseline",)
    assert runnable("avx2") == ("baseline", "avx2")
    for name, isa in ISAS.items():  # what a set includes includes its own, and is built wherever it is
        assert all(set(ISAS[each].includes) <= set(isa.includes) for each in isa.includes), name
        assert all(set(isa.includes) <= set(buildable(machine)) for machine in isa.machines), name
        assert f"-DPYDARKNET_BLOCK={isa.block}" in extensions.cpu_extension(name).commands[".cpp"]


def test_native_is_the_best_that_this_machine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setenv("PYDARKNET_ISAS", "native")
    assert isas.chosen_isas() == [_cpuid.best()]
    monkeypatch.setattr(isas, "COMPILER", ["false"])
    assert isas.chosen_isas() == ["baseline"]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What `make -n` would run, in an environment that isn't there yet."""
    monkeypatch.setenv("PATH", os.defpath)
    for each in ("MAKEFLAGS", "MAKELEVEL", "VIRTUAL_ENV", "PYTHON"):  # `make test` started this one
        monkeypatch.delenv(each, raising=False)

    def lines(*arguments: str) -> list[str]:
        command = ["make", "-n", *arguments]
        done = subprocess.run(command, cwd=flags.ROOT, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).splitlines()

    return lines


def test_a_demo_brings_what_a_demo_needs(make: Callable[..., list[str]], tmp_path: Path) -> None:
    lines = make("demo", f"VENV={tmp_path}")
    assert not any("[test" in line for line in lines)
    assert any("venv --without-pip" in line for line in lines)
    (pip,) = [line for line in lines if " install " in line]
    assert "tools/pip.sh" in pip
    assert "--no-compile" in pip
    assert "--no-build-isolation" not in pip  # what only the build needs stays out
    assert lines[-1] == 'echo "drawn: predictions-stamps.jpg, predictions.jpg"'


def test_a_second_demo_installs_only_what_changed(make: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    stamp = tmp_path / ".pydarknet"
    stamp.touch()
    assert not any(" install " in line for line in make("demo", f"VENV={tmp_path}"))
    assert any(" install " in line for line in make("demo", f"VENV={tmp_path}", "-W", "csrc/cpu/pool.cpp"))
    assert any(" install " in line for line in make("demo", f"VENV={tmp_path}", "-W", "pyproject.toml"))


@pytest.mark.parametrize(
    ("fails", "last"),
    [
        ("", "environment -m pip install x"),
        ("environment", "machine -m pip --python ./environment install x"),
        ("environment machine", "another -m pip --python ./environment install x"),
        ("environment old", "another -m pip --python ./environment install x"),
    ],
    ids=["its own", "the machine's", "none", "one too old"],
)
def test_the_pip_of_an_environment(tmp_path: Path, fails: str, last: str) -> None:
    """Its own, or another one that leaves it without any."""
    for name in ("environment", "machine", "another"):
        (tmp_path / name).write_text(PYTHON.format(name=name, fails=fails))
        (tmp_path / name).chmod(0o755)
    command = [str(flags.ROOT / "tools/pip.sh"), "./environment", "./machine", "install", "x"]
    subprocess.run(command, env={"PATH": os.defpath}, cwd=tmp_path, check=True)
    told = (tmp_path / "log").read_text().splitlines()
    assert told[-1] == last
    assert ("machine -m venv build/pip" in told) == last.startswith("another")


# A Python whose pip may be missing or too old for --python, and which makes environments.
PYTHON = """#!/bin/sh
case "$*" in
*--version)
  case "{fails}" in *{name}*) exit 1;; esac
  case "{fails} $*" in *old*--python*) [ {name} = another ] || exit 1;; esac;;
*) echo {name} "$@" >> log;;
esac
if [ "$2" = venv ]; then
  mkdir -p build/pip/bin
  cp another build/pip/bin/python
fi
"""


def test_editors_know_how_each_source_is_compiled() -> None:
    found = {str(each["file"]): each["arguments"] for each in editors.compile_commands()}
    wanted = {
        p.relative_to(flags.ROOT).as_posix() for end in ("cpp", "cu") for p in (flags.ROOT / "csrc").rglob(f"*.{end}")
    }
    other = {
        name for name in wanted if "/emu/machine/fiber_" in name or name.endswith(("interface_cuda.cpp", "cpuid.cpp"))
    }
    assert wanted - other <= set(found) <= wanted
    assert "-DPYDARKNET_BLOCK=4" in found["csrc/cuda/pool.cu"]


def test_the_files_of_all_extensions_are_compiled_together_and_the_first_failure_ends_it(tmp_path: Path) -> None:
    """Two extensions wait for each other's file; then one can't be compiled, and the error is the compiler's."""
    command = [sys.executable, "-c", MEETING, str(tmp_path)]
    made = [extensions.Native(name, [f"{name}.cpp"], 1, []) for name in ("here", "there")]
    for each in made:
        each.commands = {".cpp": command}
    build = incremental.IncrementalBuild(setuptools.Distribution({"ext_modules": made}))
    build.ensure_finalized()
    build.build_temp = build.build_lib = str(tmp_path)
    build.extensions = made
    build.link = lambda ext, objects: linked.append((ext.name, objects))  # type: ignore[method-assign]
    linked: list[Any] = []
    build.build_extensions()
    assert sorted(name for name, _ in linked) == ["pydarknet.here", "pydarknet.there"]
    made[0].commands = {".cpp": [sys.executable, "-c", "raise SystemExit(1)"]}
    with pytest.raises(CompileError):
        build.build_extensions()


# Ends well once two have begun.
MEETING = """
import os, sys, time
folder = sys.argv[1]
open(os.path.join(folder, f"{os.getpid()}.met"), "w").close()
for _ in range(300):
    if sum(name.endswith(".met") for name in os.listdir(folder)) > 1:
        sys.exit()
    time.sleep(0.1)
sys.exit("alone")
"""


@pytest.mark.parametrize(
    ("file", "found"), [("dev/null", False), ("dev/nvidia0", True), ("dev/nvidiactl", False), ("dev/dxg", True)]
)
def test_a_gpu_shows_by_its_driver(tmp_path: Path, file: str, found: bool) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / file).touch()
    assert toolkit.has_gpu(tmp_path) == found


@pytest.mark.parametrize(
    ("wanted", "gpu", "built"), [("", False, False), ("", True, True), ("1", False, True), ("0", True, False)]
)
def test_nvcc_alone_builds_nothing(tmp_path: Path, monkeypatch, capsys, wanted: str, gpu: bool, built: bool) -> None:
    install(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setenv("PYDARKNET_CUDA", wanted)
    monkeypatch.setattr(extensions, "has_gpu", lambda: gpu)
    monkeypatch.setattr(extensions, "cuda_extension", lambda nvcc, roots: setuptools.Extension("pydarknet._cuda", []))
    assert ("pydarknet._cuda" in [each.name for each in extensions.extensions()]) == built
    told = capsys.readouterr().out
    assert ("PYDARKNET_CUDA=1 builds it" in told) == (not built and wanted != "0")
    assert ("takes minutes" in told) == built


def test_an_nvcc_without_its_library_is_told(tmp_path: Path, monkeypatch, capsys) -> None:
    """A script on the PATH, for instance."""
    monkeypatch.setattr(extensions, "toolkits", lambda: [(tmp_path / "nvcc", [tmp_path])])
    monkeypatch.setenv("PYDARKNET_CUDA", "")
    assert "pydarknet._cuda" not in [each.name for each in extensions.extensions()]
    assert f"{tmp_path / 'nvcc'} is there, but no libcudart.so with it" in capsys.readouterr().out
    monkeypatch.setenv("PYDARKNET_CUDA", "0")
    extensions.extensions()
    assert capsys.readouterr().out == ""


def test_a_compiler_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"nosuchgxx isn't there; .*apt-get install g\+\+"):
        incremental.run(["nosuchgxx", "-c", "a.cpp"])
    with pytest.raises(CompileError, match=r"command: .* -c"):
        incremental.run([sys.executable, "-c", "fails"])


def test_headers_of_every_kind_of_build_lie_in_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An isolated build has pybind11 in a folder of its own, which is gone afterwards."""
    (tmp_path / "isolated").mkdir()
    (tmp_path / "isolated" / "pybind11.h").touch()
    monkeypatch.setattr(flags, "ROOT", tmp_path)
    monkeypatch.setattr(pybind11, "get_include", lambda: str(tmp_path / "isolated"))
    kept = flags.pybind11_headers()
    assert kept.parent == tmp_path / "build"
    assert (kept / "pybind11.h").exists()
    monkeypatch.setattr(pybind11, "get_include", lambda: str(tmp_path / "gone"))
    assert flags.pybind11_headers() == kept
