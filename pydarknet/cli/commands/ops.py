"""`pydarknet ops CFG`: Darknet's count of operations."""

from __future__ import annotations

import argparse

from .. import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, and another size."""
    parser.add_argument("cfg", metavar="CFG", help=options.CFG)
    options.add_size(parser)
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """Always 0; CfgError if the network can't be built."""
    from ..loading import load_graph

    flops = load_graph(args.cfg, args.quiet, args.size).flops
    print(f"Floating Point Operations: {flops}")
    print(f"Floating Point Operations: {flops / 1e9:.2f} Bn")
    return 0
