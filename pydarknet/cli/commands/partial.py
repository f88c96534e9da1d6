"""`pydarknet partial CFG WEIGHTS OUT N`, as Darknet's: the front of a network, to start another from."""

from __future__ import annotations

import argparse

from .. import rewriting
from ..parser import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and the number of layers."""
    rewriting.add_files(parser)
    parser.add_argument("count", metavar="N", type=whole(1), help="number of layers to keep")


def run(args: argparse.Namespace) -> int:
    """0; errors are raised. The file says that no image has been seen."""
    from ..messages import say

    net = rewriting.load(args)
    if args.count > len(net.layers):
        say(f"warning: there are {len(net.layers)} layers, not {args.count}: all are written", args.quiet)
    net.seen = 0
    net.save_weights(args.out, cutoff=args.count)
    say(f"wrote {args.out}", args.quiet)
    return 0
