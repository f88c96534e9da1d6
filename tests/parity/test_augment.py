"""What Debian's program loads for training, image and truth, from the same rand()."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_float, c_int, c_void_p
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.formats.labels import label_text
from pydarknet.formats.tree import read_tree
from pydarknet.train.augment import Classification, ColourRange, Detection
from pydarknet.train.tasks import ClassificationTask, DetectionTask, Task

from .c_rand import CRand, seed
from .oracle_library import library

Floats = npt.NDArray[np.float32]
COLOURS = ColourRange(0.1, 1.5, 0.75)

# Their library is compiled with -Ofast, which regroups sums, and near grey the hue magnifies a rounding; a pixel
# whose hue falls on the other side of a sector's edge is the same colour computed in another way.
PICTURE = 2e-5
BOXES = 2e-7  # sums of numbers up to 2
# Positions are float32, of order 50: a rounding there moves the sample by 4e-6 pixels of up to a full step.
TURNED = 3e-5


class Matrix(ctypes.Structure):
    _fields_ = [("rows", c_int), ("cols", c_int), ("vals", POINTER(POINTER(c_float)))]


class Data(ctypes.Structure):
    _fields_ = [
        ("w", c_int),
        ("h", c_int),
        ("X", Matrix),
        ("y", Matrix),
        ("shallow", c_int),
        ("num_boxes", c_void_p),
        ("boxes", c_void_p),
    ]


def rows(matrix: Matrix, count: int, width: int) -> Floats:
    return np.stack([np.ctypeslib.as_array(matrix.vals[i], (width,)).copy() for i in range(count)])


def strings(values: list[str]) -> ctypes.Array[c_char_p]:
    return (c_char_p * len(values))(*[value.encode() for value in values])


def ours(task: Task, paths: list[str], n: int, w: int, h: int) -> tuple[Floats, Floats]:
    """As Darknet's thread does: all paths are drawn first."""
    rng = CRand()
    chosen = [paths[rng.integers(len(paths))] for _ in range(n)]
    x, y = np.empty((n, 3, h, w), np.float32), np.empty((n, *task.truth_shape), np.float32)
    for i, path in enumerate(chosen):
        task.load(path, rng, x[i], y[i])  # type: ignore[arg-type]
    return x, y


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Random images of several shapes with labels: tiny boxes, boxes over the edge, objects without a place."""
    rng = np.random.default_rng(11)
    (tmp_path / "labels").mkdir()
    (tmp_path / "images").mkdir()
    paths = []
    for i, (h, w) in enumerate([(40, 60), (61, 37), (50, 50), (33, 90)]):
        small = rng.integers(0, 256, (h // 4, w // 4, 3), np.uint8)
        path = tmp_path / "images" / f"n0{i}.png"
        cv2.imwrite(str(path), cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC))
        labels = rng.uniform(0.01, 0.99, (7, 5))
        labels[:, 0] = rng.integers(0, 5, 7)
        labels[1, 3:] = 0.002
        labels[2, 1:] = 0
        (tmp_path / "labels" / f"n0{i}.txt").write_text(label_text(labels))
        paths.append(str(path))
    return paths


# Arguments of load_data_detection: n, w, h, boxes, jitter.
DETECTION = [(6, 48, 48, 30, 0.2), (6, 32, 64, 4, 0.3), (6, 96, 32, 7, 0.0)]


@pytest.mark.parametrize(("n", "w", "h", "maximum", "jitter"), DETECTION)
@pytest.mark.parametrize("start", [1, 2])
def test_detection(pictures: list[str], start: int, n: int, w: int, h: int, maximum: int, jitter: float) -> None:
    load: Callable[..., Data] = library().load_data_detection
    load.restype = Data  # type: ignore[attr-defined]
    load.argtypes = [c_int, POINTER(c_char_p), c_int, c_int, c_int, c_int, c_int, *[c_float] * 4]  # type: ignore[attr-defined]
    seed(start)
    data = load(n, strings(pictures), len(pictures), w, h, maximum, 5, jitter, 0.1, 0.75, 1.5)
    theirs_x = rows(data.X, n, 3 * h * w).reshape(n, 3, h, w)
    theirs_y = rows(data.y, n, 5 * maximum).reshape(n, maximum, 5)
    task = DetectionTask(
        5,
        maximum,
        Detection("canvas", jitter, colour=ColourRange(0.1, 0.75, 1.5)),
        DIALECTS["darknet2018"].truth,
        class_only=9418,
    )
    seed(start)
    x, y = ours(task, pictures, n, w, h)
    np.testing.assert_allclose(y, theirs_y, rtol=0, atol=BOXES)
    np.testing.assert_allclose(x, theirs_x, rtol=0, atol=PICTURE)


@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("with_tree", [False, True])
def test_classification(pictures: list[str], tmp_path: Path, with_tree: bool, centre: bool) -> None:
    n, size, labels = 6, 32, ["n00", "n01", "other", "n02", "n03"]
    tree_file = tmp_path / "toy.tree"
    tree_file.write_text("a -1\nb -1\nc 0\nd 0\ne 2\n")
    read = library().read_tree
    read.restype, read.argtypes = c_void_p, [c_char_p]
    their_tree = read(str(tree_file).encode()) if with_tree else None
    load: Callable[..., Data] = library().load_data_augment
    load.restype = Data  # type: ignore[attr-defined]
    load.argtypes = [  # type: ignore[attr-defined]
        POINTER(c_char_p), c_int, c_int, POINTER(c_char_p), c_int, c_void_p, c_int, c_int, c_int,
        *[c_float] * 5, c_int,
    ]  # fmt: skip
    seed(3)
    data = load(
        strings(pictures), n, len(pictures), strings(labels), len(labels), their_tree, 32, 64, size,
        7.0, 1.3, 0.1, 1.5, 0.75, int(centre),
    )  # fmt: skip
    theirs_x = rows(data.X, n, 3 * size * size).reshape(n, 3, size, size)
    theirs_y = rows(data.y, n, len(labels))
    augment = Classification(32, 64, angle=7, aspect=1.3, centre=centre, colour=COLOURS)
    task = ClassificationTask(labels, augment, read_tree(tree_file) if with_tree else None)
    seed(3)
    x, y = ours(task, pictures, n, size, size)
    np.testing.assert_array_equal(y, theirs_y)
    np.testing.assert_allclose(x, theirs_x, rtol=0, atol=PICTURE if centre else TURNED)
