"""Detections from many threads on shared networks, of several sizes, in batches and by the drop-in modules: each bit
for bit what one thread alone gets. `python -m tests.campaign.concurrency --count 16000 --seed 1`"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.lib import nets

from .common import Findings, campaign, case_random

THREADS = 12
CHUNK = 20


def body(count: int, seed: int, folder: Path, findings: Findings) -> None:
    shared = [nets.network(size=64, seed=1), nets.network(size=96, seed=2), nets.layer_network("yolo")]
    pictures = [nets.picture(30 + 7 * i, 20 + 9 * i, seed=i) for i in range(10)]
    batches = {id(net): [nets.batch(net, 1 + i % 4, seed=i) for i in range(4)] for net in shared}
    for net in shared:
        net.backend.ops.set_num_threads(2)
    expected = {
        (n, p): (net.detect(pictures[p], thresh=0.1), net.forward(batches[id(net)][p % 4]))
        for n, net in enumerate(shared)
        for p in range(len(pictures))
    }

    def work(number: int) -> list[str]:
        rng, wrong = case_random(seed, number), []
        for _ in range(CHUNK):
            wrong += one(rng)
        return wrong

    def one(rng: Random) -> list[str]:
        n, p = rng.randrange(len(shared)), rng.randrange(len(pictures))
        net, (boxes, output) = shared[n], expected[n, p]
        kind = rng.choice(["detect", "forward", "batch"])
        if kind == "forward":
            return [] if np.array_equal(net.forward(batches[id(net)][p % 4]), output) else [f"forward {n} {p}"]
        if kind == "batch":
            q = rng.randrange(len(pictures))
            found: list[Any] = net.detect([pictures[p], pictures[q]], thresh=0.1, batch=2)
            return [] if found == [boxes, expected[n, q][0]] else [f"batch {n} {p} {q}"]
        return [] if net.detect(pictures[p], thresh=0.1) == boxes else [f"detect {n} {p}"]

    with ThreadPoolExecutor(THREADS) as pool:
        for number, wrong in enumerate(pool.map(work, range(count // CHUNK))):
            findings.tried["detections"] += CHUNK
            for each in wrong:
                findings.found(number, each)


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, 16000))
