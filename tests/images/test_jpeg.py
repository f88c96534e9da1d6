"""JPEG files by simplejpeg: OpenCV's pixels to the last bit, and what is left to OpenCV."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from pydarknet.errors import ImageWarning
from pydarknet.formats.resources import share
from pydarknet.images import image as images
from pydarknet.images.header import parse_header
from pydarknet.images.image import load_image, load_reduced

from .test_image import CMYK_JPEG, encoded, noise, with_orientation, written

PHOTOGRAPH = cv2.imread(str(share() / "data" / "stamps.jpg"))
SAMPLINGS = {
    name: getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}") for name in ("444", "422", "420", "440", "411")
}
SIZES = [(1, 1), (1, 40), (7, 5), (16, 16), (33, 47), (64, 128), (101, 250)]  # height, width
REDUCTIONS = {
    1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8,
}  # fmt: skip
TIFF = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1)  # with one field
SIXTH = struct.pack("<HHIHH", 0x112, 3, 1, 6, 0)  # a field that says turned


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    pytest.importorskip("simplejpeg")


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No simplejpeg."""
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    images._jpeg_decoder.cache_clear()
    yield
    images._jpeg_decoder.cache_clear()


def decode_jpeg(data: bytes, reduction: int = 1) -> np.ndarray | None:
    header = parse_header(data)
    assert header is not None
    return images.decode_jpeg(data, header, reduction)


def by_opencv(data: bytes, reduction: int = 1) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), REDUCTIONS[reduction])
    assert image is not None
    return image


def by_pillow(**options: object) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(noise(33, 47)).save(file, "JPEG", **options)
    return file.getvalue()


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("restarts", [0, 3])
def test_pixels_are_those_of_opencv(sampling: str, progressive: int, restarts: int) -> None:
    options = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling], cv2.IMWRITE_JPEG_PROGRESSIVE, progressive,
               cv2.IMWRITE_JPEG_RST_INTERVAL, restarts)  # fmt: skip
    for (h, w), quality in zip(SIZES, (5, 30, 50, 75, 92, 95, 100), strict=True):
        for image in (PHOTOGRAPH[:h, :w], noise(h, w)):
            data = encoded(".jpg", image, (*options, cv2.IMWRITE_JPEG_QUALITY, quality))
            found = decode_jpeg(data)
            assert found is not None
            np.testing.assert_array_equal(found, by_opencv(data))
            assert found.flags.c_contiguous
            assert found.flags.writeable


@pytest.mark.parametrize("options", [{"keep_rgb": True}, {"progressive": True}, {"subsampling": 1}])
def test_files_of_other_writers(options: dict[str, object]) -> None:
    data = by_pillow(**options)
    np.testing.assert_array_equal(decode_jpeg(data), by_opencv(data))


def test_grey_is_repeated() -> None:
    data = encoded(".jpg", PHOTOGRAPH[:33, :47, 0])
    found = decode_jpeg(data)
    assert found.shape == (33, 47, 3)
    np.testing.assert_array_equal(found, by_opencv(data))


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("size", [(17, 17), (33, 47), (64, 128), (101, 250)])
def test_reduced(reduction: int, size: tuple[int, int], tmp_path: Path) -> None:
    for sampling in SAMPLINGS.values():
        options = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        data = encoded(".jpg", PHOTOGRAPH[: size[0], : size[1]], options)
        np.testing.assert_array_equal(decode_jpeg(data, reduction), by_opencv(data, reduction))
    wanted = -(-size[1] // reduction), -(-size[0] // reduction)
    found, full = load_reduced(written(tmp_path / "a.jpg", data), 3, lambda *_: wanted)
    assert full == size[::-1]
    np.testing.assert_array_equal(found, by_opencv(data, reduction))


def test_a_reduction_of_few_pixels_is_left_to_opencv() -> None:
    assert decode_jpeg(encoded(".jpg", noise(40, 16)), 2) is None


def damaged() -> bytes:
    data = bytearray(encoded(".jpg", PHOTOGRAPH[:64, :64]))
    data[-200:-190] = b"\xff\xd9" * 5
    return bytes(data)


LEFT_TO_OPENCV = {
    "cmyk": CMYK_JPEG,
    "damaged": damaged(),
    "cut off": encoded(".jpg", PHOTOGRAPH)[:-300] + b"\xff\xd9",
    "png": encoded(".png", PHOTOGRAPH),
    **{f"turned {value}": with_orientation(encoded(".jpg", noise(16, 32)), value) for value in range(2, 9)},
    "exif cut off": with_segment(encoded(".jpg", noise(16, 32)), 0xE1, TIFF),
    "of another type": with_segment(
        encoded(".jpg", noise(16, 32)), 0xE1, TIFF + struct.pack("<HHII", 0x112, 4, 1, 6) + bytes(4)
    ),
    "called otherwise": with_segment(encoded(".jpg", noise(16, 32)), 0xE1, b"other\0" + TIFF[6:] + SIXTH + bytes(4)),
    "of no byte order": with_segment(
        encoded(".jpg", noise(16, 32)),
        0xE1,
        b"Exif\0\0M\1" + struct.pack(">HIHHHIHHI", 42, 8, 1, 0x112, 3, 1, 6, 0, 0),
    ),
}


@pytest.mark.parametrize("name", LEFT_TO_OPENCV)
def test_left_to_opencv(name: str) -> None:
    assert decode_jpeg(LEFT_TO_OPENCV[name]) is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_upright_photographs_of_cameras_and_editors(order: str) -> None:
    """EXIF that says upright, or nothing, and XMP in a segment of the same marker."""
    plain = encoded(".jpg", PHOTOGRAPH[:33, :47])
    start = b"Exif\0\0" + {"<": b"II*\0", ">": b"MM\0*"}[order]
    fields = [(0x10F, 2, 1, 65, 0), (0x112, 3, 1, 1, 0)]
    for count in (1, 2):
        table = b"".join(struct.pack(f"{order}HHIHH", *field) for field in fields[:count])
        data = with_segment(plain, 0xE1, start + struct.pack(order + "IH", 8, count) + table + bytes(4))
        data = with_segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")
        np.testing.assert_array_equal(decode_jpeg(data), by_opencv(data))


def test_a_turned_photograph_is_brought_upright_as_before(tmp_path: Path) -> None:
    data = with_orientation(encoded(".jpg", PHOTOGRAPH[:16, :32]), 6)
    found = load_image(written(tmp_path / "a.jpg", data))
    assert found.shape == (32, 16, 3)
    np.testing.assert_array_equal(found, by_opencv(data))


def test_images_are_read_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(".jpg", PHOTOGRAPH)
    wanted = by_opencv(data)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("by OpenCV"))
    np.testing.assert_array_equal(load_image(written(tmp_path / "a.jpg", data)), wanted)


@pytest.mark.usefixtures("absent")
def test_without_it(tmp_path: Path) -> None:
    data = encoded(".jpg", PHOTOGRAPH)
    assert decode_jpeg(data) is None
    np.testing.assert_array_equal(load_image(written(tmp_path / "a.jpg", data)), by_opencv(data))


def test_an_old_one_is_left_alone(absent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(__version__="1.8.2", decode_jpeg=lambda data, colorspace: None)
    monkeypatch.setitem(sys.modules, "simplejpeg", old)
    assert decode_jpeg(encoded(".jpg", PHOTOGRAPH)) is None


def cut(path: Path) -> np.ndarray:
    with pytest.warns(ImageWarning, match="end is missing"):
        return load_image(path)


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_cut_file_is_the_same_with_and_without_it(
    progressive: int, tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encoded(".jpg", PHOTOGRAPH, (cv2.IMWRITE_JPEG_PROGRESSIVE, progressive))
    paths = [written(tmp_path / f"{n}.jpg", data[:n]) for n in range(700, len(data), len(data) // 7)]
    found = [cut(path) for path in paths]
    request.getfixturevalue("absent")
    for path, image in zip(paths, found, strict=True):
        np.testing.assert_array_equal(cut(path), image)
    assert capfd.readouterr().err == ""
