"""`detector valid`, `detector recall` and `classifier valid` against Debian's program, on the same images."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.cli.main import main
from pydarknet.images.image import save_image

from .oracle_library import PROGRAM

NET = "[net]\nbatch=1\nwidth=64\nheight=48\nchannels=3\n"
CONV = "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
DETECTOR = (
    NET
    + CONV * 3
    + "[convolutional]\nfilters=16\nsize=1\nactivation=linear\n"
    + "[region]\nanchors=1,1,2,3\nclasses=3\nnum=2\ncoords=4\nsoftmax=1\n"
)
CLASSIFIER = NET + CONV * 2 + "[convolutional]\nfilters=3\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n"
SIZES = ((90, 60), (50, 80), (64, 48), (33, 47), (120, 50), (48, 64))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six images of cats and dogs with labels, lists for both programs, two networks."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    for name in ("images", "labels", "data", "results"):
        Path(name).mkdir()
    stems = [f"{'cat' if i % 3 else 'dog'}_{i:06d}" for i in range(len(SIZES))]
    for stem, (width, height) in zip(stems, SIZES, strict=True):
        blocks = rng.integers(0, 256, (4, 4, 3), np.uint8)
        image = np.kron(blocks, np.ones((height // 4 + 1, width // 4 + 1, 1), np.uint8))[:height, :width]
        save_image(f"images/{stem}.png", np.ascontiguousarray(image))
        rows = rng.random((3, 4)) * 0.4 + 0.3
        text = "".join(f"{i} {' '.join(f'{value:.4f}' for value in row)}\n" for i, row in enumerate(rows))
        Path(f"labels/{stem}.txt").write_text(text)
        Path(f"labels/{stem}.png").write_text(text)  # the program's rule knows no .png
    lines = "".join(f"images/{stem}.png\n" for stem in stems)
    Path("valid.list").write_text(lines)
    Path("data/coco_val_5k.list").write_text(lines)  # the only list `recall` reads
    Path("toy.names").write_text("dog\ncat\ncow\n")
    for seed, (stem, cfg) in enumerate((("det", DETECTOR), ("cls", CLASSIFIER))):
        Path(f"{stem}.cfg").write_text(cfg)
        net = Network(f"{stem}.cfg", seed=seed)
        for layer in net.layers:
            if "biases" in layer.parameters:
                biases = layer.parameters["biases"]
                biases[...] = rng.standard_normal(biases.shape) / 2
        net.save_weights(f"{stem}.weights")
    data()
    return tmp_path


def data(**keys: str) -> None:
    lines = {"classes": "3", "valid": "valid.list", "names": "toy.names", "labels": "toy.names", "top": "2", **keys}
    Path("toy.data").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))


def darknet(*words: str) -> tuple[str, str]:
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=True, errors="replace")
    return done.stdout, done.stderr


def both(file: str) -> tuple[str, str]:
    """What each program writes into a file of results/."""
    path = Path("results", file)
    darknet("detector", "valid", "toy.data", "det.cfg", "det.weights")
    theirs = path.read_text()
    path.unlink()
    assert main(["detector", "valid", "toy.data", "det.cfg", "det.weights", "-quiet"]) == 0
    return theirs, path.read_text()


def rows(text: str, words: int) -> np.ndarray:
    """Lines as (a number for the first words, score, edges)."""
    split = [line.split() for line in text.splitlines()]
    names = sorted({" ".join(fields[:words]) for fields in split})
    return np.array([[names.index(" ".join(fields[:words])), *map(float, fields[words:])] for fields in split])


def inside(table: np.ndarray) -> np.ndarray:
    """Without boxes beside the image: the program cuts them at one side only, which turns them inside out."""
    return table[(table[:, 4:] > table[:, 2:4]).all(axis=1)]


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Every row has its like on the other side, but for scores at the threshold; numbers have six decimals."""
    assert len(theirs) > 100
    for mine, others in ((ours, theirs), (theirs, ours)):
        for row in mine[np.abs(mine[:, 1] - 0.005) > 1e-5]:
            assert (np.abs(others - row) <= 1e-3 + 1e-4 * np.abs(row)).all(axis=1).any(), row


@pytest.mark.parametrize("name", ["dog", "cat", "cow"])
def test_voc(folder: Path, name: str) -> None:
    theirs, ours = both(f"comp4_det_test_{name}.txt")
    assert_same(rows(ours, 1), rows(theirs, 1))


def test_imagenet(folder: Path) -> None:
    # The program takes 200 classes of every network for this: its .data file must not ask for it with fewer.
    data(eval="imagenet", classes="200")
    text = DETECTOR.replace("classes=3", "classes=200").replace("filters=16", "filters=410")
    Path("det.cfg").write_text(text)
    net = Network("det.cfg", seed=5)
    net.layers[3].parameters["weights"] *= np.float32(4)  # or every class would be below the threshold
    net.save_weights("det.weights")
    Path("toy.names").write_text("".join(f"class{i}\n" for i in range(200)))
    theirs, ours = both("imagenet-detection.txt")
    assert_same(inside(rows(ours, 2)), inside(rows(theirs, 2)))


def test_coco(folder: Path) -> None:
    data(eval="coco")
    theirs, ours = (
        np.array([[100 * e["image_id"] + e["category_id"], e["score"], *e["bbox"]] for e in json.loads(text)])
        for text in both("coco_results.json")
    )
    for table in (theirs, ours):
        table[:, 4:] += table[:, 2:4]
    # For other than 80 classes the program takes the first of COCO's numbers, which are 1, 2, 3 as ours.
    assert_same(inside(ours), inside(theirs))


def test_recall(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, printed = darknet("detector", "recall", "toy.data", "det.cfg", "det.weights")
    theirs = [line for line in printed.splitlines() if "RPs/Img" in line]
    capsys.readouterr()
    assert main(["detector", "recall", "toy.data", "det.cfg", "det.weights", "-quiet"]) == 0
    ours = capsys.readouterr().out.splitlines()
    numbers = [[float(text) for line in lines for text in re.findall(r"[0-9.]+", line)] for lines in (ours, theirs)]
    assert len(theirs) == len(SIZES)
    np.testing.assert_allclose(numbers[0], numbers[1], atol=0.0101)  # two decimals


def test_classifier(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed, _ = darknet("classifier", "valid", "toy.data", "cls.cfg", "cls.weights")
    capsys.readouterr()
    assert main(["classifier", "valid", "toy.data", "cls.cfg", "cls.weights"]) == 0
    ours = capsys.readouterr().out.splitlines()
    theirs = [line for line in printed.splitlines() if re.match(r"images/|\d+: top", line)]
    assert len(theirs) == 2 * len(SIZES)
    assert ours[1::2] == theirs[1::2]
    for mine, other in zip(ours[::2], theirs[::2], strict=True):
        assert mine.split(",")[:2] == other.split(",")[:2]
        scores = ([float(text) for text in line.split(",")[2:4]] for line in (mine, other))
        np.testing.assert_allclose(*scores, atol=2e-5)
