"""The paper's recipe, docs/recipes.md, on generated images, command by command.

A classifier at a low resolution, fine-tuned at twice that, its first layers a backbone, anchors, a detector from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.backends.base import cpu_backend
from pydarknet.cli.main import main
from pydarknet.formats.weights import read_header
from pydarknet.train.names import backbone_layers

pytestmark = pytest.mark.slow

SHAPES = ("disc", "square", "cross")
CONV = "[convolutional]\nbatch_normalize=1\nfilters={}\nsize={}\npad=1\nactivation=leaky\n"
POOL = "[maxpool]\nsize=2\nstride=2\n"
BACKBONE = 8
TOY = ("--threads", "1", "--workers", "1", "--no-chart")  # more threads would only wait for each other
BODY = "".join([CONV.format(12, 3), POOL, CONV.format(24, 3), POOL, CONV.format(48, 3), CONV.format(24, 1),
                CONV.format(48, 3), POOL])  # fmt: skip
NET = "[net]\nbatch=16\nsubdivisions=1\nwidth={0}\nheight={0}\nchannels=3\nmomentum=.9\ndecay=.0005\npolicy=poly\n"
CLASSIFIER = NET + (
    "min_crop={0}\nmax_crop={1}\nlearning_rate={2}\nmax_batches={3}\n"
    + BODY
    + "[convolutional]\nfilters=3\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n[cost]\n"
)
DETECTOR = (
    NET.format(64)
    + "learning_rate=.005\nburn_in=20\nmax_batches=120\n"
    + BODY
    + CONV.format(48, 3)
    + "[route]\nlayers=-3\n"
    + CONV.format(12, 1)
    + "[reorg]\nstride=2\n[route]\nlayers=-1,-4\n"
    + CONV.format(48, 3)
    + "[convolutional]\nfilters=16\nsize=1\nactivation=linear\n"
    + "[region]\nanchors=1,1,2,2\nclasses=3\nnum=2\nsoftmax=1\njitter=.2\nrescore=1\nbias_match=1\n"
    + "object_scale=5\nnoobject_scale=.5\nthresh=.6\nrandom=0\n"
)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """What --threads sets is the whole process's; give it back."""
    ops = cpu_backend().ops
    before = ops.num_threads()
    yield
    ops.set_num_threads(before)


def draw(picture: npt.NDArray[np.uint8], shape: str, x: int, y: int, side: int, colour: list[int]) -> None:
    """A shape whose box has this left upper corner and side."""
    half = side // 2
    if shape == "disc":
        cv2.circle(picture, (x + half, y + half), half, colour, -1)
    elif shape == "square":
        picture[y : y + side, x : x + side] = colour
    else:
        third = side // 3
        picture[y : y + side, x + third : x + side - third] = colour
        picture[y + third : y + side - third, x : x + side] = colour


def write_set(folder: Path, count: int, size: int, boxes: bool) -> None:
    """A list of images, one object each, whose names hold its class; with label files if `boxes`."""
    rng = np.random.default_rng(len(folder.name))
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    lists: dict[str, list[str]] = {"train": [], "valid": []}
    for i in range(count):
        picture = rng.integers(60, 120, (size, size, 3), np.uint8)
        class_id, side = i % 3, int(rng.integers(size // 3, size // 2 if boxes else size * 2 // 3))
        x, y = (int(v) for v in rng.integers(0, size - side, 2))
        draw(picture, SHAPES[class_id], x, y, side, rng.integers(170, 256, 3).tolist())
        path = folder / "images" / f"{i}_{SHAPES[class_id]}.png"
        cv2.imwrite(str(path), picture)
        centre, extent = [(v + side / 2) / size for v in (x, y)], side / size
        (folder / "labels" / f"{path.stem}.txt").write_text(
            f"{class_id} {centre[0]:.5f} {centre[1]:.5f} {extent:.5f} {extent:.5f}\n"
        )
        lists["valid" if i >= count * 3 // 4 else "train"].append(str(path))
    for name, paths in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(paths) + "\n")
    (folder / "shapes.names").write_text("\n".join(SHAPES) + "\n")
    (folder / "set.data").write_text(
        f"classes=3\ntrain={folder}/train.txt\nvalid={folder}/valid.txt\nnames={folder}/shapes.names\n"
        f"labels={folder}/shapes.names\nbackup={folder.parent}/backup\n"
    )


def test_from_a_classifier_to_a_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    write_set(tmp_path / "classes", 240, 64, boxes=False)
    write_set(tmp_path / "boxes", 160, 96, boxes=True)
    (tmp_path / "low.cfg").write_text(CLASSIFIER.format(32, 40, 0.1, 120))
    (tmp_path / "high.cfg").write_text(CLASSIFIER.format(64, 72, 0.01, 40))
    (tmp_path / "detector.cfg").write_text(DETECTOR)

    def run(*words: object) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    classes, boxes = tmp_path / "classes" / "set.data", tmp_path / "boxes" / "set.data"
    low, high, detector = (tmp_path / f"{name}.cfg" for name in ("low", "high", "detector"))

    def top1(cfg: Path, weights: Path) -> float:
        found = re.findall(r"top 1: (\S+),", run("classifier", "valid", classes, cfg, weights))
        return float(found[-1])

    run("classifier", "train", classes, low, *TOY)
    assert top1(low, backup / "low_final.weights") > 0.9
    before = top1(high, backup / "low_final.weights")
    run("classifier", "train", classes, high, backup / "low_final.weights", "--clear", *TOY)
    assert top1(high, backup / "high_final.weights") > max(before, 0.9)

    backbone = tmp_path / f"high.conv.{BACKBONE}"
    run("partial", high, backup / "high_final.weights", backbone, BACKBONE)
    assert backbone_layers(str(backbone)) == BACKBONE
    assert read_header(backbone).seen == 0
    run("anchors", boxes, detector, "--write", detector)
    assert "anchors=1,1,2,2" not in detector.read_text()
    out = run("detector", "train", boxes, detector, backbone, "-map", "--map-every", "40", *TOY)
    scores = [float(score) for score in re.findall(r"mean_average_precision \(mAP@0.50\) = (\S+),", out)]
    assert len(scores) == 3
    found = run("detector", "map", boxes, detector, backup / "detector_best.weights", "--fit", "stretch")
    assert f"(mAP@0.50) = {max(scores):f}" in found
    assert max(scores) > 0.7
