"""What a memory is for: a square that moves, and that every fourth frame doesn't show."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet import Network
from pydarknet.detection.options import DetectOptions
from pydarknet.train.trainer import Trainer
from pydarknet.video.averaging import Averager
from tests.lib.toy_detector import BODY

pytestmark = pytest.mark.slow

WIDTH, HEIGHT, SIDE = 64, 48, 16
NET = """[net]
dialect=alexeyab
batch=4
width=64
height=48
channels=3
flip=0
track=1
time_steps=8
augment_speed=1
learning_rate=.01
policy=steps
steps=200
scales=.1
max_batches=250
"""
HEAD = "[yolo]\nmask=0,1\nanchors=10,10,14,14\nclasses=1\nnum=2\njitter=0\nignore_thresh=.6\n"
CRNN = "[crnn]\nbatch_normalize=1\noutput=16\nhidden=16\nsize=3\npad=1\nactivation=leaky\n"


def film(folder: Path, name: str, count: int, seed: int) -> list[tuple[Path, tuple[float, float]]]:
    """The frames, labels in all of them, and the square's centres."""
    rng, place, speed = np.random.default_rng(seed), np.array([10.0, 20.0]), np.array([2.0, 1.5])
    frames = []
    for number in range(count):
        place += speed
        speed[(place < 0) | (place > (WIDTH - SIDE, HEIGHT - SIDE))] *= -1
        place = np.clip(place, 0, (WIDTH - SIDE, HEIGHT - SIDE))
        picture = rng.integers(90, 130, (HEIGHT, WIDTH, 3), np.uint8)
        x, y = map(int, place)
        if number % 4 != 3:
            picture[y : y + SIDE, x : x + SIDE] = 250
        path = folder / f"{name}{number:03}.png"
        cv2.imwrite(str(path), picture)
        cx, cy = place + SIDE / 2
        path.with_suffix(".txt").write_text(f"0 {cx / WIDTH} {cy / HEIGHT} {SIDE / WIDTH} {SIDE / HEIGHT}\n")
        frames.append((path, (cx, cy)))
    return frames


def hidden_found(folder: Path, layer: str) -> int:
    """How many of 15 hidden squares a trained network knows the place of, to a third of their side."""
    learnt, seen = film(folder, "a", 120, 1), film(folder, "b", 60, 2)
    (folder / "train.txt").write_text("".join(f"{path}\n" for path, _ in learnt))
    (folder / "film.data").write_text(f"classes=1\ntrain={folder}/train.txt\nbackup={folder}\n")
    before, last, after = BODY.format(filters=12).rpartition("[convolutional]\n")
    cfg = folder / "film.cfg"
    cfg.write_text(NET + before + layer + last + after + HEAD)
    with Trainer(cfg, folder / "film.data", overwrite=True, threads=1, seed=1) as trainer:
        trainer.run()
    video, found = Averager(Network(cfg, folder / "film_final.weights", dialect="alexeyab"), 1), 0
    for number, (path, (cx, cy)) in enumerate(seen):
        boxes = [each.box for each in video.detect(cv2.imread(str(path)), DetectOptions(0.25, fit="stretch"))]
        near = any(max(abs(box.x - cx), abs(box.y - cy)) < SIDE / 3 for box in boxes)
        assert near or number % 4 == 3, f"frame {number} shows it"
        found += near and number % 4 == 3
    return found


def test_what_is_hidden_is_remembered(tmp_path: Path) -> None:
    assert hidden_found(tmp_path, "") == 0
    assert hidden_found(tmp_path, CRNN) >= 12  # 15
