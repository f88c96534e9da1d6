"""Data sets as they are found: what needs no thought from the user is taken, and said."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.images.exif import orientation
from tests.lib.toy_training import make

Change = Callable[[Path], object]


def replaced(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def turned(path: Path) -> None:
    """Make an image one that EXIF turns by a quarter."""
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    data = cv2.imencode(".jpg", cv2.imread(str(path)))[1].tobytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])


def companions(folder: Path) -> None:
    """What macOS leaves on foreign disks."""
    for path in list((folder / "images").iterdir())[:3]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\x05\x16\x07\0\2\0\0Mac OS X")
    list_ = sorted((folder / "images").iterdir())
    (folder / "train.txt").write_text("".join(f"{path}\n" for path in list_))


def latin(folder: Path) -> None:
    (folder / "toy.names").write_bytes("Größe\ndark\n".encode("latin-1"))


FOUND: dict[str, tuple[Change, str]] = {
    "no backup folder": (lambda f: (f / "backup").rmdir(), "backup didn't exist; it is made"),
    "more names": (
        lambda f: (f / "toy.names").write_text("bright\ndark\nred\n"),
        "has 3 names for 2 classes; the first",
    ),
    "other classes": (replaced("toy.data", "classes = 2", "classes = 3"), "classes=3, but the network"),
    "rounded labels": (lambda f: (f / "labels/dark1.txt").write_text("1 .5 .5 1.0000001 1.0009\n"), ""),
    "rounded centres": (lambda f: (f / "labels/dark1.txt").write_text("1 -1e-7 1.0000001 .2 .2\n"), ""),
    "comments": (replaced("toy.data", "classes = 2", "classes = 2 # bright and dark"), ""),
    "comments behind paths": (replaced("toy.data", "/train.txt", "/train.txt ; the list"), ""),
    "commas": (replaced("toy.data", "classes = 2", "classes = 2,"), ""),
    "commas behind paths": (replaced("toy.data", "/toy.names", "/toy.names,"), ""),
    "backslashes in lists": (replaced("train.txt", "/images/", "\\images\\"), ""),
    "backslashes in .data": (replaced("toy.data", "/toy.names", "\\toy.names"), ""),
    "backslashes in backup": (replaced("toy.data", "/backup", "\\backup"), ""),
    "macOS": (companions, "3 of 11 files hold what macOS notes of an image"),
    "Latin-1": (latin, ""),
    "turned images": (lambda f: turned(f / "images/dark1.png"), "1 of 8 images are turned by EXIF"),
}


@pytest.mark.parametrize("case", FOUND)
def test_taken_with_at_most_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    change, warning = FOUND[case]
    data, cfg = make(tmp_path)
    change(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-batches", "1"]) == 0
    errors = capsys.readouterr().err
    assert warning in errors
    assert errors.count("warning") == bool(warning), errors
    assert (tmp_path / "backup" / "toy_final.weights").exists()
    if case != "other classes":  # too few names for the .data file, if not for the network
        assert main(["data", "check", str(data)]) == 0


def test_a_file_whose_name_ends_like_a_comment(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    shutil.move(tmp_path / "train.txt", tmp_path / "train #1,")
    replaced("toy.data", "/train.txt", "/train #1,")(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-batches", "1", "--quiet"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("value", [1, 3, 6])
def test_orientation(tmp_path: Path, ending: str, order: str, value: int) -> None:
    """In every container that carries EXIF, in both byte orders; cut anywhere it is upright and no error."""
    tiff = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HIHHHIHHI", 42, 8, 1, 0x112, 3, 1, value, 0, 0)
    data = cv2.imencode(f".{ending}", np.zeros((5, 9, 3), np.uint8))[1].tobytes()
    if ending == "jpg":
        body = b"Exif\0\0" + tiff
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    elif ending == "png":
        data = data[:33] + struct.pack(">I", len(tiff)) + b"eXIf" + tiff + b"\0\0\0\0" + data[33:]
    else:
        data += b"EXIF" + struct.pack("<I", len(tiff)) + tiff
    path = tmp_path / f"a.{ending}"
    path.write_bytes(data)
    assert orientation(path) == value
    for end in range(len(data)):
        path.write_bytes(data[:end])
        assert orientation(path) in (1, value)
