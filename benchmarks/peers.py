"""One image at a time, against the other programs that can run these networks: `make bench`, or

    python benchmarks/peers.py [--quick] [--rounds 7] [--networks yolov2,yolo9000@544,...] [--both]
                               [--programs pydarknet,PyTorch,...]

Every program runs in a process of its own, pinned to as many processors as it has threads, and they take turns, round
after round, so that whatever else the machine does meets all alike. Reported are medians. The results of all programs
are compared: a fast wrong answer doesn't count. Writes benchmarks/results/peers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from programs import network_input
from workers import OURS, PEERS_PYTHON, ROOT, Worker, machine, measured_peak, set_up_peers, take_turns, versions

from pydarknet import Network
from pydarknet.formats.cfg import dump, parse_cfg
from pydarknet.graph.graph import Graph

NETWORKS = {"yolov2": 416, "yolov2-tiny": 416, "darknet19": 224, "yolov3-tiny": 416, "yolo9000": 416}
LAZY = f"{OURS} lazy"  # of networks whose classes form a tree
PROGRAMS = (OURS, LAZY, "PyTorch", "ONNX Runtime", "OpenVINO", "OpenCV")
YARDSTICK = "PyTorch"
LEFT_OUT = {"yolo9000": ("OpenCV",)}  # OpenCV reads no tree
FOUND = 15  # boxes above the threshold where the classes form a tree
RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
TOLERANCE = 1e-3  # norm of the difference to ours, relative: float32 over some twenty layers


@dataclass
class Row:
    """One program on one network. Seconds an image; `difference` of its results from ours, relative."""

    network: str
    size: int
    gflop: float
    program: str
    threads: int
    seconds: float
    fastest: float
    difference: float | None


def make_network(folder: Path, name: str, size: int) -> tuple[Path, Path, float]:
    """A cfg at this size, random weights on which activations neither vanish nor explode, and its GFLOP."""
    cfg, weights = folder / f"{name}.cfg", folder / f"{name}.weights"
    description = parse_cfg(ROOT / "cfg" / f"{name}.cfg")
    for key, value in {"width": size, "height": size, "batch": 1, "subdivisions": 1}.items():
        description.net.set(key, value)
    cfg.write_text(dump(description))
    net = Network(cfg)
    rng = np.random.default_rng(0)
    for layer in net.layers:
        for key, array in layer.parameters.items():
            if key in ("biases", "rolling_mean"):
                array[...] = rng.normal(0, 0.1, array.shape)
            elif key == "rolling_variance":
                array[...] = rng.uniform(0.5, 1.5, array.shape)
    if net.is_lazy:
        let_few_pass(net, network_input(str(cfg)))
    net.save_weights(weights)
    return cfg, weights, net.flops * 1e-9


def let_few_pass(net: Network, x: npt.NDArray[np.float32]) -> None:
    """Shift the objectness, so that for this input there are FOUND boxes, as in an image of the world."""
    head = net.heads()[0]
    before = net.layers[head.index - 1]
    net.forward(x)
    logits = np.sort(before.output.reshape(head.boxes_per_cell, head.box_values, -1)[:, head.coords].ravel())[::-1]
    biases = before.parameters["biases"].reshape(head.boxes_per_cell, head.box_values)
    biases[:, head.coords] -= (logits[FOUND - 1] + logits[FOUND]) / 2
    net.parameters_changed()


def measure(name: str, programs: Sequence[tuple[str, int]], rounds: int, runs: int) -> Iterator[Row]:
    """The rows of one network, given as NAME or NAME@SIZE."""
    name, _, wanted = name.partition("@")
    size = int(wanted or NETWORKS[name])
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cfg, weights, gflop = make_network(Path(folder), name, size)
        workers = []
        for program, threads in programs:
            if program in LEFT_OUT.get(name, ()) or (program == LAZY and not Graph(cfg).is_lazy):
                continue
            out = Path(folder) / f"{program}-{threads}.npz"
            worker = Worker("programs.py", program, (cfg, weights, out), threads)
            workers.append((worker, out))
            stack.callback(worker.close)
        take_turns([worker for worker, _ in workers], rounds, runs)
        for w, out in workers:
            median, fastest = statistics.median(w.seconds), min(w.seconds)
            difference = None if out is workers[0][1] else difference_between(workers[0][1], out)
            yield Row(name, size, round(gflop, 2), w.program, w.threads, median, fastest, difference)


def difference_between(ours: Path, other: Path) -> float:
    """The largest relative difference (norm) of the results that both have."""
    with np.load(ours) as a, np.load(other) as b:
        common = sorted(set(a) & set(b))
        if not common:
            raise SystemExit(f"{other.stem}: no result to compare")
        return max(float(np.linalg.norm(a[k].ravel() - b[k].ravel()) / np.linalg.norm(a[k])) for k in common)


def table(rows: Sequence[Row], peak: float) -> Iterator[str]:
    """The rows of one network as text."""
    first = rows[0]
    single = [row for row in rows if row.threads == 1]
    best_seconds = min(row.seconds for row in single)
    yardstick = next((row.seconds for row in single if row.program == YARDSTICK), None)
    yield (
        f"{first.network} at {first.size}: {first.gflop:.2f} GFLOP; directly computed, one core at its peak "
        f"needs {first.gflop / peak:.3f} s"
    )
    heads = f"{'median s':>9} {'best s':>8} {'/ PyTorch':>9} {'/ fastest':>9} {'GFLOP/s':>8}"
    yield f"  {'program':14} {'threads':>7} {heads}"
    for row in rows:
        to_yardstick = f"{row.seconds / yardstick:9.2f}" if yardstick else f"{'-':>9}"
        yield (
            f"  {row.program:14} {row.threads:7d} {row.seconds:9.4f} {row.fastest:8.4f} {to_yardstick} "
            f"{row.seconds / best_seconds:9.2f} {row.gflop / row.seconds:8.0f}"
        )
    ours = {row.threads: row.seconds for row in rows if row.program == OURS}
    if 1 in ours and 2 in ours:
        yield f"  two threads are {ours[1] / ours[2]:.2f} times as fast as one"
    yield from lazy_lines(rows)
    for row in rows:
        if row.difference is not None and not row.difference < TOLERANCE:
            yield f"  {row.program} DISAGREES: its results differ by {row.difference:.1e}"


def lazy_lines(rows: Sequence[Row]) -> Iterator[str]:
    """What computing few classes is worth, beside our whole head and the fastest of the others."""
    for row in rows:
        if row.program != LAZY:
            continue
        peers = [each for each in rows if each.threads == row.threads and each is not row]
        others = [each.seconds for each in peers if each.program != OURS]
        ratios = [
            f"{row.seconds / each.seconds:.2f} of the whole head's time" for each in peers if each.program == OURS
        ]
        ratios += [f"{row.seconds / min(others):.2f} of the fastest other's"] if others else []
        yield f"  lazy, threads {row.threads}: {', '.join([*ratios, f'{FOUND} boxes above the threshold'])}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="yolov2-tiny alone, few rounds, nothing written")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--both", action="store_true", help="every program with one and with two threads")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/peers.json")
    args = parser.parse_args()
    names = ["yolov2-tiny"] if args.quick else args.networks.split(",")
    wanted = args.programs.split(",")
    unknown = ({name.partition("@")[0] for name in names} - set(NETWORKS)) | (set(wanted) - set(PROGRAMS))
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join([*NETWORKS, *PROGRAMS])}")
    rounds = args.rounds or (3 if args.quick else 7)
    programs = [(program, 1) for program in PROGRAMS if program in wanted]
    if len(os.sched_getaffinity(0)) > 1:
        programs += [
            (program, 2) for program in PROGRAMS if program in wanted and (args.both or program in (OURS, LAZY))
        ]
    return compare(names, programs, rounds, args.output or (None if args.quick else RESULTS))


def compare(names: Sequence[str], programs: Sequence[tuple[str, int]], rounds: int, output: Path | None) -> int:
    """Measure and print; 1 if a program's results disagree."""
    if any(not program.startswith(OURS) for program, _ in programs):
        set_up_peers()
    peak = measured_peak()
    about = machine(peak)
    print(f"{about['cpu']}, {about['instruction_set']}, {peak:.0f} GFLOP/s a core; load {about['load_at_start']}")
    rows: list[Row] = []
    for name in names:
        own = list(
            measure(
                name,
                programs,
                rounds,
                runs=1 if name.startswith(("yolov2", "yolo9000")) and "tiny" not in name else 5,
            )
        )
        print("\n".join(table(own, peak)), flush=True)
        rows += own
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        peers = versions() if PEERS_PYTHON.exists() else {}
        result = {"machine": about, "versions": peers, "rounds": rounds, "rows": [asdict(row) for row in rows]}
        output.write_text(json.dumps(result, indent=1) + "\n")
    return int(any(row.difference is not None and not row.difference < TOLERANCE for row in rows))


if __name__ == "__main__":
    sys.exit(main())
