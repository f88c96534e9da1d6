"""Thousands of detections in one process: memory, open files and threads stay where they are. A tenth of the images
can't be read, and now and then the network changes its size; every hundredth runs through the command line.
`python -m tests.campaign.endurance --count 20000 --seed 1`"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import sys
from pathlib import Path
from random import Random
from typing import Any

from tests.lib import cli_nets, nets

from .common import ROOT, Findings, campaign, case_random

SAMPLES = 40
GROWTH_MB = 5  # of the median of the last quarter over that of the second
REAL = 20  # one detection in so many is yolov3-tiny's, where its weights are there


def sample() -> tuple[float, int, int]:
    """Resident MB, open files, threads."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, len(os.listdir("/proc/self/fd")), int(status["Threads"])


def networks(folder: Path) -> list[Any]:
    """A small detector, whose files are in the folder, and yolov3-tiny."""
    from pydarknet import Network

    nets.write(folder, size=64)
    found = [Network(folder / "small.cfg", folder / "small.weights", threads=1)]
    weights = ROOT / "weights" / "yolov3-tiny.weights"
    if weights.exists():
        found.append(Network(ROOT / "cfg" / "yolov3-tiny.cfg", weights, threads=1))
        found[1].resize(160, 160)
    return found


def detect(rng: Random, found: list[Any], pictures: list[Path], damaged: Path, findings: Findings) -> None:
    """One detection of a random sort."""
    from pydarknet.errors import DarknetError

    net = found[-1] if rng.random() < 1 / REAL else found[0]
    if rng.random() < 0.005:
        size = rng.choice([64, 96, 128])
        found[0].resize(size, size)
    if rng.random() < 0.1:
        try:
            net.detect(damaged)
        except DarknetError:
            findings.note("damaged")
        return
    if rng.random() < 0.1:
        net.detect([rng.choice(pictures) for _ in range(3)], batch=3)
        findings.note("batches of 3")
        return
    net.detect(rng.choice(pictures), thresh=rng.choice([0.05, 0.3]))
    findings.note("yolov3-tiny" if net is found[-1] and len(found) > 1 else "small")


def by_command(folder: Path, rng: Random, pictures: list[Path], findings: Findings) -> None:
    from pydarknet.cli.main import main

    kind = rng.choice(["json", "csv", "coco", "voc", "yolo"])
    words = ["detect", folder / "small.cfg", folder / "small.weights", *pictures[:3], "--save", kind, "--save-to",
             folder / f"out-{kind}", "--no-draw", "--quiet"]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(list(map(str, words)))
    findings.note("commands")
    if code:
        findings.found(kind, f"exit code {code}")


def body(count: int, seed: int, folder: Path, findings: Findings) -> dict[str, Any]:
    found = networks(folder)
    pictures = [cli_nets.write_picture(folder / f"p{i}.png", 50 + 7 * i, 40 + 5 * i, seed=i) for i in range(12)]
    damaged = folder / "damaged.png"
    damaged.write_bytes(pictures[3].read_bytes()[:200])
    taken = []
    for number in range(count):
        rng = case_random(seed, number)
        detect(rng, found, pictures, damaged, findings)
        if number % 100 == 0:
            by_command(folder, rng, pictures, findings)
        if number % max(count // SAMPLES, 1) == 0:
            taken.append(sample())
    quarter = len(taken) // 4
    memory = [each[0] for each in taken]
    growth = statistics.median(memory[-quarter:]) - statistics.median(memory[quarter : 2 * quarter])
    if growth > GROWTH_MB:
        findings.found("memory", f"grows by {growth:.1f} MB")
    for place, what in ((1, "open files"), (2, "threads")):
        if max(each[place] for each in taken[-quarter:]) > max(each[place] for each in taken[quarter : 2 * quarter]):
            findings.found(what, str([each[place] for each in taken]))
    return {"memory_mb": [round(each, 1) for each in memory], "growth_mb": round(growth, 2), "last": taken[-1]}


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, 20000))
