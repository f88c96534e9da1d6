"""Files that appear whole or not at all, and paths that are no files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from pydarknet.formats.atomic import replacing


def fail_halfway(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise OSError("disk full")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        fail_halfway(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    with replacing(path) as file:
        file.write(b"whole")
    assert stat.S_ISFIFO(path.stat().st_mode)
    reader.join(5)
    assert read == [b"whole"]


def test_the_new_file_has_the_mode_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for mode in (0o600, 0o664, 0o640):
        path.write_bytes(b"old")
        path.chmod(mode)
        with replacing(path) as file:
            (part,) = set(tmp_path.iterdir()) - {path}
            assert stat.S_IMODE(part.stat().st_mode) == mode  # before anything is in it
            file.write(b"new")
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_new_file_has_the_owner_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 54321)
    with replacing(path) as file:
        file.write(b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_an_open_file_is_not_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb", buffering=0) as file:
        file.write(b"before\n")
        link = tmp_path / "link"
        link.symlink_to(f"/dev/fd/{file.fileno()}")
        for path in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}", link):
            with replacing(path) as stream:
                stream.write(b"written\n")
        file.write(b"after\n")
    assert log.read_bytes() == b"before\nwritten\nwritten\nwritten\nafter\n"
