"""`pydarknet average CFG OUT WEIGHTS...`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import options, rewriting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files; the result stands before what it is made of, as in Darknet."""
    parser.add_argument("cfg", metavar="CFG", help=options.CFG)
    parser.add_argument("out", metavar="OUT", help="the weights file to write")
    parser.add_argument("weights", metavar="WEIGHTS", nargs="+", help=options.WEIGHTS)
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...catalog import find_weights
    from ...surgery import average

    net = rewriting.load(args, weights=False)
    average(net, [find_weights(name) for name in args.weights])
    return rewriting.save(net, (), args)
