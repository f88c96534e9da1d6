"""Joint training in small: what a detector learns about classes of which it has seen images, but no boxes.

    python benchmarks/joint.py [--iterations N] [--threads N] [--seed N]

The paper's section 4 with Fashion-MNIST (Debian's package dataset-fashion-mnist): clothes on a noisy ground. Images
with boxes know three kinds only by a coarse word ("upper", "shoe"), the roots of a WordTree. The words below (shirt,
coat, sandal, ...) occur in images of one piece, labelled `class 0 0 0 0`, without a box. Two networks of
benchmarks/cfg/joint.cfg learn, one from both kinds of images, one from the boxes alone; both are judged by
`pydarknet detector map` on images whose boxes have the finest words. Writes benchmarks/results/joint.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import fashion_mnist
import numpy as np
import numpy.typing as npt

ROOT = fashion_mnist.ROOT
CFG = ROOT / "benchmarks" / "cfg" / "joint.cfg"
FOLDER = ROOT / ".cache" / "joint"
RESULTS = ROOT / "benchmarks" / "results" / "joint.json"
SIZE = 96
TREE = {  # name: parent
    "upper": -1, "shoe": -1, "trouser": -1, "dress": -1, "bag": -1,
    "t-shirt": 0, "pullover": 0, "coat": 0, "shirt": 0,
    "sandal": 1, "sneaker": 1, "boot": 1,
}  # fmt: skip
NODES = list(TREE)
# Node of each of Fashion-MNIST's classes, and what the images with boxes call it.
FINE = [NODES.index(n) for n in ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
                                 "bag", "boot")]  # fmt: skip
COARSE = [TREE[NODES[node]] if TREE[NODES[node]] >= 0 else node for node in FINE]
Image = npt.NDArray[np.uint8]
Objects = list[tuple[int, tuple[float, ...]]]  # classes of Fashion-MNIST, and boxes


@dataclass
class Clothes:
    """Images (N, 28, 28) and classes of one of Fashion-MNIST's two sets."""

    images: Image
    classes: Image

    @classmethod
    def read(cls, prefix: str) -> Clothes:
        folder = fashion_mnist.SOURCE
        images = fashion_mnist.read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        return cls(images, fashion_mnist.read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", 8))


def paste(scene: Image, piece: Image, left: int, top: int, side: int) -> tuple[float, float, float, float]:
    """Put a piece into the scene; its box, without the empty rows and columns: centre and size, 0..1."""
    rows, columns = (np.flatnonzero(piece.max(axis) > 30) for axis in (1, 0))
    piece = piece[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = side / max(piece.shape)
    height, width = (max(4, round(n * scale)) for n in piece.shape)
    place = scene[top : top + height, left : left + width]
    np.maximum(place, cv2.resize(piece, (width, height)), out=place)
    return (left + width / 2) / SIZE, (top + height / 2) / SIZE, width / SIZE, height / SIZE


def ground(rng: np.random.Generator) -> Image:
    """Noise, coarse and fine, that is never as bright as a piece can be."""
    coarse = cv2.resize(rng.integers(0, 90, (6, 6), dtype=np.uint8), (SIZE, SIZE))
    noise: Image = coarse + rng.integers(0, 30, (SIZE, SIZE), dtype=np.uint8)
    return noise


def scene(clothes: Clothes, rng: np.random.Generator) -> tuple[Image, Objects]:
    """Up to three pieces, one a quarter; the classes and boxes."""
    image = ground(rng)
    objects: Objects = []
    for quarter in rng.permutation(4)[: rng.integers(1, 4)]:
        side = int(rng.integers(26, SIZE // 2 + 1))
        room = SIZE // 2 - side
        left, top = (SIZE // 2 * int(half) + int(rng.integers(0, room + 1)) for half in divmod(quarter, 2))
        i = int(rng.integers(len(clothes.images)))
        objects.append((int(clothes.classes[i]), paste(image, clothes.images[i], left, top, side)))
    return image, objects


def single(clothes: Clothes, rng: np.random.Generator) -> tuple[Image, Objects]:
    """One piece somewhere, larger on the whole than those in scenes; its class, and no box."""
    image, side, i = ground(rng), int(rng.integers(30, 81)), int(rng.integers(len(clothes.images)))
    left, top = (int(rng.integers(0, SIZE - side + 1)) for _ in range(2))
    paste(image, clothes.images[i], left, top, side)
    return image, [(int(clothes.classes[i]), (0.0, 0.0, 0.0, 0.0))]


Maker = Callable[[Clothes, np.random.Generator], tuple[Image, Objects]]


def write(name: str, make: Maker, clothes: Clothes, count: int, nodes: Sequence[int], seed: int) -> list[str]:
    """`count` images and their labels; the paths."""
    rng, paths = np.random.default_rng(seed), []
    for part in ("images", "labels"):
        (FOLDER / name / part).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        image, objects = make(clothes, rng)
        path = FOLDER / name / "images" / f"{i:05d}.png"
        cv2.imwrite(str(path), image)
        lines = [" ".join(map(str, (nodes[c], *(round(v, 5) for v in box)))) for c, box in objects]
        (FOLDER / name / "labels" / f"{i:05d}.txt").write_text("".join(f"{line}\n" for line in lines))
        paths.append(str(path))
    return paths


def prepare(images: int, singles: int, judged: int) -> None:
    """All images, and a .data file for each of the two trainings."""
    learnt, unseen = Clothes.read("train"), Clothes.read("t10k")
    boxes = write("boxes", scene, learnt, images, COARSE, 1)
    words = write("words", single, learnt, singles, FINE, 2)
    valid = write("valid", scene, unseen, judged, FINE, 3)
    (FOLDER / "joint.tree").write_text("".join(f"{name} {parent}\n" for name, parent in TREE.items()))
    (FOLDER / "joint.names").write_text("".join(f"{name}\n" for name in TREE))
    shutil.copy(CFG, FOLDER)
    (FOLDER / "valid.txt").write_text("".join(f"{path}\n" for path in valid))
    for name, paths in {"joint": boxes + words, "boxes": boxes}.items():
        (FOLDER / f"{name}.txt").write_text("".join(f"{path}\n" for path in paths))
        (FOLDER / f"backup-{name}").mkdir(exist_ok=True)
        files = {"train": f"{name}.txt", "valid": "valid.txt", "names": "joint.names", "backup": f"backup-{name}"}
        lines = [f"classes = {len(TREE)}", *(f"{key} = {FOLDER / file}" for key, file in files.items())]
        (FOLDER / f"{name}.data").write_text("".join(f"{line}\n" for line in lines))


def run(*arguments: object) -> None:
    """Run a command as a user would."""
    print("$ pydarknet", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "pydarknet", *map(str, arguments)], check=True, cwd=ROOT)


def learn(name: str, iterations: int, threads: int, seed: int) -> dict[str, object]:
    """Train on one list and judge."""
    cfg, data, found = FOLDER / CFG.name, FOLDER / f"{name}.data", FOLDER / f"{name}.json"
    run("train", data, cfg, "--overwrite", "--clear", "--seed", seed, "--threads", threads,
        "--max-batches", iterations, "--log", FOLDER / f"{name}.csv", "-quiet", "--no-chart")  # fmt: skip
    weights = FOLDER / f"backup-{name}" / "joint_final.weights"
    run("detector", "map", data, cfg, weights, "--fit", "stretch", "--json", found)
    judged = json.loads(found.read_text())
    return {"ap50": {row["name"]: round(row["ap"], 4) for row in judged["classes"] if row["objects"]},
            "mean_ap50": round(judged["mean_ap"], 4)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    prepare(2000, 2000, 500)
    judged: dict[str, object] = {"iterations": args.iterations, "seed": args.seed}
    judged |= {name: learn(name, args.iterations, args.threads, args.seed) for name in ("joint", "boxes")}
    RESULTS.write_text(json.dumps(judged, indent=1) + "\n")


if __name__ == "__main__":
    main()
