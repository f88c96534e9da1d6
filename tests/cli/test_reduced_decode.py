"""`detect --reduced-decode`: less of a JPEG is decoded, and detections stay where they are in the whole image."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.errors import ImageError, ImageWarning
from pydarknet.images.image import load_image, load_reduced, save_image
from tests.lib import cli_nets


def smooth(width: int, height: int) -> np.ndarray:
    """A BGR image of slow waves, which a smaller one shows as well."""
    across, down = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    waves = [np.sin(3 * across + i) * np.cos(2 * down - i) for i in range(3)]
    return (127 + 120 * np.dstack(waves)).astype(np.uint8)


def turned(path: Path) -> None:
    """Have the EXIF of a JPEG say that it lies on its side."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])


@pytest.mark.parametrize("size", [(800, 600), (801, 603), (600, 800), (807, 799)])
@pytest.mark.parametrize(("least", "reduction"), [(20, 8), (100, 8), (102, 4), (210, 2), (405, 1), (1000, 1)])
@pytest.mark.parametrize("on_its_side", [False, True])
def test_a_jpeg_is_as_large_as_it_has_to_be(
    size: tuple[int, int], least: int, reduction: int, on_its_side: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    save_image(path, smooth(*size))
    if on_its_side:
        turned(path)
    whole = load_image(path)
    image, full = load_reduced(path, 3, lambda w, h: (least * w // max(w, h), least * h // max(w, h)))
    assert full == (whole.shape[1], whole.shape[0])
    assert full == (size[::-1] if on_its_side else size)
    assert image.shape[:2] == tuple(-(-side // reduction) for side in whole.shape[:2])
    if reduction > 1:
        small = cv2.resize(whole, image.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - image).mean() < 2


def test_other_images_are_decoded_whole(tmp_path: Path) -> None:
    png = tmp_path / "a.png"
    save_image(png, smooth(800, 600))
    image, full = load_reduced(png, 3, lambda *_: (10, 10))
    np.testing.assert_array_equal(image, smooth(800, 600))
    assert full == (800, 600)
    jpg = tmp_path / "a.jpg"
    save_image(jpg, smooth(800, 600))
    jpg.write_bytes(jpg.read_bytes()[:-100])
    with pytest.warns(ImageWarning):
        image, full = load_reduced(jpg, 3, lambda *_: (10, 10))
    assert (image.shape, full) == ((600, 800, 3), (800, 600))
    jpg.write_bytes(jpg.read_bytes()[:10])
    with pytest.raises(ImageError):
        load_reduced(jpg, 3, lambda *_: (10, 10))


def boxes(file: Path) -> list[list[float]]:
    with open(file, newline="") as lines:
        return [[float(cell) for cell in row if cell.replace(".", "").isdecimal()] for row in csv.reader(lines)]


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_boxes_are_those_of_the_whole_image(
    fit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli_nets.write_files(tmp_path)
    for i, size in enumerate([(800, 600), (333, 777), (40, 30)]):
        save_image(tmp_path / f"{i}.jpg", smooth(*size))
    save_image(tmp_path / "3.png", smooth(500, 400))
    turned(tmp_path / "1.jpg")
    words = ["detect", "net.cfg", "net.weights", *sorted(map(str, tmp_path.glob("[0-9].*"))), "--fit", fit]
    whole = cli_nets.call(capsys, *words, "--save", "csv", "--save-to", "whole.csv")
    reduced = cli_nets.call(capsys, *words, "--save", "csv", "--save-to", "reduced.csv", "--reduced-decode")
    assert (whole.code, whole.results) == (reduced.code, reduced.results)
    assert "--reduced-decode" not in reduced.err
    expected, found = boxes(Path("whole.csv")), boxes(Path("reduced.csv"))
    assert len(expected) > 4
    for one, other in zip(expected, found, strict=True):
        assert other == pytest.approx(one, abs=1.5)


@pytest.mark.parametrize(
    "more", [["--out", "drawn"], ["--save-crops", "crops"], ["--min-size", "3"], ["--tile", "64"]]
)
def test_what_needs_the_whole_image_says_so(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli_nets.write_files(tmp_path)
    words = ["detect", "net.cfg", "net.weights", "a.jpg", "a.jpg", *more]
    plain = cli_nets.call(capsys, *words)
    given = cli_nets.call(capsys, *words, "--reduced-decode")
    assert (plain.code, plain.results) == (given.code, given.results)
    assert given.err.count("warning: --reduced-decode: changes nothing") == 1
