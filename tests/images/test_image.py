"""Reading and writing image files, and arrays as images: good ones, odd ones, and no images at all."""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.errors import ImageError, ImageWarning
from pydarknet.images.exif import orientation
from pydarknet.images.header import parse_header
from pydarknet.images.image import as_bgr, letterbox, load_image, save_image, stretch
from pydarknet.images.size import image_size

F = np.float32

# 8x8, upper half cyan, lower half red, as printers write it.
CMYK_JPEG = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5N"
    "cXlwZHhcZWdj/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAAH/8QAGBAAAgMAAAAAAAAAAAAAAAAAABdl"
    "pOL/2gAOBEMATQBZAEsAAD8ALKXrbDNiLOAzYizgoB//2Q=="
)


def noise(h: int, w: int, c: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, c), np.uint8)


def encoded(ending: str, image: np.ndarray, options: tuple[int, ...] = ()) -> bytes:
    done, data = cv2.imencode(ending, image, options)
    assert done
    return data.tobytes()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ending", [".png", ".bmp", ".ppm", ".tiff"])
def test_there_and_back(ending: str, tmp_path: Path) -> None:
    image = noise(17, 29)
    path = tmp_path / f"собака 犬 é{ending}"
    save_image(path, image)
    np.testing.assert_array_equal(load_image(path), image)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_jpeg_quality(tmp_path: Path) -> None:
    image = noise(64, 64)
    for quality in (10, 90):
        save_image(tmp_path / f"{quality}.JPG", image, quality)
    assert (tmp_path / "10.JPG").stat().st_size < (tmp_path / "90.JPG").stat().st_size / 2


def test_one_pixel(tmp_path: Path) -> None:
    image = load_image(written(tmp_path / "x.png", encoded(".png", noise(1, 1))))
    np.testing.assert_array_equal(image, noise(1, 1))
    result = letterbox(image, 32, 32)
    np.testing.assert_array_equal(result[0, :, 5, 5], (image[0, 0, ::-1] / 255.0).astype(F))


def test_20000_pixels_wide(tmp_path: Path) -> None:
    image = load_image(written(tmp_path / "x.png", encoded(".png", noise(40, 20_000))))
    assert image.shape == (40, 20_000, 3)
    assert np.isfinite(stretch(image, 416, 416)).all()


def test_16_bits_keep_the_upper_byte(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (5, 6, 3), np.uint16)
    image = load_image(written(tmp_path / "x.png", encoded(".png", deep)))
    np.testing.assert_array_equal(image, deep >> 8)


def test_grey_is_repeated(tmp_path: Path) -> None:
    grey = noise(5, 6, 1)
    image = load_image(written(tmp_path / "x.png", encoded(".png", grey)))
    np.testing.assert_array_equal(image, np.repeat(grey, 3, axis=2))


def test_alpha_is_dropped(tmp_path: Path) -> None:
    image = load_image(written(tmp_path / "x.png", encoded(".png", noise(5, 6, 4))))
    np.testing.assert_array_equal(image, noise(5, 6, 4)[:, :, :3])


def test_cmyk(tmp_path: Path) -> None:
    image = load_image(written(tmp_path / "x.jpg", CMYK_JPEG)).astype(int)
    assert np.abs(image[0, 0] - [255, 255, 0]).max() <= 4  # cyan, BGR
    assert np.abs(image[7, 7] - [0, 0, 255]).max() <= 4  # red


def with_orientation(jpeg: bytes, value: int) -> bytes:
    """The JPEG with an EXIF segment that says how the camera was held."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize("between", [b"", b"\xff\xff", b"noise", b"\xff\x01"])
def test_size_and_orientation_read_the_same_segments(tmp_path: Path, between: bytes) -> None:
    """Whatever stands between the segments of a JPEG: fill bytes, noise, markers without a length."""
    turned = with_orientation(encoded(".jpg", np.zeros((4, 6, 3), np.uint8)), 6)
    data = turned[:2] + b"\xff\xfe\0\2" + between + turned[2:]
    assert orientation(written(tmp_path / "a.jpg", data)) == 6
    header = parse_header(data)
    assert header is not None
    assert (header.width, header.height, header.plain) == (6, 4, False)


def test_exif_turns_pictures_upright(tmp_path: Path) -> None:
    flat = np.zeros((16, 32, 3), np.uint8)
    flat[:, :16] = 255
    jpeg = encoded(".jpg", flat)
    upright = load_image(written(tmp_path / "1.jpg", with_orientation(jpeg, 1)))
    turned = load_image(written(tmp_path / "6.jpg", with_orientation(jpeg, 6)))
    assert upright.shape == (16, 32, 3)
    np.testing.assert_array_equal(turned, np.rot90(upright, -1))


PICTURE = noise(60, 80)


@pytest.mark.parametrize("ending", [".png", ".webp", ".tiff", ".bmp"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_cut_off(ending: str, part: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = encoded(ending, PICTURE)
    path = written(tmp_path / f"x{ending}", whole[: int(len(whole) * part)])
    with pytest.raises(ImageError, match=r"x\.\w+: a \w+ image that is damaged or cut off"):
        load_image(path)
    assert "libpng" not in capfd.readouterr().err


def test_a_changed_png_is_refused_without_a_word_of_libpng(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(".png", PICTURE))
    data[len(data) // 2] ^= 4
    with pytest.raises(ImageError, match="a PNG image that is damaged"):
        load_image(written(tmp_path / "x.png", bytes(data)))
    assert capfd.readouterr().err == ""


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


@pytest.mark.parametrize("options", [(), PROGRESSIVE, (cv2.IMWRITE_JPEG_RST_INTERVAL, 3)])
def test_a_jpeg_without_its_end_is_used(options: tuple[int, ...], tmp_path: Path) -> None:
    whole = encoded(".jpg", PICTURE, options)
    image = load_image(written(tmp_path / "whole.jpg", whole))
    start = parse_header(whole).pixels_at
    for length in range(start, len(whole) - 1, 97):
        with pytest.warns(ImageWarning, match=r"cut\.jpg: a JPEG image whose end is missing"):
            cut = load_image(written(tmp_path / "cut.jpg", whole[:length]))
        assert cut.shape == image.shape
        if options != PROGRESSIVE and length < len(whole) * 0.9:
            assert np.ptp(cut[-1, -1]) == 0  # grey
    with pytest.warns(ImageWarning):
        np.testing.assert_array_equal(load_image(written(tmp_path / "cut.jpg", whole[:-2])), image)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), PROGRESSIVE])
def test_a_jpeg_without_its_header_is_an_error(options: tuple[int, ...], tmp_path: Path) -> None:
    whole = encoded(".jpg", PICTURE, options)
    for length in range(3, parse_header(whole).pixels_at):
        path = written(tmp_path / "cut.jpg", whole[:length])
        for read in (load_image, image_size):
            with pytest.raises(ImageError, match=r"cut\.jpg: a JPEG image that is damaged or cut off"):
                read(path)


# Each format's own way to say how large an image is.
FORMATS = {
    ".jpg": 3, ".png": 4, ".bmp": 3, ".webp": 4, ".tiff": 3, ".gif": 3, ".avif": 3, ".jp2": 3, ".ppm": 3, ".pgm": 1,
    ".pbm": 1, ".pam": 3, ".ras": 3, ".hdr": 3, ".pfm": 3,
}  # fmt: skip


@pytest.mark.parametrize("ending", FORMATS)
def test_a_picture_has_its_limit_before_it_is_decoded(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = noise(48, 80, FORMATS[ending])
    data = encoded(ending, image if ending not in (".hdr", ".pfm") else image.astype(F) / 255)
    path = written(tmp_path / f"x{ending}", data)
    assert load_image(path).shape == (48, 80, 3)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    monkeypatch.setenv("PYDARKNET_MAX_PIXELS", "3839")
    for read in (load_image, image_size):
        with pytest.raises(ImageError, match=r"80 x 48 pixels, more than 3839 in all; .*PYDARKNET_MAX_PIXELS=3840"):
            read(path)


def test_a_size_behind_a_long_box(tmp_path: Path) -> None:
    data = encoded(".jp2", noise(48, 80))
    place = data.index(b"jp2h") - 4
    box = struct.pack(">I4s", 8 + 200_000, b"xml ") + bytes(200_000)
    assert load_image(written(tmp_path / "x.jp2", data[:place] + box + data[place:])).shape == (48, 80, 3)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1e9", "9" * 4000])
def test_a_limit_that_is_none(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_MAX_PIXELS", value)
    with pytest.raises(ImageError, match=r"PYDARKNET_MAX_PIXELS=.*expected the number of pixels"):
        load_image(written(tmp_path / "x.png", encoded(".png", noise(1, 1))))


def test_a_picture_must_fit_the_free_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydarknet.images.image.free_bytes", lambda: 1 << 20)
    with pytest.raises(ImageError, match=r"9000 x 9000 pixels needs 0\.5 GiB to be decoded, 0\.0 GiB are free"):
        load_image(written(tmp_path / "x.bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 9000, -9000)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"hello, this is no image", "not an image.*hello"),
        (b"\0" * 1000, "not an image"),
        (b"\xff\xd8\xff", "damaged"),
    ],
)
def test_no_picture(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"no.jpg: .*{message}"):
        load_image(written(tmp_path / "no.jpg", data))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"absent\.jpg: .*No such file"):
        load_image(tmp_path / "absent.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        load_image(tmp_path)
    with pytest.raises(ImageError, match="null"):
        load_image("a\0b.jpg")


def test_claims_more_pixels_than_anyone_has(tmp_path: Path) -> None:
    png = bytearray(encoded(".png", noise(4, 4)))
    png[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    with pytest.raises(ImageError, match=r"huge\.png"):
        load_image(written(tmp_path / "huge.png", bytes(png)))


@pytest.mark.parametrize("name", ["x", "x.xyz", "x.", ".png"])
def test_unknown_ending(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no image format"):
        save_image(tmp_path / name, PICTURE)


def test_no_place_to_write(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="can't be written: No such file"):
        save_image(tmp_path / "absent" / "x.png", PICTURE)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match="can't be written"):
        save_image(tmp_path / "folder.png", PICTURE)
    assert os.listdir(tmp_path) == ["folder.png"]


def test_too_wide_for_jpeg(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"x\.jpg"):
        save_image(tmp_path / "x.jpg", np.zeros((1, 70_000, 3), np.uint8))
    assert not os.listdir(tmp_path)


# Arrays


def test_bgr_is_taken_as_it_is() -> None:
    result = as_bgr(PICTURE)
    assert np.shares_memory(result, PICTURE)
    np.testing.assert_array_equal(result, PICTURE)


def test_rgb_is_turned() -> None:
    result = as_bgr(PICTURE, "rgb")
    np.testing.assert_array_equal(result, PICTURE[:, :, ::-1])
    assert result.flags.c_contiguous


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1)])
def test_grey_array(shape: tuple[int, ...]) -> None:
    grey = noise(5, 7, 1).reshape(shape)
    np.testing.assert_array_equal(as_bgr(grey), np.repeat(grey.reshape(5, 7, 1), 3, axis=2))


def test_alpha_array() -> None:
    image = noise(5, 7, 4)
    np.testing.assert_array_equal(as_bgr(image), image[:, :, :3])
    np.testing.assert_array_equal(as_bgr(image, "rgb"), image[:, :, [2, 1, 0]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_come_back_as_the_bytes_they_were(dtype: type) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(as_bgr((levels / 255.0).astype(dtype))[:, :, 0], levels)


def test_a_view_with_gaps() -> None:
    result = as_bgr(PICTURE[::2, ::-3])
    np.testing.assert_array_equal(result, PICTURE[::2, ::-3])
    assert result.flags.c_contiguous


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 20, 30), np.uint8), "transpose"),
        (np.zeros((1, 20, 30, 3), np.uint8), "shape"),
        (np.zeros((20, 30, 2), np.uint8), "shape"),
        (np.zeros((0, 30, 3), np.uint8), "shape"),
        (np.zeros(7, np.uint8), "shape"),
        (np.zeros((4, 4, 3), np.uint16), "uint16"),
        (np.zeros((4, 4, 3), bool), "bool"),
        (np.full((4, 4, 3), 255.0), "divide by 255"),
        (np.full((4, 4, 3), -0.1), "0..1"),
        (np.full((4, 4, 3), np.nan), "0..1"),
        (np.full((4, 4), np.inf), "0..1"),
        ([[1, 2], [3, 4]], "list"),
    ],
)
def test_no_picture_array(array, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        as_bgr(array)


def test_unknown_colour_order() -> None:
    with pytest.raises(ImageError, match="'gbr'"):
        as_bgr(PICTURE, "gbr")  # type: ignore[arg-type]


def test_fits_are_rgb() -> None:
    blue = np.zeros((10, 20, 3), np.uint8)
    blue[:, :, 0] = 255
    boxed, filled = letterbox(blue, 20, 20), stretch(blue, 20, 20)
    assert boxed.shape == filled.shape == (1, 3, 20, 20)
    np.testing.assert_array_equal(boxed[0, :, 10, 10], [0, 0, 1])
    np.testing.assert_array_equal(boxed[0, :, 0, 0], [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(filled[0, :, 0, 0], [0, 0, 1])


def test_a_tiff_of_floats_is_no_damaged_file(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "f.tiff"), np.zeros((8, 8, 3), np.float32))
    with pytest.raises(ImageError, match="whose pixels are floats: save it in 8 or 16 bits"):
        load_image(tmp_path / "f.tiff")
