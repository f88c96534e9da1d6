"""The trainings, each `pydarknet train` in a process of its own, and what the test says of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sets import FOLDER, ROOT, Nodes

from pydarknet.formats.cfg import dump, parse_cfg

CFG = ROOT / "cfg" / "stamps.cfg"
LOGS = ROOT / "benchmarks" / "results" / "stamps"


@dataclass(frozen=True)
class Run:
    """One training: a set of sets.SETS, a seed, and keys of [region] that differ from cfg/stamps.cfg."""

    name: str
    about: str
    data: str
    seed: int = 1
    region: tuple[tuple[str, object], ...] = ()

    @property
    def cfg(self) -> Path:
        return FOLDER / f"{self.name}.cfg"

    @property
    def weights(self) -> Path:
        return FOLDER / "backup" / f"{self.name}_final.weights"


RUNS = (
    Run("joint-1", "joint: boxes for a third of the leaves, classes for all", "joint", 1),
    Run("joint-2", "joint, another seed", "joint", 2),
    Run("joint-3", "joint, another seed", "joint", 3),
    Run("boxes", "the boxes alone", "boxes"),
    Run("all", "boxes for all leaves: the ceiling", "all"),
    Run("flat", "joint, one softmax over the leaves in place of the tree", "flat"),
    Run("largest", "joint, the largest proposal learns the class in place of the most probable box", "joint", 1,
        (("class_only_box", "largest"),)),
)  # fmt: skip


def write_cfg(run: Run) -> None:
    """cfg/stamps.cfg with the tree of the run's set and what else is different."""
    cfg = parse_cfg(CFG)
    nodes = Nodes.read()
    flat = run.data == "flat"
    classes = len(nodes.leaves) if flat else len(nodes.tree)
    head, before = cfg.sections[-1], cfg.sections[-2]
    before.set("filters", int(head.int_("num", 1)) * (5 + classes))
    values = {"classes": classes, "tree": FOLDER / ("flat.tree" if flat else "stamps.tree"), **dict(run.region)}
    for key, value in values.items():
        head.set(key, value)
    run.cfg.write_text(dump(cfg))


def start(run: Run) -> subprocess.Popen[bytes]:
    """Begin a training of one thread; its log has a row per iteration."""
    write_cfg(run)
    command = [sys.executable, "-m", "pydarknet", "train", FOLDER / f"{run.data}.data", run.cfg, "--overwrite"]
    how = ["--seed", str(run.seed), "--threads", "1", "--workers", "1", "--brief", "--log", LOGS / f"{run.name}.csv"]
    (LOGS / f"{run.name}.csv").unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open(FOLDER / f"{run.name}.log", "wb") as log:
        return subprocess.Popen([*command, *how], cwd=FOLDER, stdout=log, stderr=subprocess.STDOUT, env=environment)
