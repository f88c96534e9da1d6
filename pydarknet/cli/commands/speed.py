"""`pydarknet speed CFG [N]`: how fast the forward pass is."""

from __future__ import annotations

import argparse
import statistics

from .. import options
from ..parser import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, the number of runs, and what to run."""
    parser.add_argument("cfg", metavar="CFG", help=options.CFG)
    parser.add_argument(
        "runs",
        metavar="N",
        nargs="?",
        type=whole(1),
        help="forward passes (default: about 5 seconds of them)",
    )
    parser.add_argument("--batch", type=whole(1, 4096), default=1, metavar="N", help="images at once (default: 1)")
    options.add_size(parser)
    options.add_machine(parser)
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """Print Darknet's lines, for one image, and the median; always 0."""
    from ...formats.resources import find_cfg, shown
    from ...graph.speed import measure
    from ...network import Network
    from ..messages import say, warn

    cfg = find_cfg(args.cfg)  # that no weights are read is what the command is for: no warning of a bare name
    net = Network(cfg, threads=args.threads, device=options.device_of(args), precision=args.precision)
    warn(net.warnings, args.quiet)
    if args.size:
        net.resize(*args.size)
    say(f"{shown(net.cfg.file)}: {net.backend.describe()}; {args.batch} x ({net.inputs})", args.quiet)
    seconds = measure(net, args.batch, args.runs)
    evals, total = len(seconds) * args.batch, sum(seconds)
    median = statistics.median(seconds) / args.batch
    print(f"\n{evals} evals, {total:f} Seconds")
    print(f"Floating Point Operations: {net.flops / 1e9:.2f} Bn")
    print(f"FLOPS: {net.flops / 1e9 * evals / total:.2f} Bn")
    print(f"Speed: {total / evals:f} sec/eval")
    print(f"Speed: {evals / total:f} Hz")
    print(f"Median: {median:f} sec/eval, {1 / median:f} Hz, {net.flops / 1e9 / median:.2f} Bn FLOPS")
    return 0
