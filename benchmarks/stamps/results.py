"""The results of the trainings: figures, a table, curves, and images of the test with what was found."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from cutouts import Image, read_image, read_stamps
from evaluation import evaluate
from runs import RUNS, Run
from scenes import Box, compose
from sets import FOLDER, ROOT, Nodes, Painter

from pydarknet import Network
from pydarknet.formats.data import read_names
from pydarknet.plots.canvas import canvas_for

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
TILES = 12
SHIPPED = "long"  # whose weights come with the package
COLOURS = {"boxed": "#1f77b4", "never boxed": "#ff7f0e"}
SEED = 1654  # of data/stamps.jpg, a scene in which everything is found


def report(names: Sequence[str]) -> None:
    """Evaluate those trainings on the test; write all results that there are."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "results.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    for run in RUNS:
        if run.name in names:
            known[run.name] = {
                "about": run.about, "seed": run.seed, **logged(run),
                **evaluate(run.cfg, run.weights, "test", flat=run.flat),
            }  # fmt: skip
            path.write_text(json.dumps({r.name: known[r.name] for r in RUNS if r.name in known}, indent=1) + "\n")
    known = {run.name: known[run.name] for run in RUNS if run.name in known}
    (RESULTS / "table.md").write_text(table(known))
    print(table(known))
    chart(known)
    if SHIPPED in names:
        sample(next(run for run in RUNS if run.name == SHIPPED))
        cv2.imwrite(str(ROOT / "data" / "stamps.jpg"), show(SEED)[0], [cv2.IMWRITE_JPEG_QUALITY, 88])


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


def chart(known: dict[str, Any]) -> None:
    """Bars of AP50, boxed leaves and never-boxed ones side by side, for each training."""
    width, height, floor, top = 720, 260, 220, 30
    canvas = canvas_for(RESULTS / "results.svg", width, height)
    for tenth in range(0, 11, 2):
        y = floor - (floor - top) * tenth / 10
        canvas.line([(50, y), (width - 10, y)], "#dddddd")
        canvas.text(44, y + 4, f"{tenth / 10:.0%}", "end")
    step = (width - 70) / len(known)
    for place, (name, each) in enumerate(known.items()):
        left = 60 + place * step
        for nth, (group, colour) in enumerate(COLOURS.items()):
            extent = (floor - top) * each["leaves"][group]
            canvas.fill(left + nth * 0.4 * step, floor - extent, 0.38 * step, extent, colour)
        canvas.text(left + 0.4 * step, floor + 16, name, "middle")
    for nth, (group, colour) in enumerate(COLOURS.items()):
        canvas.fill(60 + nth * 150, 8, 12, 12, colour)
        canvas.text(78 + nth * 150, 18, f"AP50, {group}")
    canvas.save(RESULTS / "results.svg")


def sample(run: Run) -> None:
    """A sheet of images of the test, as `detect` draws them."""
    net = Network(run.cfg, run.weights, names=read_names(FOLDER / "stamps.names"), threads=1)
    tiles = []
    for line in (FOLDER / "test.txt").read_text().split()[:: 1200 // TILES][:TILES]:
        image = read_image(FOLDER / line, cv2.IMREAD_COLOR)
        large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        tiles.append(net.detect(large, thresh=0.3).plot())
    sheet = np.vstack([np.hstack(tiles[i : i + 4]) for i in range(0, TILES, 4)])
    cv2.imwrite(str(RESULTS / "test.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 75])


def show(seed: int) -> tuple[Image, list[tuple[str, Box]]]:
    """A large scene over a background of the test, of two kinds that have boxes and two that have none, and what lies
    where; data/stamps.jpg is that of SEED."""
    stamps, names = read_stamps(), read_names(FOLDER / "stamps.names")
    nodes, rng = Nodes.read(), np.random.default_rng(seed)
    never = [leaf for leaf in nodes.leaves if leaf not in nodes.boxed]
    kinds = [*rng.choice(sorted(nodes.boxed), 2, replace=False), *rng.choice(never, 2, replace=False)]
    chosen = []
    for kind in kinds:
        of_kind = nodes.labelled(stamps, frozenset([int(kind)]))[int(kind)]
        chosen.append(of_kind[rng.integers(len(of_kind))])
    grounds = Painter(stamps, nodes).test_grounds
    scene = compose(rng, grounds[rng.integers(len(grounds))], chosen, [], (0.25, 0.45), side=512)
    return scene.image, [(names[nodes.node[stamp.wnid]], box) for stamp, box in scene.objects]
