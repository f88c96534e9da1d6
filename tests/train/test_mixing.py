"""Images made of several: against a loop over pixels and boxes, and by what is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.errors import CfgError
from pydarknet.formats.path_labels import Best
from pydarknet.train.augment import Classification, Crop, Detection
from pydarknet.train.class_mixing import MixedClasses, Mixing
from pydarknet.train.disturb import Disturbance, DisturbanceRange
from pydarknet.train.mixing import Corner, MixupTask, MosaicTask, append
from pydarknet.train.tasks import ClassificationTask, DetectionTask
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

F = np.float32
NET = (40, 32)  # width, height
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))


class Coins:
    """A generator whose coins all fall on one side; else a true one."""

    def __init__(self, seed: int, side: int) -> None:
        self.rng, self.side = np.random.default_rng(seed), side

    def __getattr__(self, name: str) -> object:
        return getattr(self.rng, name)

    def integers(self, *args: int, **more: bool) -> object:
        return self.side if args == (2,) and not more else self.rng.integers(*args, **more)


def save(folder: Path, name: str, colour: tuple[int, int, int], rows: str, size: tuple[int, int] = (50, 30)) -> str:
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), colour[::-1], np.uint8))
    path.with_suffix(".txt").write_text(rows)
    return str(path)


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Four images of one colour each, whose class is their number; an object in the middle and one at an edge."""
    return [save(tmp_path, f"{i}", c, f"{i} .5 .5 .4 .4\n{i} .05 .9 .1 .2\n") for i, c in enumerate(COLOURS)]


def task(**options: object) -> DetectionTask:
    augment = Detection("crop", jitter=0.2, resize=1.5, **options)  # type: ignore[arg-type]
    return DetectionTask(4, 20, augment, DIALECTS["alexeyab"].truth)


def naive_start(corner: int, crop: Crop, image: tuple[int, int], cut: tuple[int, int]) -> tuple[int, int]:
    """Where the shown part begins, by the sides that are cut off the augmented image."""
    (w, h), (ow, oh), (cut_x, cut_y) = NET, image, cut
    off = {"left": crop.left, "right": ow - crop.left - crop.width}
    if crop.flip:
        off = {"left": off["right"], "right": off["left"]}
    off |= {"top": crop.top, "low": oh - crop.top - crop.height}
    seen = {side: max(0, int(-off[side] * n / m)) for side, n, m in
            (("left", w, ow), ("right", w, ow), ("top", h, oh), ("low", h, oh))}  # fmt: skip
    column = min(cut_x, seen["left"]) if corner in (1, 3) else w - cut_x - min(w - cut_x, seen["right"])
    row = min(cut_y, seen["top"]) if corner in (2, 3) else h - cut_y - min(h - cut_y, seen["low"])
    return column, row


def naive_truth(corner: int, box: list[F], start: tuple[int, int], cut: tuple[int, int], bound: bool) -> list[float]:
    """One box in the mosaic; empty if it isn't seen."""
    (w, h), (cut_x, cut_y) = NET, cut
    x, y, bw, bh = (float(v) for v in box)
    x += ((cut_x if corner in (1, 3) else 0) - start[0]) / w
    y += ((cut_y if corner in (2, 3) else 0) - start[1]) / h
    left, right, top, low = (
        int(F(v)) for v in ((x - bw / 2) * w, (x + bw / 2) * w, (y - bh / 2) * h, (y + bh / 2) * h)
    )
    if bound:
        left, right = (max(left, cut_x), min(right, w)) if corner in (1, 3) else (max(left, 0), min(right, cut_x))
        top, low = (max(top, cut_y), min(low, h)) if corner in (2, 3) else (max(top, 0), min(low, cut_y))
        x, bw, y, bh = (right + left) / 2 / w, (right - left) / w, (low + top) / 2 / h, (low - top) / h
    else:
        for over in [left / w] if left < 0 else []:
            x, bw = x - over / 2, bw + over
        for over in [(right - w) / w] if right > w else []:
            x, bw = x - over / 2, bw - over
        for over in [top / h] if top < 0 else []:
            y, bh = y - over / 2, bh + over
        for over in [(low - h) / h] if low > h else []:
            y, bh = y - over / 2, bh - over
    seen = 0 < x < 1 and 0 < y < 1 and 1 / w < bw < 1 and 1 / h < bh < 1
    return [x, y, bw, bh] if seen else []


def test_corners_of_a_mosaic_hold_what_a_loop_says() -> None:
    rng = np.random.default_rng(4)
    kept = 0
    for _ in range(400):
        image = (int(rng.integers(20, 90)), int(rng.integers(20, 90)))
        left, top = (int(v) for v in rng.integers(-30, 20, 2))
        crop = Crop(left, top, *(int(v) for v in rng.integers(20, 110, 2)), bool(rng.integers(2)))
        cut, number = (int(rng.integers(8, 33)), int(rng.integers(6, 27))), int(rng.integers(4))
        corner = Corner(NET, *cut, right=number in (1, 3), low=number in (2, 3))
        start = corner.start(crop, image)
        assert start == naive_start(number, crop, image, cut)
        down, across = corner.place
        assert 0 <= start[0] <= NET[0] - (across.stop - across.start)
        assert 0 <= start[1] <= NET[1] - (down.stop - down.start)
        rows = rng.uniform(0.02, 0.98, (3, 5)).astype(F)
        for bound in (False, True):
            expected = [t for row in rows if (t := naive_truth(number, list(row[:4]), start, cut, bound))]
            found = corner.moved(rows, start, bound)
            assert len(found) == len(expected)
            np.testing.assert_allclose(found[:, :4], np.reshape(expected, (-1, 4)), atol=2e-6)
            kept += len(expected)
    assert kept > 300


def test_a_mosaic_shows_four_images_and_their_objects_where_they_are(images: list[str]) -> None:
    """Each corner has the colour of the image whose class its boxes have, or of the edge that reaches into it."""
    mosaic = MosaicTask(task(), images, bound=True)
    x, truth = np.empty((3, NET[1], NET[0]), F), np.empty((20, 5), F)
    seen = set()
    for seed in range(40):
        mosaic.load(images[seed % 4], Coins(seed, 1), x, truth)  # type: ignore[arg-type]
        for cx, cy, w, h, class_id in truth[truth[:, 2] > 0]:
            inside = x[:, int((cy - h / 4) * 32) : int(cy * 32) + 1, int((cx - w / 4) * 40) : int(cx * 40) + 1]
            np.testing.assert_allclose(inside.mean((1, 2)), np.array(COLOURS[int(class_id)]) / 255, atol=0.02)
            seen.add(int(class_id))
    assert seen == {0, 1, 2, 3}


def test_an_image_is_moved_so_that_its_corner_is_shown(images: list[str]) -> None:
    for number in range(4):
        for flip in (False, True):
            corner = Corner(NET, 20, 16, right=number % 2 == 1, low=number >= 2)
            held = corner.hold(Crop(-3, 4, 40, 20, flip), (50, 30))
            assert (held.left == 0) == (corner.right == flip)
            assert held.left in (0, 10)
            assert held.top == (10 if corner.low else 0)
            assert (held.width, held.height, held.flip) == (40, 20, flip)


def test_two_images_in_one(images: list[str]) -> None:
    x, truth = np.empty((3, NET[1], NET[0]), F), np.empty((20, 5), F)
    plain = DetectionTask(4, 20, None, DIALECTS["alexeyab"].truth, letterbox=False)
    MixupTask(plain, images[1:2]).load(images[0], Coins(1, 1), x, truth)  # type: ignore[arg-type]
    np.testing.assert_allclose(x.mean((1, 2)), [0.5, 0.5, 0], atol=1e-3)
    assert truth[truth[:, 2] > 0, 4].tolist() == [0, 0, 1, 1]
    MixupTask(plain, images[1:2]).load(images[0], Coins(1, 0), x, truth)  # type: ignore[arg-type]
    np.testing.assert_allclose(x.mean((1, 2)), [1, 0, 0], atol=1e-3)


def test_objects_that_find_no_room_are_left_out() -> None:
    truth = np.zeros((3, 5), F)
    append(truth, np.full((2, 5), 0.5, F))
    append(truth, np.full((2, 5), 0.25, F))
    assert truth[:, 0].tolist() == [0.5, 0.5, 0.25]


def test_images_of_a_class_only_stay_alone(images: list[str]) -> None:
    x, truth = np.empty((3, NET[1], NET[0]), F), np.empty((20, 5), F)
    rules = replace(DIALECTS["paper2017"].truth)
    inner = DetectionTask(4, 20, None, rules, class_only=4, letterbox=False, nodes={images[0]: 2})
    for kind in (MosaicTask, MixupTask):
        kind(inner, images).load(images[0], Coins(1, 1), x, truth)  # type: ignore[arg-type]
        np.testing.assert_allclose(x.mean((1, 2)), [1, 0, 0], atol=1e-3)
        assert truth[0, 4] == 2


@pytest.mark.parametrize("mixing", ["mixup", "cutmix", "mosaic", "cutmix or mosaic"])
def test_classes_count_as_much_as_is_seen_of_them(images: list[str], mixing: Mixing) -> None:
    """A colour is a class: the mean of the image is the truth times the colours."""
    inner = ClassificationTask(["0.png", "1.png", "2.png", "3.png"], Classification(32, 32))
    x, truth = np.empty((3, 32, 32), F), np.empty(4, F)
    many = 0
    for seed in range(30):
        MixedClasses(inner, images, mixing).load(images[seed % 4], np.random.default_rng(seed), x, truth)
        assert truth.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(x.mean((1, 2)), truth @ np.array(COLOURS) / 255, atol=0.02)
        many += int(np.count_nonzero(truth) > 1)
    assert 5 < many < 25


def test_smoothed_labels(images: list[str]) -> None:
    inner = ClassificationTask(["0.png", "1.png", "2.png", "3.png"], smoothing=0.3, classes=Best(["0.png", "1.png"]))
    truth = np.empty(4, F)
    inner.load(images[1], np.random.default_rng(0), np.empty((3, 8, 8), F), truth)
    np.testing.assert_allclose(truth, [0.1, 0.7, 0.1, 0.1], rtol=1e-6)


def test_blur_and_noise() -> None:
    rng = np.random.default_rng(1)
    sharp = rng.random((3, 40, 40), F)
    truth = np.array([[0.5, 0.5, 0.5, 0.5, 0], [0, 0, 0, 0, 0]], F)

    def roughness(x: np.ndarray) -> float:
        return float(np.abs(np.diff(x)).mean())

    around, whole, noisy = sharp.copy(), sharp.copy(), np.full((3, 40, 40), 0.5, F)
    Disturbance(blur=1).apply(around, truth)
    np.testing.assert_array_equal(around[:, 10:30, 10:30], sharp[:, 10:30, 10:30])
    assert roughness(around[:, :9]) < roughness(sharp) / 4
    Disturbance(blur=9).apply(whole, truth)  # an eighth of 20 pixels: 2, so by 3
    expected = np.stack([cv2.GaussianBlur(plane, (3, 3), 0) for plane in sharp])
    np.testing.assert_array_equal(whole, expected)
    Disturbance(noise=20, seed=3).apply(noisy, truth)
    assert noisy.std() == pytest.approx(20 / 255, rel=0.05)
    assert noisy.mean() == pytest.approx(0.5, abs=0.01)
    drawn = [DisturbanceRange(9, 20).draw(rng) for _ in range(300)]
    assert {d.blur for d in drawn} == {0, 1, 9}
    assert 100 < sum(d.noise > 0 for d in drawn) < 200
    before = rng.bit_generator.state
    assert DisturbanceRange().draw(rng) == Disturbance()
    assert rng.bit_generator.state == before


def test_letter_box_keeps_the_aspect_of_an_image() -> None:
    rng = np.random.default_rng(0)
    for image in ((100, 40), (40, 100)):
        draw = Detection("crop", jitter=0.0, letterbox=True).draw(rng, image, (64, 64))
        assert isinstance(draw, Crop)
        assert (draw.width, draw.height) == (100, 100)
        assert (draw.left, draw.top) == (0, -30) if image[0] > image[1] else (-30, 0)


@pytest.mark.parametrize(
    ("lines", "cfg", "message"),
    [
        ("mosaic=1\nletter_box=1", "toy.cfg", "mosaic=1 beside letter_box=1"),
        ("blur=-1", "toy.cfg", "blur=-1"),
        ("label_smooth_eps=2", "classifier.cfg", "label_smooth_eps=2"),
        ("ema_alpha=2", "toy.cfg", "ema_alpha=2"),
    ],
)
def test_what_can_not_be(tmp_path: Path, lines: str, cfg: str, message: str) -> None:
    data, _ = make(tmp_path)
    path = tmp_path / cfg
    path.write_text(path.read_text().replace("[net]\n", f"[net]\ndialect=alexeyab\n{lines}\n", 1))
    with pytest.raises(CfgError, match=rf"{cfg}:\d+: .*{message}"):
        Trainer(path, data)


def test_a_mosaic_is_learnt_from_alike_by_any_number_of_workers(tmp_path: Path) -> None:
    learnt = []
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        data, cfg = make(folder)
        cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\ndialect=alexeyab\nmosaic=1\ngaussian_noise=9\n", 1))
        with Trainer(cfg, data, seed=3, workers=workers, max_batches=4) as trainer:
            learnt.append([metrics.loss for metrics in trainer])
    assert learnt[0] == learnt[1]
