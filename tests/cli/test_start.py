"""What starting costs: light commands and the import of the package load nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from pydarknet.cli import main as main_module

HEAVY = {"numpy", "cv2", "tqdm", "onnx", "pydarknet._cpu_baseline", "pydarknet._cpu_avx2", "pydarknet._cpu_avx512"}
IMPORT = "import pydarknet"
HELP = "from pydarknet.cli.main import main; main(['--help'])"


def run(code: str) -> tuple[float, set[str]]:
    """Seconds of a fresh interpreter, and the heavy modules that it had loaded at its end."""
    start = time.perf_counter()
    probe = f"{code}\nimport sys; print('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    return seconds, HEAVY & set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("code", [IMPORT, HELP], ids=["import", "help"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    seconds, loaded = run(code)
    assert loaded == set()
    print(f"{code}: {seconds:.3f} s with the interpreter's own start, {run('pass')[0]:.3f} s")


def test_detecting_loads_nothing_for_other_ends() -> None:
    code = "import sys, pydarknet.cli.main, pydarknet.cli.commands.detect, pydarknet.network, pydarknet.writers"
    others = (
        "http.client urllib.request ssl pydarknet.catalog.download pydarknet.train pydarknet.export numpy.random "
        "pydarknet.writers.coco concurrent.futures csv difflib html logging subprocess tempfile"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert set(others.split()).isdisjoint(done.stdout.split())


def test_a_jpeg_is_looked_at_without_opencv() -> None:
    """Where simplejpeg reads it and nothing is drawn."""
    pytest.importorskip("simplejpeg")
    code = "from pydarknet.cli.main import main; main(['detect', 'stamps', '--no-draw', '--quiet'])"
    loaded = run(code)[1]
    assert "numpy" in loaded
    assert "cv2" not in loaded


def test_the_collector_rests_in_a_process_of_its_own_alone() -> None:
    """Not in one that calls `main`; and what is alive at the end isn't searched."""
    code = (
        "import atexit, gc; before = gc.get_threshold(); atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "from pydarknet.cli.main import main; main(['version']); print(gc.get_threshold() == before)\n"
        "from pydarknet.__main__ import run; run(); print(gc.get_threshold() > before)"
    )
    done = subprocess.run([sys.executable, "-c", code, "version"], capture_output=True, text=True, check=True)
    assert done.stdout.split().count("True") == 3


def test_help_loads_no_command() -> None:
    listed = "print(*(name for name in sys.modules if name.startswith('pydarknet.cli.commands.')))"
    code = f"import sys; from pydarknet.cli.main import main; main(['--help']); {listed}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_the_probe_sees_what_is_loaded() -> None:
    assert "numpy" in run("import pydarknet; pydarknet.Network")[1]


def test_names_that_are_looked_up_can_be_completed() -> None:
    import pydarknet

    assert set(pydarknet.__all__) <= set(dir(pydarknet))
    assert all(getattr(pydarknet, name) is not None for name in pydarknet.__all__)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("libGL.so.1: cannot open shared object file", "opencv-python-headless"),
        ("No module named 'cv2'", "is it installed"),
    ],
)
def test_packages_that_can_not_be_loaded(cause: str, told: str, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in slim containers, and within `ulimit -v`."""

    def fail(name: str) -> None:
        raise ImportError(cause)

    monkeypatch.setattr(main_module, "load", fail)
    assert main_module.main(["detect", "stamps"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"pydarknet: error: a package can't be loaded: {cause}; ")
    assert told in said


def test_help_names_every_command() -> None:
    done = subprocess.run([sys.executable, "-m", "pydarknet", "--help"], capture_output=True, text=True, check=True)
    for command in ("detect", "classify", "demo", "speed", "ops", "info", "weights"):
        assert f"\n  {command} " in done.stdout
