"""Files that appear whole or not at all, and paths that are no files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from pydarknet.atomic import replacing


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
