"""A detector and a classifier so small that the command line's answers are known by hand, and ways to call it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, BinaryIO

import numpy as np
import pytest

import pydarknet
from pydarknet import Network
from pydarknet.cli.main import main

NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"
CONV = "[avgpool]\n[convolutional]\nfilters={filters}\nsize=1\nactivation=linear\n"
REGION = "[region]\nanchors=.5,.5\nclasses={classes}\nnum=1\ncoords=4\nsoftmax=1\n"

# One cell: a box of half the image in its middle; objectness .9526, cat .8808, dog .1192.
DETECTOR = NET + CONV.format(filters=7) + REGION.format(classes=2)
BIASES = (0, 0, 0, 0, 3, 2, 0)
LINE = "cat: 84%"

# animal (thing) > cat (dog): .8808 each; Darknet reports the objectness.
TREE = "animal -1\nthing -1\ncat 0\ndog 0\n"
TREE_DETECTOR = NET + CONV.format(filters=9) + REGION.format(classes=4) + "tree=toy.tree\n"
TREE_BIASES = (0, 0, 0, 0, 3, 2, 0, 2, 0)

CLASSIFIER = NET + CONV.format(filters=2) + "[softmax]\n"
CLASSIFIER_BIASES = (2, 0)


def write_net(folder: Path, stem: str, cfg: str, biases: tuple[float, ...]) -> None:
    """Write `stem`.cfg and a `stem`.weights whose answer is `biases`, whatever the image."""
    path = folder / f"{stem}.cfg"
    path.write_text(cfg)
    net = Network(path)
    net.layers[1].parameters["weights"][...] = 0
    net.layers[1].parameters["biases"][...] = biases
    net.save_weights(folder / f"{stem}.weights")


def write_picture(path: Path, width: int = 40, height: int = 30, seed: int = 0) -> Path:
    """An image of noise."""
    from pydarknet.images.image import save_image

    path.parent.mkdir(parents=True, exist_ok=True)
    save_image(path, np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))
    return path


def write_video(path: Path, frames: int = 3, width: int = 48, height: int = 32) -> Path:
    """A video of grey frames, each a little brighter."""
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    for number in range(frames):
        writer.write(np.full((height, width, 3), number % 256, np.uint8))
    writer.release()
    return path


def write_files(folder: Path) -> None:
    """net, tree and classes (.cfg, .weights), names, a .data file and a.jpg."""
    (folder / "toy.tree").write_text(TREE)
    write_net(folder, "net", DETECTOR, BIASES)
    write_net(folder, "tree", TREE_DETECTOR, TREE_BIASES)
    write_net(folder, "classes", CLASSIFIER, CLASSIFIER_BIASES)
    (folder / "toy.names").write_text("cat\ndog\n")
    (folder / "toy.data").write_text("classes=2\nnames=toy.names\ntop=2\n")
    write_picture(folder / "a.jpg")


@dataclass
class Result:
    """What a call gave."""

    code: int
    out: str
    err: str

    @property
    def results(self) -> list[str]:
        """The lines on standard output without their timings."""
        lines = self.out.splitlines()
        return [line.partition(": Predicted")[0] if ": Predicted in " in line else line for line in lines]


def call(capsys: pytest.CaptureFixture[str], *words: object) -> Result:
    """Run the command line in this process."""
    capsys.readouterr()
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return Result(code, out, err)


def spawn(
    *words: object, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None, stdout: int | BinaryIO = PIPE
) -> Popen[bytes]:
    """Start the command line in a process of its own, in the current folder; `prefix` is a command that runs it."""
    root = Path(pydarknet.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), **(env or {})}
    command = [*prefix, sys.executable, "-m", "pydarknet", *map(str, words)]
    return Popen(command, env=environment, stdin=PIPE, stdout=stdout, stderr=PIPE)


def read_until(process: Popen[bytes], words: bytes) -> None:
    """Read the process's lines up to one with these words, which has to come."""
    while words not in (line := process.stdout.readline()):
        assert line, f"it ended by itself: {process.communicate()[1].decode()}"


def spawned(*words: object, stdin: bytes = b"", **options: Any) -> Result:
    """Run the command line in a process of its own to its end."""
    process = spawn(*words, **options)
    out, err = process.communicate(stdin, timeout=60)
    assert b"Traceback" not in (out or b"") + err
    return Result(process.returncode, (out or b"").decode(), err.decode())
