"""The same training by AlexeyAB's Darknet and by ours: cfg, photographs, start and number of iterations.

    python benchmarks/darknet.py DARKNET DATA [--iterations N] [--runs N] [--output FILE]

DARKNET is that program, built with AVX=1 OPENMP=1; DATA is of `pydarknet data voc` on a folder with JPEGImages, where
both programs find the labels. Both train benchmarks/cfg/bccd-tiny.cfg on one processor, in turns, ours with the
seeds 0, 1, ..., the other with the clock's, as it does; and both judge what has been learnt. Writes
benchmarks/results/darknet.json and, of each fiftieth iteration, the mean losses: darknet.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workers import ROOT

from pydarknet import Network
from pydarknet.formats.cfg import dump, parse_cfg
from pydarknet.formats.data import read_data

CFG = ROOT / "benchmarks" / "cfg" / "bccd-tiny.cfg"
FOLDER = ROOT / ".cache" / "darknet"
RESULTS = ROOT / "benchmarks" / "results" / "darknet.json"
OURS, THEIRS = "pydarknet", "AlexeyAB"
KEPT = 50
LOSS = re.compile(r"^ *\d+: ([\d.]+), ([\d.]+) avg", re.MULTILINE)
AP = re.compile(r"name = (\S+), ap = ([\d.]+)%")
TRAIN: dict[str, tuple[str, ...]] = {
    OURS: ("-clear", "--overwrite", "--dialect", "alexeyab", "--threads", "1", "--workers", "1", "--no-chart"),
    THEIRS: ("-clear", "-dont_show"),
}
JUDGE: dict[str, tuple[str, ...]] = {OURS: ("--fit", "stretch", "--threads", "1"), THEIRS: ()}


def run(command: Sequence[object]) -> tuple[str, dict[str, float]]:
    """What a command prints, and its seconds: on the wall, and of all its threads together on the processor. It keeps
    to the last processor, with one thread for its kernels."""
    processor = sorted(os.sched_getaffinity(0))[-1]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["taskset", "-c", str(processor), *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        check=True,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, {"wall": wall, "processor": used}


class Race:
    """Both programs on one cfg, with the same weights to start from. `programs`: name -> how it is called."""

    def __init__(self, programs: dict[str, list[str]], data: Path, iterations: int) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.programs, self.cfg, self.start = programs, FOLDER / CFG.name, FOLDER / "start.weights"
        cfg = parse_cfg(CFG)
        cfg.net.set("max_batches", iterations)
        self.cfg.write_text(dump(cfg))
        Network(self.cfg, seed=0).save_weights(self.start)
        for name in programs:
            (FOLDER / name).mkdir(exist_ok=True)
            options = {**read_data(data).options, "backup": str(FOLDER / name)}
            self.data(name).write_text("".join(f"{key} = {value}\n" for key, value in options.items()))

    def data(self, name: str) -> Path:
        return FOLDER / f"{name}.data"

    def learn(self, name: str, *options: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Train by one program, judge by both: seconds and average precisions; loss and mean of each iteration."""
        files = (self.data(name), self.cfg, self.start)
        out, seconds = run([*self.programs[name], "detector", "train", *files, *TRAIN[name], *options])
        weights, ap = FOLDER / name / f"{CFG.stem}_final.weights", {}
        for judge, command in self.programs.items():
            said, _ = run([*command, "detector", "map", self.data(judge), self.cfg, weights, *JUDGE[judge]])
            ap[f"by {judge}"] = {key: float(value) for key, value in AP.findall(said)}
        return {"seconds": seconds, "ap50_percent": ap}, LOSS.findall(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("darknet", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3, help="of each program")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    programs = {OURS: [sys.executable, "-m", "pydarknet"], THEIRS: [str(args.darknet.resolve())]}
    race = Race(programs, args.data, args.iterations)
    runs = {}
    for run_number in range(args.runs):
        runs[f"{OURS} {run_number}"] = race.learn(OURS, "--seed", str(run_number))
        runs[f"{THEIRS} {run_number}"] = race.learn(THEIRS)
    result = {"iterations": args.iterations, "runs": {name: figures for name, (figures, _) in runs.items()}}
    print(json.dumps(result, indent=1))
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    with args.output.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("iteration", *runs))
        table = zip(*([average for _, average in losses] for _, losses in runs.values()), strict=True)
        writer.writerows([(i, *row) for i, row in enumerate(table, 1) if i % KEPT == 0])


if __name__ == "__main__":
    main()
