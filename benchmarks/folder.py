"""A folder of photographs through `pydarknet detect`, beside the forward passes alone, and a video:

    python benchmarks/folder.py [--images 1000] [--network yolov3-tiny] [--weights yolov3-tiny] [--rounds 3]
                                [--precision fp32] [--output benchmarks/results/folder.json]

The photographs, 768 x 576 as JPEG, are cut out of those of Debian's package darknet, by a fixed seed. In turns: the
forward passes alone, one image after another on all cores, and each core with an image of its own; the folder on one
core; the folder on all; the same as a video on all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from workers import FOLDER, ROOT, machine, measured_peak

from pydarknet import Network
from pydarknet.catalog import find_weights
from pydarknet.detection.options import DEFAULTS
from pydarknet.images.image import load_image

PHOTOGRAPHS = Path("/usr/share/darknet/data")
WIDTH, HEIGHT = 768, 576


def make_photographs(folder: Path, count: int) -> None:
    """Parts of the package's photographs, of random place and size, some turned over."""
    rng = np.random.default_rng(0)
    sources = [load_image(path) for path in sorted(PHOTOGRAPHS.glob("*.jpg"))]
    if not sources:
        raise SystemExit(f"{PHOTOGRAPHS}: no photographs; apt-get install darknet")
    for i in range(count):
        source = sources[i % len(sources)]
        high, wide = source.shape[:2]
        w = int(min(wide, high * WIDTH / HEIGHT) * rng.uniform(0.6, 1))
        h = w * HEIGHT // WIDTH
        x, y = rng.integers(0, wide - w + 1), rng.integers(0, high - h + 1)
        part = cv2.resize(source[y : y + h, x : x + w], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        turned = part[:, ::-1] if rng.random() < 0.5 else part
        cv2.imwrite(str(folder / f"{i:05d}.jpg"), np.ascontiguousarray(turned), [cv2.IMWRITE_JPEG_QUALITY, 92])


def make_video(folder: Path, target: Path) -> None:
    """The photographs as frames."""
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for path in sorted(folder.glob("*.jpg")):
        writer.write(load_image(path))
    writer.release()


def forwards(net: Network, count: int) -> float:
    """Seconds of so many forward passes, one after another on all cores."""
    with net.plan(1) as plan:
        plan.run()
        start = time.perf_counter()
        for _ in range(count):
            plan.run()
        return time.perf_counter() - start


def forwards_apart(net: Network, count: int) -> float:
    """The same of threads side by side, each on a core with images of its own."""
    threads = net.backend.ops.num_threads()
    net.plans_kept = max(net.plans_kept, threads)
    together = threading.Barrier(threads + 1)

    def lane() -> None:
        net.backend.ops.limit_threads(1)
        with net.plan(1) as plan:
            plan.run()
            together.wait()
            for _ in range(count // threads):
                plan.run()
            together.wait()

    for _ in range(threads):
        threading.Thread(target=lane, daemon=True).start()
    together.wait()
    start = time.perf_counter()
    together.wait()
    return time.perf_counter() - start


def seconds_of(*words: object) -> float:
    """What a command says it took for its images, start and weights left out; for a video, by its rate."""
    command = [sys.executable, "-m", "pydarknet", *map(str, words)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    if "frames/s" in last:
        count, rate = last.split()[1], last.split()[-2]
        return int(count.replace(",", "")) / float(rate)
    return float(last.split()[-2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--network", default="yolov3-tiny")
    parser.add_argument("--weights", default="yolov3-tiny", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--output", type=Path, default=FOLDER / "results" / "folder.json", metavar="FILE")
    args = parser.parse_args()
    cfg, weights = ROOT / "cfg" / f"{args.network}.cfg", find_weights(args.weights)
    net, precision = Network(cfg, weights, precision=args.precision), ("--precision", args.precision)
    net.prepare(1, DEFAULTS)
    about = machine(measured_peak())
    with tempfile.TemporaryDirectory() as name:
        folder, video = Path(name) / "photographs", Path(name) / "video.avi"
        folder.mkdir()
        make_photographs(folder, args.images)
        make_video(folder, video)
        ways: dict[str, Callable[[], float]] = {
            "forward passes, all cores": lambda: forwards(net, args.images),
            "forward passes, one each": lambda: forwards_apart(net, args.images),
            "folder, one core": lambda: seconds_of("detect", cfg, weights, folder, "--threads", 1, *precision),
            "folder, all cores": lambda: seconds_of("detect", cfg, weights, folder, *precision),
            "video, all cores": lambda: seconds_of("demo", cfg, weights, video, "--no-draw", *precision),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(args.rounds):
            for way, run in ways.items():
                seconds[way].append(run())
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    *passes, one, every, film = medians.values()
    alone = min(passes)
    print(json.dumps(about))
    for way, median in medians.items():
        print(f"{way:32} {median:7.2f} s  {args.images / median:7.1f} images/s")
    print(f"the folder has {alone / every:.2f} of the rate of the forward passes, the video {alone / film:.2f}; "
          f"all cores are {one / every:.2f} times as fast as one")  # fmt: skip
    result = {"machine": about, "network": args.network, "precision": args.precision, "images": args.images,
              "seconds": seconds}  # fmt: skip
    args.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
