"""`pydarknet reset CFG WEIGHTS OUT`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import rewriting

NAME = "reset"
HELP = "fold batch norm's statistics into the weights before it, which leaves a neutral batch norm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    rewriting.add_files(parser)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...surgery import reset

    net = rewriting.load(args)
    reset(net)
    return rewriting.save(net, args)
