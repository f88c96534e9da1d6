"""The results of the trainings: figures, a table, curves, and pictures of the test with what was found."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from cutouts import read_image
from judge import judge
from runs import RUNS, Run
from sets import FOLDER, ROOT

from pydarknet import Network
from pydarknet.formats.data import read_names

RESULTS = ROOT / "benchmarks" / "results" / "stamps"
EVERY = 50  # iterations of which a log keeps one row
SHOWN = (
    "iteration",
    "seen",
    "average",
    "rate",
    "seconds",
    "iou",
    "category",
    "objectness",
    "any_objectness",
    "recall",
)
PICTURES = 12


def report(names: Sequence[str]) -> None:
    """Judge those trainings on the test; write all results that there are."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "results.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    for run in RUNS:
        if run.name in names:
            known[run.name] = {
                "about": run.about, "seed": run.seed, **logged(run),
                **judge(run.cfg, run.weights, "test", flat=run.flat),
            }  # fmt: skip
            path.write_text(json.dumps({r.name: known[r.name] for r in RUNS if r.name in known}, indent=1) + "\n")
    (RESULTS / "table.md").write_text(table(known))
    print(table(known))
    if "joint-1" in names:
        sample(RUNS[0])


def logged(run: Run) -> dict[str, float]:
    """Iterations, images and minutes of a training; one row in EVERY of its log is kept."""
    with open(run.log, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(RESULTS / f"{run.name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SHOWN, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: short(row[key]) for key in SHOWN} for row in rows[EVERY - 1 :: EVERY])
    minutes = sum(float(row["seconds"]) for row in rows) / 60
    return {"iterations": len(rows), "images": int(rows[-1]["seen"]), "minutes": round(minutes, 1)}


def short(value: str) -> str:
    """A number with four digits."""
    return f"{float(value):.4g}" if value else ""


def table(known: dict[str, Any]) -> str:
    """Markdown: a row for each training."""
    deepest = max(len(each["along the tree"][0]["ap_by_depth"]) for each in known.values())
    depths = [f"depth {n}" for n in range(1, deepest + 1)]
    head = ["training", "boxed", "never boxed", "all leaves", "up the tree", "hP", "hR", "hF", *depths, "minutes"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, each in known.items():
        tree, leaves = each["along the tree"][0], each["leaves"]
        values = [leaves["boxed"], leaves["never boxed"], leaves["all"], tree["expanded_ap"]]
        values += [
            *(tree[f"overall_hierarchical_{key}"] for key in ("precision", "recall", "f")),
            *tree["ap_by_depth"],
        ]
        cells = ["-" if value is None else f"{100 * value:.1f}" for value in values]
        lines.append(f"| {name} | {' | '.join(cells)} | {each['minutes']:.0f} |")
    return "\n".join(lines) + "\n"


def sample(run: Run) -> None:
    """A sheet of pictures of the test, as `detect` draws them."""
    net = Network(run.cfg, run.weights, names=read_names(FOLDER / "stamps.names"), threads=1)
    tiles = []
    for line in (FOLDER / "test.txt").read_text().split()[:: 1200 // PICTURES][:PICTURES]:
        image = read_image(FOLDER / line, cv2.IMREAD_COLOR)
        large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        tiles.append(net.detect(large, thresh=0.3).plot())
    sheet = np.vstack([np.hstack(tiles[i : i + 4]) for i in range(0, PICTURES, 4)])
    cv2.imwrite(str(RESULTS / "test.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 75])
