"""The letterbox op of every backend against Darknet's numbers and a naive version, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.backends.base import cpu_backend

Floats = npt.NDArray[np.float32]
GOLDENS = Path(__file__).parent.parent / "goldens"
F = np.float32


def lerp(a: Floats, b: Floats, fraction: np.float32) -> Floats:
    return (F(1) - fraction) * a + fraction * b


def naive_resize(x: Floats, w: int, h: int) -> Floats:
    """Darknet's resize of an image (c, H, W), pixel by pixel."""
    c, from_h, from_w = x.shape
    part = np.zeros((c, from_h, w), F)
    for i in range(w):
        if i == w - 1 or from_w == 1:
            part[:, :, i] = x[:, :, -1]
        else:
            at = F(i) * (F(from_w - 1) / F(w - 1))
            part[:, :, i] = lerp(x[:, :, int(at)], x[:, :, int(at) + 1], at - F(int(at)))
    result = np.zeros((c, h, w), F)
    for j in range(h):
        if h == 1 or from_h == 1:
            result[:, j] = part[:, -1]
            continue
        at = F(j) * (F(from_h - 1) / F(h - 1))
        first, fraction = int(at), at - F(int(at))
        result[:, j] = (F(1) - fraction) * part[:, first]
        if j < h - 1:
            result[:, j] += fraction * part[:, first + 1]
    return result


def naive_letterbox(x: Floats, w: int, h: int) -> Floats:
    c, from_h, from_w = x.shape
    if F(w) / F(from_w) < F(h) / F(from_h):
        new_w, new_h = w, from_h * w // from_w
    else:
        new_w, new_h = from_w * h // from_h, h
    canvas = np.full((c, h, w), F(0.5))
    if new_w and new_h:
        left, top = (w - new_w) // 2, (h - new_h) // 2
        canvas[:, top : top + new_h, left : left + new_w] = naive_resize(x, new_w, new_h)
    return canvas


NAIVE = {"letterbox": naive_letterbox, "stretch": naive_resize}


def as_floats(picture: npt.NDArray[np.uint8]) -> Floats:
    return np.ascontiguousarray((picture / 255.0).astype(F).transpose(2, 0, 1))


def fit(ops, picture: npt.NDArray[np.uint8], w: int, h: int, mode: str, swap: bool = False) -> Floats:
    y = np.full((1, picture.shape[2], h, w), np.nan, F)
    ops.letterbox(picture, y, swap, mode)
    return y[0]


def fit_planar(ops, x: Floats, w: int, h: int, mode: str) -> Floats:
    y = np.full((1, x.shape[0], h, w), np.nan, F)
    ops.letterbox_planar(x[None], y, mode)
    return y[0]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("mode", "key"), [("letterbox", "letterbox"), ("stretch", "resize")])
def test_darknets_numbers(ops, mode: str, key: str, threads: int) -> None:
    ops.set_num_threads(threads)
    with np.load(GOLDENS / "letterbox.npz") as golden:
        count = sum(name.startswith("picture_") for name in golden)
        assert count == 19
        for k in range(count):
            picture = np.ascontiguousarray(golden[f"picture_{k}"])
            w, h = map(int, golden[f"size_{k}"])
            expected = golden[f"{key}_{k}"]
            np.testing.assert_array_equal(fit(ops, picture, w, h, mode), expected)
            np.testing.assert_array_equal(fit_planar(ops, as_floats(picture), w, h, mode), expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("mode", ["letterbox", "stretch"])
def test_naive_version(ops, mode: str, channels: int) -> None:
    rng = np.random.default_rng(5)
    sizes = [(1, 1), (1, 7), (7, 1), (2, 3), (13, 8), (31, 64), (65, 33), (3, 200), (200, 3)]
    for h, w in sizes:
        picture = rng.integers(0, 256, (h, w, channels), np.uint8)
        for to_w, to_h in [(1, 1), (1, 5), (5, 1), (16, 16), (17, 31), (32, 9), (w, h)]:
            expected = NAIVE[mode](as_floats(picture), to_w, to_h)
            np.testing.assert_array_equal(fit(ops, picture, to_w, to_h, mode), expected)


def test_same_size_is_the_picture_itself(ops) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (37, 53, 3), np.uint8)
    np.testing.assert_array_equal(fit(ops, picture, 53, 37, "letterbox"), as_floats(picture))


def test_swap_turns_bgr_into_rgb(ops) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (9, 12, 3), np.uint8)
    plain = fit(ops, picture, 20, 20, "letterbox")
    np.testing.assert_array_equal(fit(ops, picture, 20, 20, "letterbox", swap=True), plain[::-1])


def test_one_of_a_batch(ops) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (9, 12, 3), np.uint8)
    batch = np.zeros((3, 3, 8, 8), F)
    ops.letterbox(picture, batch[1:2], False, "stretch")
    np.testing.assert_array_equal(batch[1], fit(ops, picture, 8, 8, "stretch"))
    assert not batch[0].any()
    assert not batch[2].any()


def test_very_wide_picture(ops) -> None:
    picture = np.random.default_rng(4).integers(0, 256, (3, 20_000, 3), np.uint8)
    result = fit(ops, picture, 64, 64, "letterbox")
    assert (result == 0.5).all()  # 3 * 64 / 20000 is less than one row
    np.testing.assert_array_equal(fit(ops, picture, 64, 8, "stretch"), naive_resize(as_floats(picture), 64, 8))


@pytest.mark.parametrize(
    ("image", "y", "mode", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), np.zeros((1, 3, 4, 4), F), "stretch", "image"),
        (np.zeros((4, 4), np.uint8), np.zeros((1, 3, 4, 4), F), "stretch", "height, width, channels"),
        (np.zeros((0, 4, 3), np.uint8), np.zeros((1, 3, 4, 4), F), "stretch", "empty"),
        (np.zeros((4, 4, 3), np.uint8)[:, ::-1], np.zeros((1, 3, 4, 4), F), "stretch", "contiguous"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((2, 3, 4, 4), F), "stretch", "y must have"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((1, 1, 4, 4), F), "stretch", "y must have"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((3, 4, 4), F), "stretch", "'y'"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((1, 3, 4, 4), F), "fill", "mode"),
    ],
)
def test_wrong_arguments(image, y, mode: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"letterbox.*{message}"):
        cpu_backend().ops.letterbox(image, y, True, mode)
