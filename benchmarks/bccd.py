"""Blood cells: a network of the YOLOv2 family trained on real photographs, and what each idea of the paper brings.

    python benchmarks/bccd.py FOLDER [--variant NAME] [--iterations N] [--threads N]

FOLDER is the BCCD data set (shenggan/BCCD_Dataset: Annotations/, JPEGImages/, ImageSets/). Everything goes through
the commands that a user has: `data voc`, `anchors`, `weights get`, `train`, `detector map`. The cfgs are
benchmarks/cfg/bccd.cfg and, for its second half, bccd-fine.cfg, at whose size the result is judged; the backbone is
the first eleven layers of the published yolov3-tiny. With --iterations there is the first half only. Variants change
one thing: no-batch-norm (the backbone's is folded into its weights), hand-picked (Faster R-CNN's nine anchors),
no-passthrough, single-scale. Writes benchmarks/results/bccd/VARIANT.json, .csv (the log) and .png (the chart).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pydarknet.anchors.kmeans import anchors_text, faster_rcnn  # noqa: E402
from pydarknet.formats.cfg import Cfg, dump, parse_cfg  # noqa: E402
from pydarknet.graph.graph import Graph  # noqa: E402

CFG = ROOT / "benchmarks" / "cfg" / "bccd.cfg"
FINE = CFG.with_name("bccd-fine.cfg")
RESULTS = ROOT / "benchmarks" / "results" / "bccd"
BACKBONE_LAYERS = 11
VALUES = 8  # of each anchor: four coordinates, objectness, three classes


def pydarknet(*arguments: object) -> None:
    """Run a command as a user would; the program ends if it fails."""
    print("$ pydarknet", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "pydarknet", *map(str, arguments)], check=True, cwd=ROOT)


def no_batch_norm(cfg: Cfg) -> None:
    """Biases instead of batch norm everywhere, and a tenth of the rate: with all of it the loss is infinite at 80."""
    cfg.net.set("learning_rate", cfg.net.float_("learning_rate") / 10)
    for section in cfg.sections:
        if section.has("batch_normalize"):
            section.set("batch_normalize", 0)


def hand_picked(cfg: Cfg) -> None:
    """Faster R-CNN's nine anchors instead of k-means on this data."""
    *_, convolution, head = cfg.sections
    cells = np.array([cfg.net.int_("width"), cfg.net.int_("height")]) / 16
    head.set("anchors", anchors_text(faster_rcnn(cells[0] / cells[1]) * cells, cells=True))
    head.set("num", 9)
    convolution.set("filters", 9 * VALUES)


def no_passthrough(cfg: Cfg) -> None:
    """Only the coarse map: the four layers between it and the last two convolutions are left out."""
    (start,) = (i for i, section in enumerate(cfg.sections) if section.type == "reorg")
    del cfg.sections[start - 2 : start + 2]


def single_scale(cfg: Cfg) -> None:
    """All iterations at the cfg's own size."""
    cfg.sections[-1].set("random", 0)


VARIANTS: dict[str, Callable[[Cfg], None]] = {
    "full": lambda cfg: None,
    "no-batch-norm": no_batch_norm,
    "hand-picked": hand_picked,
    "no-passthrough": no_passthrough,
    "single-scale": single_scale,
}


def write_cfg(source: Path, variant: str, iterations: int | None, path: Path) -> None:
    """The variant's cfg; with other iterations the schedule keeps its shape."""
    cfg = parse_cfg(source)
    VARIANTS[variant](cfg)
    if iterations is not None:
        factor = iterations / cfg.net.int_("max_batches")
        cfg.net.set("steps", ",".join(str(round(step * factor)) for step in cfg.net.ints("steps")))
        cfg.net.set("max_batches", iterations)
    path.write_text(dump(cfg))


def backbone(variant: str, folder: Path) -> Path:
    """The published weights, with batch norm folded where the variant has none."""
    weights = ROOT / "weights" / "yolov3-tiny.weights"
    pydarknet("weights", "get", "yolov3-tiny", "--folder", weights.parent)
    if variant != "no-batch-norm":
        return weights
    folded = folder / "folded.weights"
    pydarknet("denormalize", ROOT / "cfg" / "yolov3-tiny.cfg", weights, folded)
    return folded


class Run:
    """One training in a folder of its own, in one or two halves, and its judgement."""

    def __init__(self, data: Path, name: str, seed: int, threads: int) -> None:
        self.name, self.seed, self.threads = name, seed, threads
        shared = ROOT / ".cache" / "bccd"
        self.folder = shared / name
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (shared / "data" / "bccd.data").exists():
            pydarknet("data", "voc", data, "--out", shared / "data", "--pictures", "link", "--name", "bccd")
        lines = (shared / "data" / "bccd.data").read_text().replace("backup = backup", f"backup = {self.folder}")
        self.data = self.folder / "bccd.data"
        self.data.write_text(lines)

    def train(self, cfg: Path, weights: Path, *options: object) -> Path:
        """Train from these weights; the final ones."""
        log = cfg.with_suffix(".csv")
        log.unlink(missing_ok=True)
        pydarknet("train", self.data, cfg, weights, *options, "--overwrite", "--clear", "--seed", self.seed,
                  "--threads", self.threads, "--log", log, "-quiet")  # fmt: skip
        RESULTS.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, RESULTS)
        shutil.copy(cfg.with_name(f"chart_{cfg.stem}.png"), RESULTS / f"{cfg.stem}.png")
        return cfg.with_name(f"{cfg.stem}_final.weights")

    def judge(self, cfg: Path, weights: Path) -> dict[str, object]:
        """Average precision on the 87 images of val.txt, as `detector map` finds it."""
        found = self.folder / "map.json"
        pydarknet("detector", "map", self.data, cfg, weights, "--json", found)
        judged = json.loads(found.read_text())
        return {
            "ap50": {row["name"]: round(row["ap"], 4) for row in judged["classes"]},
            "mean_ap50": round(judged["mean_ap"], 4),
        }


def run(each: Run, variant: str, iterations: int | None) -> dict[str, object]:
    """Train and judge; what it gave. A variant with iterations of its own has the first half only."""
    start = time.monotonic()
    halves = [CFG] if iterations else [CFG, FINE]
    weights, options = backbone(variant, each.folder), ["--cutoff", BACKBONE_LAYERS]
    for i, source in enumerate(halves):
        cfg = each.folder / f"{each.name}{'-fine' * i}.cfg"
        write_cfg(source, variant, iterations, cfg)
        weights, options = each.train(cfg, weights, *options), []
    return {
        "variant": variant,
        "iterations": [parse_cfg(half).net.int_("max_batches") for half in halves]
        if not iterations
        else [iterations],
        "seed": each.seed,
        "threads": each.threads,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "gflop": round(Graph(cfg).flops * 1e-9, 2),
        **each.judge(cfg, weights),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="FOLDER")
    parser.add_argument("--variant", choices=VARIANTS, default="full")
    parser.add_argument("--iterations", type=int, help="of the first half, alone; its steps move along")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", help="of the results; default: the variant")
    args = parser.parse_args()
    name = args.name or args.variant
    result = run(Run(args.data, name, args.seed, args.threads), args.variant, args.iterations)
    text = json.dumps(result, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
