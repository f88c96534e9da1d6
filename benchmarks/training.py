"""A step of training beside PyTorch's, and whether images come fast enough:

    python benchmarks/training.py [--rounds 3] [--networks yolov2-voc,...] [--programs "pydarknet,PyTorch"]
                                  [--data mine.data] [--steady]

Each program runs in a process of its own, pinned to one processor, and they take turns; reported are medians, and
the most memory that the process has held. With --data the loader is measured as well, with one thread and two, on
the photographs of the train list. --steady is that of peers.py. Writes benchmarks/results/training.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from workers import OURS, ROOT, Gauge, Worker, gauge_for, machine, measured_peak, set_up_peers, take_turns, versions

from pydarknet.formats.cfg import dump, parse_cfg

NETWORKS = {"yolov2-tiny-voc": 8, "yolov2-voc": 4}  # their batches
SIZE = 416
FP32 = OURS, "PyTorch", "PyTorch compiled"
BF16 = f"{OURS} bf16", "PyTorch bf16", "PyTorch compiled bf16"
LOADER = f"{OURS}'s loader"
BATCHES = 40  # of the loader at a time: the first few were made ahead
RESULTS = ROOT / "benchmarks" / "results" / "training.json"


@dataclass
class Row:
    """One program on one network; seconds an image, the fastest of them, the process's MiB at most, and turns without
    the processors' full speed where that was asked for."""

    network: str
    batch: int
    program: str
    threads: int
    seconds: float
    fastest: float
    memory: int
    disturbed: int = 0


def make_cfg(folder: Path, name: str) -> Path:
    """The network at the size and the batch of the comparison."""
    cfg = parse_cfg(ROOT / "cfg" / f"{name}.cfg")
    for key, value in {"width": SIZE, "height": SIZE, "batch": NETWORKS[name], "subdivisions": 1}.items():
        cfg.net.set(key, value)
    path = folder / f"{name}.cfg"
    path.write_text(dump(cfg))
    return path


def measure(name: str, programs: Sequence[str], rounds: int, data: Path | None, gauge: Gauge | None) -> Iterator[Row]:
    """The rows of one network."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cfg = make_cfg(Path(folder), name)

        def start(program: str, threads: int, *more: Path) -> Worker:
            worker = Worker("training_programs.py", program, (cfg, *more), threads)
            stack.callback(worker.close)
            return worker

        steps = [start(program, 1) for program in programs]
        take_turns(steps, rounds, 1, gauge)
        loaders = [start(LOADER, threads, data) for threads in (1, 2)] if data else []
        take_turns(loaders, rounds=1, runs=BATCHES)
        batch = NETWORKS[name]
        for w in (*steps, *loaders):
            times = statistics.median(w.seconds) / batch, min(w.seconds) / batch
            yield Row(name, batch, w.program, w.threads, *times, w.memory, w.disturbed)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows of one network as text, and how ours compare: by the medians, and by the fastest runs."""
    yield f"{rows[0].network} at {SIZE}, batch {rows[0].batch}"
    yield f"  {'program':22} {'threads':>7} {'median s':>9} {'best s':>9} {'images/s':>9} {'MiB':>6}"
    for r in rows:
        yield (
            f"  {r.program:22} {r.threads:7d} {r.seconds:9.4f} {r.fastest:9.4f} {1 / r.seconds:9.1f} {r.memory:6d}"
        )
    by_name = {row.program: row for row in rows}
    for own, *others in (FP32, BF16):
        for other in others:
            if own in by_name and other in by_name:
                a, b = by_name[own], by_name[other]
                ratios = f"{a.seconds / b.seconds:.3f} (best {a.fastest / b.fastest:.3f})"
                yield f"  {own} / {other}: {ratios}, memory {a.memory / b.memory:.2f}"
    for loader in (row for row in rows if row.program == LOADER and OURS in by_name):
        times = by_name[OURS].seconds / loader.seconds
        yield f"  the loader with {loader.threads} threads feeds {times:.1f} times what training on one core eats"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--programs", default=",".join((*FP32, *BF16)))
    parser.add_argument("--data", type=Path, help="a .data file: its train list is loaded")
    parser.add_argument("--steady", action="store_true", help="only turns with the processor's full speed")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    names = args.networks.split(",")
    if unknown := set(names) - set(NETWORKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(NETWORKS)}")
    programs = args.programs.split(",")
    if unknown := set(programs) - {*FP32, *BF16}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join((*FP32, *BF16))}")
    set_up_peers()
    about = machine(measured_peak())
    print(about)
    rows: list[Row] = []
    for name in names:
        data = args.data if name == next(iter(NETWORKS)) else None
        with gauge_for(threads=1) if args.steady else nullcontext() as gauge:
            own = list(measure(name, programs, args.rounds, data, gauge))
        print("\n".join(table(own)), flush=True)
        rows += own
    result = {
        "machine": about,
        "versions": versions(),
        "rounds": args.rounds,
        "steady": args.steady,
        "rows": [asdict(r) for r in rows],
    }
    args.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
