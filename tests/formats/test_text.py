"""Text in whatever encoding it comes, from files and standard input, and files by their size."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pydarknet.anchors.cfg import with_anchors
from pydarknet.datasets.dataset import read_image_list
from pydarknet.datasets.voc import read_annotation
from pydarknet.errors import DarknetError, DataError
from pydarknet.formats.cfg import parse_cfg
from pydarknet.formats.data import read_data, read_list, read_map, read_names
from pydarknet.formats.json_file import read_json
from pydarknet.formats.labels import read_labels
from pydarknet.formats.text import byte_order, counted, decode, read_bytes
from pydarknet.formats.tree import read_tree
from pydarknet.images.sources import read_lines

ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"]

XML = "<annotation><object><name>犬</name><bndbox>{}</bndbox></object></annotation>".format(
    "".join(f"<{edge}>1</{edge}>" for edge in ("xmin", "ymin", "xmax", "ymax"))
)

READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "cfg": (lambda path: parse_cfg(path).net.options, "[net]\nwidth=8\n"),
    "data": (lambda path: read_data(path).options, "names = 犬.names\n"),
    "names": (read_names, "犬\ncafé\n"),
    "list": (read_list, "犬.jpg\r\nb.jpg\r\n"),
    "pictures": (lambda path: read_image_list("", path).images, "犬.jpg\nb.jpg\n"),
    "labels": (lambda path: read_labels(path).tolist(), "1 .5 .5 .25 .25\n"),
    "tree": (lambda path: read_tree(path).name, "犬 -1\n猫 -1\n"),
    "map": (lambda path: read_map(path).tolist(), "3\n1\n"),
    "json": (read_json, '{"犬": 1}'),
    "xml": (read_annotation, XML),
}


def encoded(text: str, encoding: str) -> bytes:
    mark = "" if encoding in ("utf-8-sig", "utf-16", "utf-32") else "\ufeff"
    return (mark + text).encode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", READERS)
def test_a_byte_order_mark_says_what_a_file_is(kind: str, encoding: str, tmp_path: Path) -> None:
    read, text = READERS[kind]
    plain, marked = tmp_path / "plain", tmp_path / "marked"
    plain.write_bytes(text.encode())
    marked.write_bytes(encoded(text, encoding))
    assert read(marked) == read(plain)


@pytest.mark.parametrize("encoding", ["utf-8", *ENCODINGS])
def test_a_byte_order_mark_says_what_standard_input_is(encoding: str) -> None:
    data = (
        encoded("犬\u010a.jpg\r\n\r\nb c.jpg\r\nlast.jpg", encoding) if encoding != "utf-8" else "犬.jpg\nb".encode()
    )
    expected = ["犬\u010a.jpg", "b c.jpg", "last.jpg"] if encoding != "utf-8" else ["犬.jpg", "b"]
    assert list(read_lines(io.BytesIO(data))) == expected


@pytest.mark.parametrize("data", [b"\xff\xfea", b"\xff\xfe\x00\xd8a\0", b"a\0b\0", b"\xff\xfea\0\0\0", b"\0" * 9])
def test_what_is_no_text(data: bytes, tmp_path: Path) -> None:
    """Half a letter, half a pair, no mark, zeros."""
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DataError, match="is not a text file"):
        read_names(tmp_path / "x")


def test_latin_1_with_and_without_the_mark_of_utf_8() -> None:
    assert decode(b"caf\xe9") == decode(b"\xef\xbb\xbfcaf\xe9") == "café"
    assert byte_order(b"caf\xe9") == (b"", "utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_list_in_latin_1_and_names_of_files_of_either_kind(encoding: str, tmp_path: Path) -> None:
    name = os.fsdecode("café.jpg".encode(encoding))
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "list.txt").write_bytes("café.jpg\n".encode("latin-1"))
    (image,) = read_image_list("", tmp_path / "list.txt").images
    assert (os.path.basename(image), os.path.exists(image)) == (name, True)


def test_anchors_go_into_a_cfg_in_utf_16(tmp_path: Path) -> None:
    import numpy as np

    text = "[net]\nwidth=32\nheight=32\nchannels=3\n"
    text += "[convolutional]\nfilters=6\n[region]\nclasses=1\nnum=1\nanchors=1,1\n"
    path = tmp_path / "a.cfg"
    path.write_bytes(encoded(text, "utf-16"))
    assert with_anchors(path, np.array([[2 / 32, 3 / 32]])).decode() == text.replace(
        "anchors=1,1", "anchors=2.0000,3.0000"
    )


def test_a_file_takes_memory_by_its_size(tmp_path: Path) -> None:
    """In a process that may have little more than it has."""
    import cv2
    import numpy as np

    (tmp_path / "x.json").write_text("[1]")
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((4, 4, 3), np.uint8))
    script = """
import resource, cv2
from pydarknet.formats.json_file import read_json
from pydarknet.images.image import load_image
from pydarknet.formats.text import read_bytes
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), used + (200 << 20)))
assert read_json("x.json") == [1] and load_image("x.png").shape == (4, 4, 3)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(10))
    assert len(read_bytes(tmp_path / "x", 10, DarknetError)) == 10
    for path, limit in ((tmp_path / "x", 9), (Path("/dev/zero"), 1 << 20)):
        with pytest.raises(DarknetError, match=f"is longer than {limit} bytes"):
            read_bytes(path, limit, DarknetError)


def test_one_thing_and_several():
    assert [counted(1, word) for word in ("image", "box")] == ["1 image", "1 box"]
    assert [counted(n, "class") for n in (0, 2, 9418)] == ["0 classes", "2 classes", "9,418 classes"]
    assert counted(3, "leaf", "leaves") == "3 leaves"
