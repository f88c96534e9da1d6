"""The trainings, each `pydarknet train` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sets import FOLDER, ROOT, Nodes

from pydarknet.formats.cfg import dump, parse_cfg

CFG = ROOT / "cfg" / "stamps.cfg"
LOGS = FOLDER / "logs"
WHERE = 3000  # iterations


@dataclass(frozen=True)
class Run:
    """One training: a set of sets.SETS, a seed, and keys of [region] that cfg/stamps.cfg doesn't have."""

    name: str
    about: str
    data: str
    seed: int = 1
    region: tuple[tuple[str, object], ...] = ()
    iterations: int = 0  # if not the cfg's

    @property
    def flat(self) -> bool:
        """Whether its classes are the leaves alone."""
        return self.data.endswith("flat")

    @property
    def cfg(self) -> Path:
        return FOLDER / f"{self.name}.cfg"

    @property
    def log(self) -> Path:
        """A row per iteration."""
        return LOGS / f"{self.name}.csv"

    @property
    def weights(self) -> Path:
        return FOLDER / "backup" / self.data / f"{self.name}_final.weights"


RUNS = (
    Run("joint-1", "joint: boxes for a third of the leaves, a class alone for all", "joint", 1),
    Run("joint-2", "joint, another seed", "joint", 2),
    Run("joint-3", "joint, another seed", "joint", 3),
    Run("boxes", "the boxes alone", "boxes"),
    Run("all", "boxes for all leaves: the ceiling", "all"),
    Run("flat", "joint, one softmax over the leaves in place of the tree", "flat"),
    Run(
        "largest", "joint, the largest proposal learns the class in place of the surest box", "joint",
        region=(("class_only_box", "largest"),),
    ),
    Run(
        "probable", "joint, the box that thinks the class most probable learns it (the paper's text)", "joint",
        region=(("class_only_box", "probable"),),
    ),
    Run(
        "program", "joint, and all other boxes learn that nothing is there (the paper's program)", "joint",
        region=(("class_only_box", "probable"), ("class_only_objectness", "pull")),
    ),
    Run("long", "joint, twice as long: the weights that come with the package", "joint", iterations=12000),
)  # fmt: skip


def train(names: Sequence[str], jobs: int) -> None:
    """Those of RUNS that are named and haven't ended yet, so many at a time."""
    LOGS.mkdir(parents=True, exist_ok=True)
    wanted = [run for run in RUNS if run.name in names and not run.weights.is_file()]
    wanted.sort(key=lambda run: -run.iterations)  # the longest first
    starts = [each for each in dict.fromkeys(map(where, wanted)) if not each.weights.is_file()]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(carry_out, starts))
        list(pool.map(lambda run: carry_out(run, where(run).weights), wanted))


def where(run: Run) -> Run:
    """What a training starts from: where things are, learnt from the boxes alone, without classes. Every box thinks
    all classes alike then, so that the most probable one of an image of a class only is one at a thing."""
    data = "where_flat" if run.flat else "boxes"
    return Run(f"{data}-1", "where things are", data, 1, (("class_scale", 0),), WHERE)


def carry_out(run: Run, weights: Path | None = None) -> None:
    """One training, of one thread. SystemExit if it fails."""
    write_cfg(run)
    run.log.unlink(missing_ok=True)
    files = [FOLDER / f"{run.data}.data", run.cfg, *([] if weights is None else [weights])]
    how = ["--seed", run.seed, "--threads", 1, "--workers", 1, "--log", run.log, "--save-every", 1000]
    flags = ["--clear", "--overwrite", "--quiet", "--no-chart"]
    command = [sys.executable, "-m", "pydarknet", "train", *map(str, [*files, *how, *flags])]
    with open(LOGS / f"{run.name}.txt", "wb") as log:
        environment = {"PYTHONPATH": str(ROOT), **os.environ}
        code = subprocess.run(command, cwd=FOLDER, stdout=log, stderr=log, env=environment).returncode
    if code:
        raise SystemExit(f"{run.name}: exit code {code}; see {LOGS / run.name}.txt")


def write_cfg(run: Run) -> None:
    """cfg/stamps.cfg with the tree of the run's set and what else is different."""
    cfg, nodes = parse_cfg(CFG), Nodes.read()
    classes = len(nodes.leaves) if run.flat else len(nodes.tree)
    before, head = cfg.sections[-2:]
    before.set("filters", head.int_("num", 1) * (5 + classes))
    tree = FOLDER / ("flat.tree" if run.flat else "stamps.tree")
    for key, value in {"classes": classes, "tree": tree, **dict(run.region)}.items():
        head.set(key, value)
    if run.iterations:
        cfg.net.set("max_batches", run.iterations)
    run.cfg.write_text(dump(cfg))
