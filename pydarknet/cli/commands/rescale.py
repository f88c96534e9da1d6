"""`pydarknet rescale CFG WEIGHTS OUT`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import rewriting

NAME = "rescale"
HELP = "let a network trained on pixels from -1 to 1 take them from 0 to 1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    rewriting.add_files(parser)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...surgery import rescale

    net = rewriting.load(args)
    rescale(net)
    return rewriting.save(net, args)
