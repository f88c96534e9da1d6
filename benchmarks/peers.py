"""Networks side by side with the other programs that can run them: `make bench`, or

    python benchmarks/peers.py [--quick] [--rounds 7] [--networks yolov2,yolo9000@544,...] [--batch 1,8]
                               [--threads 1,2] [--programs pydarknet,PyTorch,...] [--isa avx2] [--fresh] [--steady]

Every program runs in a process of its own, pinned to as many processors as it has threads, and they take turns, round
after round, so that whatever else the machine does meets all alike. Reported are medians of seconds an image, and the
most memory a program held. The results of all programs are compared: a fast wrong answer doesn't count. Writes
benchmarks/results/peers.json and .svg after each network; what stands there already is measured again with --fresh
only, so that a run can go on where another one ended, or be made part by part. With --isa avx2 all are held to AVX2,
but for those that ask the processor alone, which are left out; the results are in peers-avx2.json.

With --steady a turn counts only if the processors had their full speed before and behind it, which others' work on a
shared machine takes away for seconds; a turn for which it never came is counted as `disturbed`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from chart import draw_bars
from programs import PROGRAMS, network_input
from workers import (
    HELD_TO,
    NOT_HELD,
    OURS,
    ROOT,
    FailedError,
    Gauge,
    Worker,
    gauge_for,
    machine,
    measured_peak,
    set_up_peers,
    take_turns,
    versions,
)

from pydarknet import Network
from pydarknet.formats.cfg import dump, parse_cfg
from pydarknet.graph.graph import Graph

NETWORKS = {"yolov2": 416, "yolov2-tiny": 416, "yolov2-voc": 416, "darknet19": 224, "yolov3": 416, "yolov3-tiny": 416,
            "yolov4": 416, "yolov4-tiny": 416, "yolo9000": 416}  # fmt: skip
MEASURED = ("yolov2@320", "yolov2", "yolov2@608", "yolov2-tiny", "yolov2-voc", "yolo9000", "yolo9000@544",
            "darknet19", "darknet19@448", "yolov3", "yolov3-tiny", "yolov4", "yolov4-tiny")  # fmt: skip
DEBIANS = Path("/usr/share/darknet/cfg")  # of its package darknet, for what we have no cfg of
LAZY = f"{OURS} lazy"  # of networks whose classes form a tree
INT8 = ("pydarknet int8", "pydarknet int8 wide", "pydarknet int8 tiles", "ONNX Runtime int8", "OpenVINO int8")
COARSE = {
    "pydarknet fp16": 1e-2,
    "pydarknet bf16": 5e-2,
    "OpenVINO bf16": 5e-2,
    **dict.fromkeys(INT8, 0.3),
}  # rounding
ONE_IMAGE = ("Darknet", LAZY)  # at a time
ONE_THREAD = ("Darknet",)
YARDSTICK = "PyTorch"
LEFT_OUT = {"yolo9000": ("OpenCV",), "yolov3": ("PyTorch", "PyTorch frozen", "PyTorch compiled")}  # trees; shortcuts
FOUND = 15  # boxes above the threshold where the classes form a tree
RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
TOLERANCE = 1e-3  # norm of the difference to ours, relative: float32 over some twenty layers


@dataclass
class Row:
    """One program on one network. Seconds an image; MiB of memory; `difference` of its results from ours, relative,
    None where it shows none; turns without the processors' full speed, where that was asked for."""

    network: str
    size: int
    gflop: float
    batch: int
    program: str
    threads: int
    seconds: float
    fastest: float
    memory: int
    difference: float | None
    disturbed: int = 0

    @property
    def agrees(self) -> bool:
        """Whether its results are ours."""
        return self.difference is None or self.difference < COARSE.get(self.program, TOLERANCE)


def make_network(folder: Path, name: str, size: int) -> tuple[Path, Path, float]:
    """A cfg at this size, random weights on which activations neither vanish nor explode, and its GFLOP."""
    cfg, weights = folder / f"{name}.cfg", folder / f"{name}.weights"
    own = ROOT / "cfg" / f"{name}.cfg"
    description = parse_cfg(own if own.is_file() else DEBIANS / own.name)
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


def measure(
    name: str, batch: int, threads: int, programs: Sequence[str], rounds: int, gauge: Gauge | None
) -> Iterator[Row]:
    """The rows of one network, given as NAME or NAME@SIZE. What can't run it is named and left out."""
    runs = 1 if name.startswith(("yolov2", "yolo9000", "yolov3")) and "tiny" not in name else 5
    name, _, wanted = name.partition("@")
    size = int(wanted or NETWORKS[name])
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cfg, weights, gflop = make_network(Path(folder), name, size)
        ours, workers = Path(folder) / "ours.npz", []
        for program in programs:
            if not can_run(program, name, batch, threads, Graph(cfg).is_lazy):
                continue
            out = ours if program == OURS else Path(folder) / f"{program}.npz"
            try:
                worker = Worker("programs.py", program, (cfg, weights, batch, out), threads)
            except FailedError as error:
                print(f"  {error}", flush=True)
                continue
            workers.append((worker, out))
            stack.callback(worker.close)
        take_turns([worker for worker, _ in workers], rounds, runs, gauge)
        for w, out in workers:
            median, fastest = (seconds / batch for seconds in (statistics.median(w.seconds), min(w.seconds)))
            difference = None if out is ours or not ours.exists() else difference_between(ours, out)
            times = median, fastest, w.memory, difference, w.disturbed
            yield Row(name, size, round(gflop, 2), batch, w.program, threads, *times)


def can_run(program: str, name: str, batch: int, threads: int, lazy: bool) -> bool:
    """Whether a program knows such a network, batch and number of threads."""
    return not (
        program in LEFT_OUT.get(name, ())
        or (program == LAZY and not lazy)
        or (batch > 1 and program in ONE_IMAGE)
        or (threads > 1 and program in ONE_THREAD)
    )


def difference_between(ours: Path, other: Path) -> float | None:
    """The largest relative difference (norm) of the results that both have; None of a program that shows none."""
    with np.load(ours) as a, np.load(other) as b:
        common = sorted(set(a) & set(b))
        if not set(b):
            return None
        if not common:
            raise SystemExit(f"{other.stem}: no result to compare")
        return max(relative_difference(a[k], b[k]) for k in common)


def relative_difference(ours: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """In the norm; 1 where one has found more boxes than the other."""
    if ours.size != other.size:
        return 1.0
    return float(np.linalg.norm(ours.ravel() - other.ravel()) / np.linalg.norm(ours))


def table(rows: Sequence[Row], peak: float) -> Iterator[str]:
    """The rows of one network, batch and number of threads as text."""
    first = rows[0]
    best_seconds = min(row.seconds for row in rows)
    yardstick = next((row.seconds for row in rows if row.program == YARDSTICK), None)
    yield (
        f"{first.network} at {first.size}, batch {first.batch}, threads {first.threads}: {first.gflop:.2f} GFLOP; "
        f"directly computed, {first.threads} at the peak of one core need {first.gflop / peak / first.threads:.3f} s"
    )
    heads = f"{'median s':>9} {'best s':>8} {'/ PyTorch':>9} {'/ fastest':>9} {'GFLOP/s':>8} {'MiB':>6}"
    yield f"  {'program':16} {heads}"
    for row in sorted(rows, key=lambda row: row.seconds):
        to_yardstick = f"{row.seconds / yardstick:9.2f}" if yardstick else f"{'-':>9}"
        yield (
            f"  {row.program:16} {row.seconds:9.4f} {row.fastest:8.4f} {to_yardstick} "
            f"{row.seconds / best_seconds:9.2f} {row.gflop / row.seconds:8.0f} {row.memory:6d}"
        )
    yield from lazy_lines(rows)
    for row in rows:
        if row.disturbed:
            yield f"  {row.program}: {row.disturbed} turns without the processors' full speed"
        if not row.agrees:
            yield f"  {row.program} DISAGREES: its results differ by {row.difference:.1e}"


def lazy_lines(rows: Sequence[Row]) -> Iterator[str]:
    """What computing few classes is worth, beside our whole head and the fastest of the others."""
    seconds = {row.program: row.seconds for row in rows}
    if LAZY not in seconds:
        return
    others = [value for program, value in seconds.items() if not program.startswith(OURS)]
    ratios = [f"{seconds[LAZY] / seconds[OURS]:.2f} of the whole head's time"] if OURS in seconds else []
    ratios += [f"{seconds[LAZY] / min(others):.2f} of the fastest other's"] if others else []
    yield f"  lazy: {', '.join([*ratios, f'{FOUND} boxes above the threshold'])}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--quick", action="store_true", help="yolov2-tiny alone, few rounds, nothing written")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--networks", default=",".join(MEASURED), help="NAME or NAME@SIZE, with commas")
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--threads", default=",".join(map(str, sorted({1, cores}))), help="default: one, and all")
    parser.add_argument("--fresh", action="store_true", help="measure what is there already, too")
    parser.add_argument("--steady", action="store_true", help="only turns with the processors' full speed")
    parser.add_argument("--isa", choices=HELD_TO, help="an instruction set below the machine's best")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/peers.json, with --isa peers-ISA.json"
    )
    args = parser.parse_args()
    names = ["yolov2-tiny"] if args.quick else args.networks.split(",")
    wanted = args.programs.split(",")
    unknown = ({name.partition("@")[0] for name in names} - set(NETWORKS)) | (set(wanted) - set(PROGRAMS))
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join([*NETWORKS, *PROGRAMS])}")
    batches = [1] if args.quick else [int(each) for each in args.batch.split(",")]
    kinds = [(name, batch, int(each)) for name in names for batch in batches for each in args.threads.split(",")]
    programs = [program for program in PROGRAMS if program in wanted]
    output = args.output or RESULTS
    if args.isa:
        os.environ.update(HELD_TO[args.isa])
        output = args.output or RESULTS.with_stem(f"{RESULTS.stem}-{args.isa}")
        if left_out := [program for program in programs if program.startswith(NOT_HELD)]:
            print(f"left out, as nothing holds them to {args.isa}: {', '.join(left_out)}", flush=True)
        programs = [program for program in programs if program not in left_out]
    kept = Kept(None if args.quick else output, args.fresh)
    return compare(kinds, programs, args.rounds or (3 if args.quick else 7), kept, args.isa, args.steady)


class Kept:
    """The rows that are measured, in a file (None: nowhere); those of an earlier run are there, unless `fresh`."""

    def __init__(self, file: Path | None, fresh: bool) -> None:
        self.file, self.rows = file, list[Row]()
        if file is not None and file.exists() and not fresh:
            self.rows = [Row(**row) for row in json.loads(file.read_text())["rows"] if "batch" in row]

    def has(self, name: str, batch: int, threads: int, program: str) -> bool:
        """Whether a program has been measured."""
        network, _, size = name.partition("@")
        kind = network, int(size or NETWORKS[network]), batch, threads, program
        return any((row.network, row.size, row.batch, row.threads, row.program) == kind for row in self.rows)

    def add(self, rows: Sequence[Row], **about: object) -> None:
        """Add rows, instead of those of the same kind, and write all, with the chart."""
        new = {(row.network, row.size, row.batch, row.threads, row.program) for row in rows}
        old = [r for r in self.rows if (r.network, r.size, r.batch, r.threads, r.program) not in new]
        self.rows = [*old, *rows]
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            result = {**about, "rows": [asdict(row) for row in self.rows]}
            self.file.write_text(json.dumps(result, indent=1) + "\n")
            draw_bars(self.file.with_suffix(".svg"), bars(self.rows))


def bars(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Milliseconds an image of each program, by what was run."""
    groups: dict[str, dict[str, float]] = {}
    for row in rows:
        title = f"{row.network} {row.size}, batch {row.batch}, {row.threads} thread{'s' * (row.threads > 1)}"
        groups.setdefault(title, {})[row.program] = 1000 * row.seconds
    return groups


def compare(
    kinds: Sequence[tuple[str, int, int]],
    programs: Sequence[str],
    rounds: int,
    kept: Kept,
    isa: str | None = None,
    steady: bool = False,
) -> int:
    """Measure (network, batch, threads), and print; 1 if a program's results disagree."""
    if any(not program.startswith((OURS, "Darknet")) for program in programs):
        set_up_peers()
    peak = measured_peak(isa)
    about = {"machine": machine(peak), "versions": versions(), "rounds": rounds, "steady": steady}
    print(json.dumps(about["machine"]), flush=True)
    for name, batch, threads in kinds:
        # Ratios are of one run: what is missing of a kind is measured beside ours, once more.
        missing = [program for program in programs if not kept.has(name, batch, threads, program)]
        if not missing:
            continue
        every = list(dict.fromkeys([OURS, *missing]))
        with gauge_for(threads, isa) if steady else nullcontext() as gauge:
            own = list(measure(name, batch, threads, every, rounds, gauge))
        if own:
            print("\n".join(table(own, peak)), flush=True)
            kept.add(own, **about)
    return int(not all(row.agrees for row in kept.rows))


if __name__ == "__main__":
    sys.exit(main())
