"""CUDA's kernels on a GPU: every call of networks and training steps, and these as a whole, beside PyTorch's.

    python benchmarks/gpu.py [NETWORK ...] [--device cuda] [--batch 1 8] [--precision fp32 tf32 fp16 bf16]
                             [--training 16] [--size N] [--no-calls] [--no-pytorch] [--json FILE]

A line is what ran, its time (median), its share of the card's roofline, and PyTorch's time for the same. The roofline
is the larger of operations at the peak of that precision and bytes (each array once) at the memory's speed. Weights
are random. Without a GPU this is an error; --device emu or cpu is for trying the program out, and has no roofline.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gpu_calls import calls_of
from gpu_card import Card, card_of
from gpu_networks import Job, inference, training
from gpu_pytorch import Peer, open_peer

from pydarknet.backend import Backend, choose
from pydarknet.errors import DarknetError

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = ("yolov2", "yolov2-tiny", "yolo9000", "darknet19")
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")


@dataclass(frozen=True)
class Row:
    """One line. `bound` is the roofline's time, `peer` PyTorch's; None: not known."""

    what: str
    precision: str
    seconds: float
    flops: float
    bytes: float
    bound: float | None
    peer: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0. 2, and a line, if the device can't be used."""
    args = parse(arguments)
    try:
        device, _ = choose(args.device)
    except DarknetError as error:
        print(f"gpu-bench: nothing was measured: {error}", file=sys.stderr)
        return 2
    card, peer = card_of(device), open_peer(device) if args.pytorch else None
    print(f"{device.describe()}; {card}; {peer.describe() if peer else 'without PyTorch'}\n{HEADER}", flush=True)
    rows = []
    for row in measure(args, device, card, peer):
        print(line(row), flush=True)
        rows.append(row)
    if args.json:
        report = {"device": device.describe(), "card": asdict(card), "peer": peer.describe() if peer else None}
        args.json.write_text(json.dumps({**report, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help="of cfg/, or paths of cfg files")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8], help="pictures of a forward pass")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--training", type=int, default=16, help="pictures of a step; 0: no training")
    parser.add_argument("--size", type=int, help="input of so many pixels squared, instead of the cfg's")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--no-calls", dest="calls", action="store_false", help="only networks as a whole")
    parser.add_argument("--no-pytorch", dest="pytorch", action="store_false")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args(arguments)


def measure(args: argparse.Namespace, device: Backend, card: Card, peer: Peer | None) -> Iterator[Row]:
    """Each network in each precision: whole passes, steps, and their calls."""
    for name in args.networks:
        cfg = name if name.endswith(".cfg") else str(ROOT / "cfg" / f"{name}.cfg")
        for precision in args.precision:
            jobs = [inference(cfg, device.name, precision, batch, args.size) for batch in args.batch]
            jobs += [training(cfg, device.name, precision, args.training, args.size)] if args.training else []
            for job in jobs:
                theirs = peer.seconds(job, precision, args.runs) if peer else None
                yield row(
                    card, f"{Path(cfg).stem} {job.what}", precision, job.seconds(args.runs), job.flops, 0, theirs
                )
                if args.calls:
                    yield from calls(args, job, precision, card, peer)


def calls(args: argparse.Namespace, job: Job, precision: str, card: Card, peer: Peer | None) -> Iterator[Row]:
    """A line for each call of a job."""
    for call in calls_of(job, args.runs):
        theirs = peer.call_seconds(call, precision, args.runs) if peer else None
        yield row(card, f"  {call.what}", precision, call.seconds, call.flops, call.key.bytes, theirs)


def row(card: Card, what: str, precision: str, seconds: float, flops: float, moved: float, peer: float | None) -> Row:
    """The row with the roofline's time."""
    return Row(what, precision, seconds, flops, moved, card.bound(precision, flops, moved), peer)


HEADER = f"{'what':<66} {'':>5} {'ms':>10} {'GFLOP/s':>9} {'GB/s':>7} {'roofline':>8} {'PyTorch':>10} {'ratio':>6}"


def line(row: Row) -> str:
    """The row as text."""
    share = f"{row.bound / row.seconds:.0%}" if row.bound else "-"
    theirs = f"{row.peer * 1e3:.4f}" if row.peer else "-"
    ratio = f"{row.peer / row.seconds:.2f}" if row.peer else "-"
    rates = f"{row.flops / row.seconds / 1e9:>9.0f} {row.bytes / row.seconds / 1e9:>7.0f}"
    return f"{row.what:<66} {row.precision:>5} {row.seconds * 1e3:>10.4f} {rates} {share:>8} {theirs:>10} {ratio:>6}"


if __name__ == "__main__":
    sys.exit(main())
