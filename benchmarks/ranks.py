"""How much faster several ranks train than one process: in turns, each process on one processor and one thread.

    python benchmarks/ranks.py --ranks 2                # yolov2-tiny-voc at 416, batch 64 in 2 mini-batches
    python benchmarks/ranks.py --ranks 2 --link lo      # with MPI over TCP through that interface

Prints images a second and processor seconds an image, of which those of waiting ranks are part.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

CFG = Path(__file__).parent.parent / "cfg" / "yolov2-tiny-voc.cfg"


def make(folder: Path, iterations: int, batch: int, subdivisions: int) -> None:
    """48 photographs' size of image with two boxes each, and the cfg at one size."""
    rng = np.random.default_rng(3)
    for name in ("images", "labels"):
        (folder / name).mkdir()
    paths = [folder / "images" / f"{i}.jpg" for i in range(48)]
    for path in paths:
        coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (500, 375), interpolation=cv2.INTER_CUBIC))
        (folder / "labels" / f"{path.stem}.txt").write_text("0 .3 .4 .2 .3\n6 .7 .6 .3 .2\n")
    (folder / "train.txt").write_text("".join(f"{path}\n" for path in paths))
    (folder / "voc.data").write_text(f"classes=20\ntrain={folder}/train.txt\nbackup={folder}/backup\n")
    changed = {"batch": batch, "subdivisions": subdivisions, "random": 0, "max_batches": iterations}
    lines = CFG.read_text().splitlines()
    keys = [line.partition("=")[0].strip() for line in lines]
    text = "".join(
        f"{key}={changed[key]}\n" if key in changed else f"{line}\n" for key, line in zip(keys, lines, strict=True)
    )
    (folder / "voc.cfg").write_text(text)


def work(folder: Path, pinned: bool, exact: bool) -> None:
    """A training in this process and its team; rank 0 prints what each iteration took."""
    from pydarknet.scale.mpi import open_team
    from pydarknet.train.trainer import Trainer

    with open_team(exact=exact) as team:
        if pinned:
            processors = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {processors[team.rank % len(processors)]})
        with Trainer(folder / "voc.cfg", folder / "voc.data", overwrite=True, threads=1, workers=1, team=team) as run:
            walls, used, before = [], [], time.process_time()
            for metrics in run:
                now = time.process_time()
                walls.append(metrics.seconds)
                used.append(now - before)
                before = now
        link = getattr(team, "link", None)
        used = [sum(each) for each in zip(*link.gather(used), strict=True)] if link else used
        if team.leads:
            print(json.dumps({"walls": walls[1:], "used": used[1:]}))


def measure(args: argparse.Namespace, folder: Path, ranks: int) -> dict[str, list[float]]:
    """What one run of so many ranks says."""
    command = [sys.executable, __file__, "--work", str(folder), *["--free"] * args.free, *["--fast"] * args.fast]
    if ranks > 1:
        link = ["--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", args.link] if args.link else []
        start = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", *link, "-n", str(ranks)]
        command = [*start, *command]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, list[float]] = json.loads(out.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=4, help="of a run; the first isn't counted")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--subdivisions", type=int, default=2)
    parser.add_argument("--fast", action="store_true", help="each rank adds up its gradients first")
    parser.add_argument("--free", action="store_true", help="bind no process to a processor")
    parser.add_argument("--link", help="the network interface that MPI uses, instead of shared memory")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, not args.free, not args.fast)
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), args.iterations, args.batch, args.subdivisions)
        found: dict[int, list[dict[str, list[float]]]] = {1: [], args.ranks: []}
        for _ in range(args.turns):
            for ranks, runs in found.items():
                runs.append(measure(args, Path(folder), ranks))
    rates = {}
    for ranks, runs in found.items():
        walls, used = ([value for run in runs for value in run[name]] for name in ("walls", "used"))
        rates[ranks] = args.batch / statistics.median(walls), args.batch / min(walls), statistics.median(used)
        median, best, seconds = rates[ranks]
        each = 1000 * seconds / args.batch
        print(f"{ranks} ranks: {median:.2f} images/s (best {best:.2f}), {each:.1f} ms of processor an image")
    one, many = rates[1], rates[args.ranks]
    print(f"times as fast: median {many[0] / one[0]:.3f}, best {many[1] / one[1]:.3f}, "
          f"by processor time {args.ranks * one[2] / many[2]:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
