"""A small Darknet-19 on Fashion-MNIST: trained, validated, and its figures kept. With Debian's package
dataset-fashion-mnist installed:

    python benchmarks/fashion_mnist.py [--threads 2] [--workers 2] [--seed 0]

Unpacks the 70,000 images to PNG files under .cache/fashion-mnist, runs `pydarknet classifier train` on
benchmarks/cfg/fashion.cfg and `pydarknet classifier valid` on the 10,000 test images, and writes
benchmarks/results/fashion_mnist.json and, of each fiftieth iteration, fashion_mnist.csv.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("/usr/share/datasets/fashion-mnist")
FOLDER = ROOT / ".cache" / "fashion-mnist"
CFG = ROOT / "benchmarks" / "cfg" / "fashion.cfg"
RESULTS = ROOT / "benchmarks" / "results"
NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
SETS = {"train": "train", "valid": "t10k"}
KEPT = 50  # iterations a row of the log that is kept
COLUMNS = ("iteration", "loss", "average", "rate", "seconds")


def read_idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    """The bytes behind the header of a packed IDX file."""
    try:
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), np.uint8)[header:]
    except FileNotFoundError:
        raise SystemExit(f"{path} is missing: apt-get install dataset-fashion-mnist") from None


def unpack(name: str, prefix: str) -> None:
    """One set as PNG files whose names hold the class, and its list, written last."""
    pictures = read_idx(SOURCE / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    classes = read_idx(SOURCE / f"{prefix}-labels-idx1-ubyte.gz", 8)
    (FOLDER / name).mkdir(parents=True, exist_ok=True)
    paths = [FOLDER / name / f"{i:05d}_class{c}.png" for i, c in enumerate(classes)]
    for path, picture in zip(paths, pictures, strict=True):
        cv2.imwrite(str(path), picture)
    (FOLDER / f"{name}.txt").write_text("".join(f"{path}\n" for path in paths))


def prepare() -> Path:
    """The .data file; images are unpacked once."""
    for name, prefix in SETS.items():
        if not (FOLDER / f"{name}.txt").exists():
            unpack(name, prefix)
    (FOLDER / "backup").mkdir(exist_ok=True)
    (FOLDER / "labels.txt").write_text("".join(f"class{c}\n" for c in range(len(NAMES))))
    (FOLDER / "names.txt").write_text("".join(f"{name}\n" for name in NAMES))
    files = {name: f"{name}.txt" for name in (*SETS, "labels", "names")} | {"backup": "backup"}
    data = FOLDER / "fashion.data"
    lines = [f"classes = {len(NAMES)}", *(f"{key} = {FOLDER / file}" for key, file in files.items())]
    data.write_text("\n".join(lines) + "\n")
    return data


def run(*arguments: object) -> str:
    """What a command of the program prints."""
    command = [sys.executable, "-m", "pydarknet", *map(str, arguments)]
    return subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout


def validate(data: Path, weights: Path, threads: int) -> float:
    """Top-1 accuracy on the test images."""
    out = run("classifier", "valid", data, CFG, weights, "--quiet", "--batch", 100, "--threads", threads)
    found = re.search(r"top 1: ([\d.]+)", out)
    if found is None:
        raise SystemExit(f"no accuracy in {out!r}")
    return float(found[1])


def keep(rows: Sequence[dict[str, str]], result: dict[str, object]) -> None:
    """The figures, and a part of the log."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fashion_mnist.json").write_text(json.dumps(result, indent=1) + "\n")
    with (RESULTS / "fashion_mnist.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[KEPT - 1 :: KEPT])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-hours", type=float, default=24.0, help="stop then; --resume goes on")
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    data, log, weights = prepare(), FOLDER / "log.csv", FOLDER / "backup" / "fashion_final.weights"
    weights.unlink(missing_ok=True)
    options = [text for key in ("threads", "workers", "seed") for text in (f"--{key}", getattr(args, key))]
    options += ["--order", "epochs", "--log", log, "--max-hours", args.max_hours, "--save-every", 1000]
    if args.resume:
        options.append("--resume")
    else:
        log.unlink(missing_ok=True)
        options.append("--overwrite")
    run("classifier", "train", data, CFG, *options, "--quiet", "--no-chart")
    if not weights.exists():
        print("stopped; --resume goes on")
        return
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    result: dict[str, object] = {"top1": validate(data, weights, args.threads), "iterations": len(rows)}
    result |= {"seconds": sum(float(row["seconds"]) for row in rows)}
    result |= {key: getattr(args, key) for key in ("threads", "workers", "seed")}
    print(json.dumps(result))
    keep(rows, result)


if __name__ == "__main__":
    main()
