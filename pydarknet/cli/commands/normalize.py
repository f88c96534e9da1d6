"""`pydarknet normalize CFG WEIGHTS OUT`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import rewriting

NAME = "normalize"
HELP = "put a neutral batch norm into every convolutional and connected layer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    rewriting.add_files(parser)
    rewriting.add_save_cfg(parser)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...surgery import normalize

    net, changes = normalize(rewriting.load(args))
    return rewriting.save(net, args, changes)
