"""A source distribution has all that a build and the installed package need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.check_csrc import findings

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("cfg", "csrc", "data", "pydarknet", "tools")
FILES = (
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "pyproject.toml",
    "setup.py",
    "weights/stamps.weights",
    "weights/stamps.md",
)
CACHE = "stamps.weights.avx2-fp32.packed"
MADE = shutil.ignore_patterns("*.so", "*.pyc", "__pycache__")
SOURCES = "from tools.native.editors import compile_commands; print([each['file'] for each in compile_commands()])"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution of a copy of the project, as its files lie after unpacking."""
    folder = tmp_path_factory.mktemp("sdist")
    copy = folder / "copy"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=MADE)
    (copy / "weights").mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    (copy / "weights" / CACHE).touch()
    command = [
        sys.executable,
        "-W",
        "ignore",
        "setup.py",
        "-q",
        "sdist",
        "--formats=gztar",
        "--dist-dir",
        str(folder),
    ]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extraction_filter = getattr(tarfile, "data_filter", None)  # which Python 3.11.2 doesn't have
        files.extractall(folder)
    return folder / archive.name.removesuffix(".tar.gz")


def test_caches_are_not_in_it(unpacked: Path) -> None:
    assert (unpacked / "weights" / "stamps.weights").exists()
    assert not (unpacked / "weights" / CACHE).exists()


def test_every_file_is_in_it(unpacked: Path) -> None:
    wanted = {p.relative_to(ROOT) for name in FOLDERS for p in (ROOT / name).rglob("*") if p.is_file()}
    wanted = {p for p in wanted if p.suffix not in (".so", ".pyc")} | {Path(name) for name in FILES}
    assert {p for p in wanted if not (unpacked / p).is_file()} == set()


def test_its_sources_are_whole(unpacked: Path) -> None:
    """Each file that a source includes is there, and the build lists the same sources as here."""
    assert findings(unpacked / "csrc") == []
    command = [sys.executable, "-c", SOURCES]
    here, there = (subprocess.run(command, cwd=at, check=True, capture_output=True) for at in (ROOT, unpacked))
    assert here.stdout == there.stdout
    assert b"csrc/cuda/conv/implicit.cu" in here.stdout


def test_the_package_holds_what_users_know_by_name(unpacked: Path, tmp_path: Path) -> None:
    """Of weights/ the project's own, and nothing that was fetched."""
    (unpacked / "weights" / "fetched.weights").touch()
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
    share = tmp_path / "pydarknet" / "_share"
    assert all((share / name).is_file() for name in ("cfg/yolov2.cfg", "data/coco.names", "data/stamps.jpg"))
    assert sorted(path.name for path in (share / "weights").iterdir()) == ["stamps.md", "stamps.weights"]
