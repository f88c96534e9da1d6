"""CUDA's kernels on a GPU beside PyTorch's: whole networks in every precision first, then training steps, then every
call of them.

    python benchmarks/gpu.py [NETWORK ...] [--device cuda] [--size 416 608] [--batch 1 8] [--precision fp32 tf32 ...]
                             [--training 16] [--seconds N] [--no-calls] [--no-pytorch] [--json FILE]

A line is what ran, its time (median), its rates, its share of the card's roofline, the cost model's prediction and
PyTorch's time for the same. Both are measured alike: queued runs between two events, CUDA graphs, everything on the
device, 16-bit tensors given as such. The roofline is the larger of operations at the peak of that precision and bytes
(each array once) at the memory's speed, both measured first. A call is repeated: what fits is in the second-level
cache then, for both. `*` marks what could not be recorded in a graph. FILE is whole after every line of a network.
Weights are random. Without a GPU this is an error; --device emu or cpu is for trying the program out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gpu_calls import Call, calls_of
from gpu_card import Card, measured
from gpu_networks import Case, Job, open_job
from gpu_pytorch import Peer, open_peer

from pydarknet.backends.base import Backend, choose
from pydarknet.errors import DarknetError
from pydarknet.formats.atomic import replacing

ROOT = Path(__file__).resolve().parent.parent
# Without arguments: networks, sizes of their input (None: the cfg's), batches.
USUAL: list[tuple[str, list[int | None], list[int]]] = [
    ("yolov2", [416, 608], [1, 8, 64]),
    ("yolov2-tiny", [None], [1, 8]),
    ("yolo9000", [None], [1, 8]),
    ("darknet19", [None], [1, 8]),
]
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")


@dataclass(frozen=True)
class Row:
    """One line. `bound` is the roofline's time, `predicted` the cost model's, `peer` PyTorch's; None: not known."""

    what: str
    precision: str
    seconds: float
    recorded: bool
    flops: float
    bytes: float
    bound: float | None
    predicted: float | None = None
    peer: float | None = None
    peer_recorded: bool = True


@dataclass
class Report:
    """What the file says: rows, what could not be measured, and what is left."""

    path: Path | None
    about: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def write(self, left: Sequence[str]) -> None:
        """Put the file in its place, whole."""
        if self.path is None:
            return
        rows = [asdict(row) for row in self.rows]
        text = json.dumps({**self.about, "errors": self.errors, "left": left, "rows": rows}, indent=1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as file:
            file.write(f"{text}\n".encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table. 0: all is measured; 1: something failed; 2: the device can't be used; 3: time was out."""
    args = parse(arguments)
    end = time.monotonic() + args.seconds
    try:
        device, _ = choose(args.device)
    except DarknetError as error:
        print(f"gpu-bench: nothing was measured: {error}", file=sys.stderr)
        return 2
    peer = open_peer(device) if args.pytorch else None
    card = measured(device, peer, args.samples)
    print(f"{device.describe()}; {card}; {peer.describe() if peer else 'without PyTorch'}\n{HEADER}", flush=True)
    about = {"device": device.describe(), "card": asdict(card), "peer": peer.describe() if peer else None}
    bench = Bench(device, card, peer, args.samples, end)
    report = Report(args.json, about)
    left = bench.run(args, report)
    for name, text in report.errors.items():
        print(f"gpu-bench: FAILED: {name}: {text}", file=sys.stderr)
    if left:
        print(f"gpu-bench: time is out, {len(left)} jobs are left", file=sys.stderr)
    return 1 if report.errors else 3 if left else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", nargs="*", help="of cfg/, or paths of cfg files")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", nargs="+", type=int, help="inputs of so many pixels squared, instead of the cfg's")
    parser.add_argument("--batch", nargs="+", type=int, help="pictures of a forward pass")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--training", type=int, default=16, help="pictures of a step; 0: no training")
    parser.add_argument("--samples", type=int, default=5, help="of each time, whose median counts")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--no-calls", dest="calls", action="store_false", help="only networks as a whole")
    parser.add_argument("--no-pytorch", dest="pytorch", action="store_false")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args(arguments)


def cases(args: argparse.Namespace) -> list[Case]:
    """What to measure, in order: passes of all networks, then their steps; precisions of one beside each other."""
    usual: list[Any] = [(name, sizes, batches) for name, sizes, batches in USUAL if not args.networks]
    named = [(name, [None], [1, 8]) for name in args.networks]
    found, steps = [], []
    for name, sizes, batches in [*usual, *named]:
        cfg = name if name.endswith(".cfg") else str(ROOT / "cfg" / f"{name}.cfg")
        for size in args.size or sizes:
            found += [Case(cfg, size, b, p) for b in args.batch or batches for p in args.precision]
        first = (args.size or sizes)[0]
        steps += [Case(cfg, first, args.training, p, True) for p in args.precision if args.training]
    return found + steps


@dataclass(frozen=True)
class Bench:
    """Measures on a device, beside a peer, until `end`."""

    device: Backend
    card: Card
    peer: Peer | None
    samples: int
    end: float

    def run(self, args: argparse.Namespace, report: Report) -> list[str]:
        """Everything, whole networks first; what time was too short for. The report is written after each job."""
        every = cases(args)
        jobs = [(case, False) for case in every] + [(case, True) for case in every if args.calls]
        names = [f"{'calls of ' * calls}{case} {case.precision}" for case, calls in jobs]
        for i, (case, calls) in enumerate(jobs):
            if time.monotonic() >= self.end:
                report.write(names[i:])
                return names[i:]
            try:
                for row in self.measure(case, calls):
                    print(line(row), flush=True)
                    report.rows.append(row)
            except (DarknetError, RuntimeError) as error:  # PyTorch's are RuntimeErrors
                report.errors[names[i]] = str(error).partition("\n")[0]
            report.write(names[i + 1 :])
        return []

    def measure(self, case: Case, calls: bool) -> Iterator[Row]:
        """The row of a job, or those of its calls as far as time goes."""
        job = open_job(case, self.device.name)
        if not calls:
            yield self.whole(job)
            return
        for call in calls_of(job, self.samples):
            yield self.call(job, call)
            if time.monotonic() >= self.end:
                return

    def whole(self, job: Job) -> Row:
        """A network's line. Passes are plans, which are recorded; a step waits for its loss, and is not."""
        case, seconds = job.case, job.seconds(self.samples)
        bound = self.card.bound(case.precision, job.flops, 0)
        row = Row(str(case), case.precision, seconds, not case.training, job.flops, 0, bound)
        if not self.peer:
            return row
        peer, recorded = self.peer.seconds(job, self.samples)
        return replace(row, peer=peer, peer_recorded=recorded)

    def call(self, job: Job, call: Call) -> Row:
        """A call's line."""
        precision, key = job.case.precision, call.key
        bound = self.card.bound(precision, call.flops, key.bytes)
        predicted = self.device.ops.Conv(key.geometry, key.algorithm).cost() if key.algorithm else None
        if key.geometry is None:
            predicted = self.card.moving(key.bytes)
        peer = self.peer.call_seconds(call, precision, self.samples) if self.peer else None
        what = f"{job.case}: {call.what}"
        return Row(what, precision, call.seconds, call.recorded, call.flops, key.bytes, bound, predicted, peer)


WIDTHS = (5, 10, 9, 7, 8, 10, 10, 6)


def columns(what: str, *cells: str) -> str:
    """A line of the table."""
    return f"{what:<80} " + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


HEADER = columns("what", "", "ms", "GFLOP/s", "GB/s", "roofline", "model", "PyTorch", "ratio")


def line(row: Row) -> str:
    """The row as text."""
    return columns(
        row.what, row.precision,
        f"{row.seconds * 1e3:.4f}{'*' * (not row.recorded)}",
        f"{row.flops / row.seconds / 1e9:.0f}", f"{row.bytes / row.seconds / 1e9:.0f}",
        f"{row.bound / row.seconds:.0%}" if row.bound else "-",
        f"{row.predicted * 1e3:.4f}" if row.predicted else "-",
        f"{row.peer * 1e3:.4f}{'*' * (not row.peer_recorded)}" if row.peer else "-",
        f"{row.peer / row.seconds:.2f}" if row.peer else "-",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
