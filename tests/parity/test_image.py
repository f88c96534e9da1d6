"""Images as Debian's program reads them, and its letterbox."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.images.image import letterbox, load_image, stretch

from .oracle import letterbox_image as their_letterbox
from .oracle import load_image as their_load
from .oracle import resize_image as their_resize
from .oracle_library import DATA

F = np.float32
PHOTOGRAPHS = ("dog", "eagle", "giraffe", "horses", "person", "kite")


def planar(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((image[:, :, ::-1] / 255.0).astype(F).transpose(2, 0, 1))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs(name: str) -> None:
    """The same bytes through either letterbox agree to the bit."""
    image = load_image(DATA / f"{name}.jpg")
    for w, h in [(416, 416), (608, 352), (224, 224)]:
        np.testing.assert_array_equal(letterbox(image, w, h)[0], their_letterbox(planar(image), w, h))
        np.testing.assert_array_equal(stretch(image, w, h)[0], their_resize(planar(image), w, h))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_decoded_photographs(name: str) -> None:
    """JPEG decoders differ in rounding; through the letterbox, little of it is left."""
    path = DATA / f"{name}.jpg"
    ours, theirs = planar(load_image(path)), their_load(path)
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)
    assert difference.max() <= 3.01 / 255
    assert difference.mean() <= 0.25 / 255


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png(dtype: type, channels: int, tmp_path: Path) -> None:
    """Grey, alpha and 16 bits become the same three channels."""
    rng = np.random.default_rng(channels)
    image = rng.integers(0, np.iinfo(dtype).max + 1, (23, 31, channels), dtype)
    path = tmp_path / "picture.png"
    assert cv2.imwrite(str(path), image)
    np.testing.assert_array_equal(planar(load_image(path)), their_load(path))
