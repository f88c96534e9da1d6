"""Files of detections are whole or not there at all: interrupted runs, full disks, targets that can't be."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pydarknet.errors import DataError, ExportError
from pydarknet.writers import KINDS, open_writer
from pydarknet.writers.base import FileWriter
from tests.lib.written import DOG, EDGE, FILES, NAMES, SIZE, contents, folder_of, save


@pytest.mark.parametrize("kind", FILES)
def test_the_old_file_stays_until_the_end(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    writer = open_writer(kind, target, NAMES)
    writer.write("a.jpg", SIZE, [DOG])
    assert target.read_bytes() == b"old"
    writer.close()
    writer.close()
    assert b"dog" in target.read_bytes() or kind in {"coco", "imagenet"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(ExportError, match="closed"):
        writer.write("b.jpg", SIZE, [])


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_keeps_what_is_done(tmp_path: Path, kind: str) -> None:
    done, broken = tmp_path / "done", tmp_path / "broken"
    save(kind, folder_of(done), ("a.jpg", [DOG]))

    def interrupted() -> None:
        with open_writer(kind, f"{broken}/", NAMES) as writer:
            writer.write("a.jpg", SIZE, [DOG])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert contents(broken) == contents(done)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_before_the_first_result_leaves_nothing(tmp_path: Path, kind: str) -> None:
    def failing() -> None:
        with open_writer(kind, f"{tmp_path}/", NAMES):
            raise DataError("bad cfg")

    with pytest.raises(DataError):
        failing()
    assert contents(tmp_path) == {}


def test_ctrl_c_in_the_middle_of_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = FileWriter._put

    def half(writer: FileWriter, text: str) -> None:
        put(writer, text[: len(text) // 2])
        raise KeyboardInterrupt

    def interrupted() -> None:
        with open_writer("json", tmp_path, NAMES) as writer:
            writer.write("a.jpg", SIZE, [DOG])
            with monkeypatch.context() as patch:
                patch.setattr(FileWriter, "_put", half)
                writer.write("b.jpg", SIZE, [DOG])

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (picture,) = json.loads((tmp_path / "detections.json").read_bytes())
    assert picture["filename"] == "a.jpg"


def fails_with(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("moment", ["write", "close"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, moment: str) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    writer = open_writer(kind, target, NAMES)
    if moment == "write":
        monkeypatch.setattr(FileWriter, "_put", fails_with(errno.ENOSPC))
    else:
        monkeypatch.setattr(os, "fsync", fails_with(errno.ENOSPC))
    with pytest.raises(ExportError, match=f"{target}: can't be written: No space left on device"), writer:
        writer.write("a.jpg", SIZE, [DOG])
    assert contents(tmp_path) == {"out": b"old"}


@pytest.mark.parametrize("kind", ["voc", "yolo"])
def test_a_full_disk_for_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("pydarknet.writers.voc.FLUSH", 1)
    writer = open_writer(kind, tmp_path, NAMES)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", fails_with(errno.ENOSPC))
        with pytest.raises(ExportError, match="No space left"):
            writer.write("a.jpg", SIZE, [DOG])
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_targets_that_can_not_be(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file"):
        open_writer(kind, tmp_path / "file" / "out", NAMES)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    for kind in ("voc", "yolo"):
        with pytest.raises(ExportError, match=f"{tmp_path}: can't be written: Permission denied"):
            open_writer(kind, tmp_path, NAMES)
    monkeypatch.setattr("builtins.open", fails_with(errno.EACCES))
    for kind in FILES:
        with pytest.raises(ExportError, match="Permission denied"):
            open_writer(kind, tmp_path / "x", NAMES)


@pytest.mark.parametrize("kind", FILES)
def test_a_picture_is_not_replaced_by_its_results(tmp_path: Path, kind: str) -> None:
    picture, link = tmp_path / "a.jpg", tmp_path / "b.jpg"
    picture.write_bytes(b"pixels")
    link.symlink_to(picture)
    with open_writer(kind, link, NAMES) as writer, pytest.raises(ExportError, match="is an image that is being read"):
        writer.write(str(picture), SIZE, [DOG])
    with pytest.raises(ExportError, match="is an image that is being read"):
        save(kind, picture, (str(link), [DOG]))
    assert picture.read_bytes() == b"pixels"


@pytest.mark.parametrize("kind", FILES)
def test_a_pipe_gets_results_as_they_come(tmp_path: Path, kind: str) -> None:
    reader, number = os.pipe()
    with open_writer(kind, f"/dev/fd/{number}", NAMES) as writer:
        writer.write("a.jpg", SIZE, [DOG])
        first = os.read(reader, 1 << 16)
        writer.write("b.jpg", SIZE, [EDGE])
    os.close(number)
    with open(reader, "rb") as rest:
        streamed = first + rest.read()
    save(kind, tmp_path / "file", ("a.jpg", [DOG]), ("b.jpg", [EDGE]))
    assert streamed == (tmp_path / "file").read_bytes()


def test_voc_lines_are_not_forged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line end"):
        save("voc", tmp_path, ("a\nimg2 0.99 1 1 50 50\nb.png", [DOG]))
