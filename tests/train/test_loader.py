"""The loader: the same batches for any number of threads, across resuming and changes of size."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.errors import DataError, ImageWarning
from pydarknet.formats.labels import label_text
from pydarknet.formats.tree import read_tree
from pydarknet.images.image import load_image
from pydarknet.train.augment import Classification, ColourRange, Crop, Detection, Size
from pydarknet.train.loader import Batch, Loader
from pydarknet.train.samples import Samples
from pydarknet.train.tasks import ClassificationTask, DetectionTask
from pydarknet.train.team import Share

TASK = DetectionTask(5, 6, Detection("canvas", 0.2, colour=ColourRange(0.1, 1.5, 1.5)), DIALECTS["darknet2018"].truth)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Twelve images, with 0 to 4 boxes each."""
    rng = np.random.default_rng(4)
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    made = []
    for i in range(12):
        path = tmp_path / "images" / f"{i}.png"
        h, w = rng.integers(30, 60, 2)
        cv2.imwrite(str(path), rng.integers(0, 256, (h, w, 3), np.uint8))
        labels = rng.uniform(0.2, 0.6, (i % 5, 5))
        labels[:, 0] = rng.integers(0, 5, len(labels))
        (tmp_path / "labels" / f"{i}.txt").write_text(label_text(labels))
        made.append(str(path))
    return made


def loader(paths: list[str], seed: int = 3, order: Any = "darknet", batch: int = 4, **options: Any) -> Loader:
    size = options.pop("size", (32, 32))
    task = options.pop("task", TASK)
    samples = Samples(len(paths), seed=seed, order=order)
    if state := options.pop("state", None):
        samples.restore(state)
    return Loader(task, paths, samples, batch, size, **options)


def batches(source: Loader, count: int) -> list[Batch]:
    return [next(source) for _ in range(count)]


def same(a: list[Batch], b: list[Batch]) -> bool:
    return len(a) == len(b) and all(
        p.paths == q.paths and p.draws == q.draws and np.array_equal(p.x, q.x) and np.array_equal(p.truth, q.truth)
        for p, q in zip(a, b, strict=True)
    )


def test_a_batch(paths: list[str]) -> None:
    with loader(paths, size=(32, 48)) as source:
        batch = next(source)
    assert batch.x.shape == (4, 3, 48, 32)
    assert batch.x.dtype == batch.truth.dtype == np.float32
    assert batch.truth.shape == (4, 6, 5)
    assert 0 <= batch.x.min() < batch.x.max() <= 1
    for i, (path, draw) in enumerate(zip(batch.paths, batch.draws, strict=True)):
        again = np.empty_like(batch.x[i])
        draw.apply(load_image(path), again)
        np.testing.assert_array_equal(again, batch.x[i])


@pytest.mark.parametrize("order", ["darknet", "epochs"])
def test_threads_do_not_matter(paths: list[str], order: str) -> None:
    found = []
    for workers, ahead in [(1, 1), (2, 3), (4, 2)]:
        with loader(paths, order=order, workers=workers, ahead=ahead) as source:
            found.append(batches(source, 8))
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    with loader(paths, seed=4, order=order) as source:
        assert not same(found[0], batches(source, 8))


@pytest.mark.parametrize("order", ["darknet", "epochs"])
def test_resuming_inside_an_epoch(paths: list[str], order: str) -> None:
    with loader(paths, order=order, batch=5) as source:
        batches(source, 3)
        state = source.samples.state()
        expected = batches(source, 4)
    with loader(paths, seed=77, order=order, batch=5, state=state) as source:
        assert same(batches(source, 4), expected)


def test_sizes_known_ahead(paths: list[str]) -> None:
    """A function of the batch's number wastes nothing, and survives resuming."""

    def size(number: int) -> Size:
        return (32, 32) if number // 2 % 2 == 0 else (64, 48)

    with loader(paths, size=size, ahead=3) as source:
        found = batches(source, 6)
        state = source.samples.state()
        expected = batches(source, 3)
    assert [b.x.shape[3] for b in found] == [32, 32, 64, 64, 32, 32]
    with loader(paths, size=size, state=state) as source:
        assert same(batches(source, 3), expected)


@pytest.mark.parametrize("order", ["darknet", "epochs"])
def test_batches_of_more_images(paths: list[str], order: str) -> None:
    """They count as others do, so that what comes after them is the same, and two processes share them."""

    def count(number: int) -> int:
        return [4, 11, 4, 6][number % 4]

    with loader(paths, order=order, images=count) as source:
        found = batches(source, 3)
        state = source.samples.state()
        found += batches(source, 1)
    assert [len(batch.paths) for batch in found] == [4, 11, 4, 6]
    with loader(paths, order=order) as source:
        assert same(batches(source, 4)[::2], found[::2])
    with loader(paths, order=order, images=count, state=state) as source:
        assert same(batches(source, 1), found[3:])
    for rank in (0, 1):
        with loader(paths, order=order, images=count, ahead=1, share=Share(rank, 1, 2)) as source:
            assert same(batches(source, 1), found[rank : rank + 1])
    x = found[1].x.reshape(11, -1)
    assert len(np.unique(x, axis=0)) == 11


class Slow:
    """Counts what is being made, and how much was begun."""

    truth_shape = (1,)

    def __init__(self) -> None:
        self.begun = 0
        self.lock = threading.Lock()

    def load(self, path: str, rng: np.random.Generator, x: Any, truth: Any) -> Crop:
        with self.lock:
            self.begun += 1
        x[...] = 0
        return Crop(0, 0, 1, 1)


def test_no_further_ahead_than_said() -> None:
    task = Slow()
    with loader(["a"] * 3, task=task, ahead=2, batch=4, workers=2) as source:
        next(source)
        deadline = time.monotonic() + 5
        while task.begun < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert task.begun == 12  # the one given out and two ahead


def test_closing_ends_the_threads(paths: list[str]) -> None:
    before = set(threading.enumerate())
    source = loader(paths, workers=3, ahead=4)
    next(source)
    assert any(thread.name.startswith("pydarknet-loader") for thread in threading.enumerate())
    source.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(StopIteration):
        next(source)
    source.close()


def test_an_unreadable_picture_is_replaced(paths: list[str]) -> None:
    Path(paths[5]).write_bytes(b"\x89PNG and no more")
    told: list[str] = []
    found = []
    for workers in (1, 4):
        told.clear()
        with loader(paths, order="epochs", workers=workers, warn=told.append) as source:
            found.append(batches(source, 9))
        assert len(told) == 1
        assert told[0].startswith(paths[5])
        assert "another image takes its place" in told[0]
    assert same(*found)
    assert all(paths[5] not in batch.paths for batch in found[0])


def test_nothing_readable_is_an_error(paths: list[str]) -> None:
    for path in paths:
        Path(path).unlink()
    with loader(paths) as source, pytest.raises(DataError, match="10 images in a row can't be read"):
        next(source)


def told_in_an_epoch(paths: list[str]) -> list[str]:
    told: list[str] = []
    with loader(paths, order="epochs", batch=12, warn=told.append) as source:
        next(source)
    return told


def test_missing_labels(paths: list[str]) -> None:
    Path(paths[7].replace("images", "labels").replace(".png", ".txt")).unlink()
    assert re.search(r"7\.png: has no label file; expected .*labels/7\.txt", *told_in_an_epoch(paths))
    task = DetectionTask(5, 6, missing="background")
    with loader(paths, order="epochs", batch=12, task=task) as source:
        batch = next(source)
    assert not batch.truth[batch.paths.index(paths[7])].any()


def test_objects_without_a_place_need_a_tree(paths: list[str]) -> None:
    Path(paths[7].replace("images", "labels").replace(".png", ".txt")).write_text("2 0 0 0 0\n")
    assert re.search(r"7\.png: .*without a place", *told_in_an_epoch(paths))
    with loader(paths, order="epochs", batch=12, task=replace(TASK, class_only=20)) as source:
        batch = next(source)
    assert batch.truth[batch.paths.index(paths[7]), 0].tolist() == [999999] * 4 + [2]


@pytest.mark.parametrize("letterbox", [True, False])
def test_without_augmentation(paths: list[str], letterbox: bool) -> None:
    """Boxes lie where they do in the image; their order is the file's."""
    task = DetectionTask(5, 6, letterbox=letterbox)
    with loader(paths, order="epochs", batch=12, task=task) as source:
        batch = next(source)
    at = batch.paths.index(paths[9])
    rows = np.loadtxt(paths[9].replace("images", "labels").replace(".png", ".txt"))
    assert len(rows) == 4
    found = batch.truth[at]
    np.testing.assert_array_equal(found[:4, 4], rows[:, 0])
    h, w = load_image(paths[9]).shape[:2]
    scale = np.array([w, h]) / (max(w, h) if letterbox else (w, h))
    np.testing.assert_allclose(found[:4, :2], (rows[:, 1:3] - 0.5) * scale + 0.5, atol=1e-6)
    np.testing.assert_allclose(found[:4, 2:4], rows[:, 3:] * scale, atol=1e-6)


def test_classes(paths: list[str], tmp_path: Path) -> None:
    (tmp_path / "toy.tree").write_text("a -1\nb -1\nc 0\nd 0\ne 2\nf 2\n")
    labels = ["a?", "b?", "/1.png", "/2.png", "/3.png", "/4.png"]
    task = ClassificationTask(labels, Classification(32, 40, angle=5), read_tree(tmp_path / "toy.tree"))
    with loader(paths, order="epochs", batch=12, task=task) as source:
        batch = next(source)
    truth = dict(zip(batch.paths, batch.truth.tolist(), strict=True))
    x = -1234
    assert truth[paths[1]] == [1, 0, 1, 0, x, x]
    assert truth[paths[3]] == [1, 0, 1, 0, 1, 0]
    assert truth[paths[2]] == [1, 0, 0, 1, x, x]
    assert truth[paths[8]] == [x] * 6
    flat = ClassificationTask(labels)
    with loader(paths, order="epochs", batch=12, task=flat) as source:
        truth = dict(zip((batch := next(source)).paths, batch.truth.tolist(), strict=True))
    assert truth[paths[3]] == [0, 0, 0, 0, 1, 0]
    with pytest.raises(DataError, match="5 labels, but the tree has 6 nodes"):
        ClassificationTask(labels[:5], tree=read_tree(tmp_path / "toy.tree"))


@pytest.mark.parametrize("option", ["batch", "workers", "ahead"])
def test_impossible(paths: list[str], option: str) -> None:
    with pytest.raises(DataError, match=f"{option}=0"):
        loader(paths, **{option: 0})
    with pytest.raises(DataError, match="samples of 3"):
        Loader(TASK, paths, Samples(3), 1, (32, 32))


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
def test_a_jpeg_without_its_end_is_learnt_from(paths: list[str], options: tuple[int, ...]) -> None:
    path = str(Path(paths[0]).with_suffix(".jpg"))
    image = cv2.resize(cv2.imread(paths[0]), (320, 240))
    Path(path).write_bytes(cv2.imencode(".jpg", image, options)[1].tobytes()[:-100])
    told: list[str] = []
    with pytest.warns(ImageWarning, match="end is missing"), loader([path], batch=1, warn=told.append) as source:
        batch = next(source)
    assert (batch.paths, told) == ([path], [])
