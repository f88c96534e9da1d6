"""Blood cells: a small yolov4-tiny with AlexeyAB's mosaic, and the same without it.

    python benchmarks/mosaic.py FOLDER [--iterations N] [--seeds 1,2]

FOLDER is the BCCD data set, as for bccd.py. The network is cfg/yolov4-tiny.cfg with half of its filters, for three
classes, with anchors by k-means on this data, from random weights; two trainings a seed, side by side, one thread
each. Judged by `detector map` on the 87 images of val.txt. Writes benchmarks/results/mosaic.json after each seed;
seeds that it has of as many iterations are not trained again, so that more can be added. Prints the mean and the
spread of each kind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pydarknet.formats.cfg import dump, parse_cfg  # noqa: E402

FOLDER = ROOT / ".cache" / "mosaic"
RESULT = ROOT / "benchmarks" / "results" / "mosaic.json"
CLASSES = 3
KINDS = "plain", "mosaic"
NET = {"width": 320, "height": 256, "batch": 8, "learning_rate": 0.001, "burn_in": 100}


def pydarknet(*arguments: object) -> None:
    """Run a command as a user would; the program ends if it fails."""
    subprocess.run([sys.executable, "-m", "pydarknet", *map(str, arguments)], check=True, cwd=FOLDER,
                   env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})  # fmt: skip


def write_cfg(path: Path, iterations: int, mosaic: int) -> None:
    """The small network, trained for so long."""
    cfg = parse_cfg(ROOT / "cfg" / "yolov4-tiny.cfg")
    steps = f"{iterations * 8 // 10},{iterations * 9 // 10}"
    for key, value in {**NET, "max_batches": iterations, "steps": steps, "mosaic": mosaic}.items():
        cfg.net.set(key, value)
    for section, after in zip(cfg.sections, [*cfg.sections[1:], None], strict=True):
        if section.type == "yolo":
            section.set("classes", CLASSES)
            section.set("random", 0)
        elif section.type == "convolutional":
            head = after is not None and after.type == "yolo"
            section.set("filters", 3 * (5 + CLASSES) if head else section.int_("filters") // 2)
    path.write_text(dump(cfg))


def train(name: str, seed: int) -> dict[str, object]:
    """Train and judge one."""
    start, cfg = time.monotonic(), FOLDER / f"{name}.cfg"
    how = ["--seed", seed, "--threads", 1, "--workers", 1, "--overwrite", "--quiet", "--no-chart"]
    pydarknet("train", "bccd.data", cfg, *how)
    found = FOLDER / f"{name}.json"
    pydarknet("detector", "map", "bccd.data", cfg, f"backup/{name}_final.weights", "--json", found, "--quiet")
    judged = json.loads(found.read_text())
    return {
        "seed": seed,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "ap50": {row["name"]: round(row["ap"], 4) for row in judged["classes"]},
        "mean_ap50": round(judged["mean_ap"], 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="FOLDER")
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--seeds", default="1", help="numbers, joined by commas (1)")
    args = parser.parse_args()
    results = known(args.iterations)
    seeds = [seed for seed in map(int, args.seeds.split(",")) if not any(run["seed"] == seed for run in results)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    pydarknet("data", "voc", args.data.resolve(), "--out", FOLDER, "--pictures", "link", "--name", "bccd", "--force")
    for seed in seeds:
        results += both(seed, args.iterations)
        RESULT.write_text(json.dumps({"iterations": args.iterations, "runs": results}, indent=1) + "\n")
    print(RESULT.read_text())
    for kind in KINDS:
        scores = [100 * run["mean_ap50"] for run in results if run["kind"] == kind]
        print(f"{kind:6} {mean(scores):.1f}, from {min(scores):.1f} to {max(scores):.1f}, {len(scores)} seeds")


def known(iterations: int) -> list[dict[str, Any]]:
    """The runs of so many iterations that there are."""
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    return found["runs"] if found.get("iterations") == iterations else []


def both(seed: int, iterations: int) -> list[dict[str, Any]]:
    """Train without mosaic and with it."""
    for kind in KINDS:
        cfg = FOLDER / f"{kind}-{seed}.cfg"
        write_cfg(cfg, iterations, int(kind == "mosaic"))
        pydarknet("anchors", "bccd.data", cfg, "--write", cfg)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda kind: train(f"{kind}-{seed}", seed), KINDS)
        return [{"kind": kind, **result} for kind, result in zip(KINDS, found, strict=True)]


if __name__ == "__main__":
    main()
