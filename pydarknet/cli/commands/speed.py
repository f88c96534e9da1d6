"""`pydarknet speed CFG [N]`: how fast the forward pass is."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import options
from ..parser import whole

if TYPE_CHECKING:
    from ...network import Network

NAME = "speed"
HELP = "measure the forward pass, with random weights"
SECONDS = 5.0  # how long to measure where no number of runs is given
MIN_RUNS, MAX_RUNS = 5, 1000
WARM = 3  # a GPU records the second one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, the number of runs, and what to run."""
    parser.add_argument("cfg", metavar="CFG")
    parser.add_argument(
        "runs",
        metavar="N",
        nargs="?",
        type=whole(1),
        help=f"forward passes (default: about {SECONDS:g} seconds of them)",
    )
    parser.add_argument("--batch", type=whole(1, 4096), default=1, metavar="N", help="images at once (default: 1)")
    parser.add_argument("--size", type=whole(1), metavar="N", help="input of N x N pixels instead of the cfg's")
    options.add_machine(parser)
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """Print Darknet's lines, for one image, and the median; always 0."""
    from ...network import Network
    from ..loading import find_cfg
    from ..messages import say, warn

    net = Network(find_cfg(args.cfg), threads=args.threads, device=options.device_of(args), precision=args.precision)
    warn(net.warnings, args.quiet)
    if args.size:
        net.resize(args.size, args.size)
    say(f"{net.cfg.file}: {net.backend.describe()}; {args.batch} x ({net.inputs})", args.quiet)
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


def measure(net: Network, batch: int, runs: int | None) -> list[float]:
    """Seconds of each forward pass of a batch, after some that don't count."""
    import numpy as np

    with net.plan(batch) as plan:
        net.backend.write(plan.input, np.random.default_rng(0).random(plan.input.shape, np.float32))

        def run() -> None:
            plan.run()
            net.backend.wait()

        warm = [_timed(run) for _ in range(WARM)]
        count = runs or min(max(int(SECONDS / max(warm[-1], 1e-9)), MIN_RUNS), MAX_RUNS)
        return [_timed(run) for _ in range(count)]


def _timed(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
