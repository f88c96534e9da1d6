"""`pydarknet denormalize CFG WEIGHTS OUT`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import rewriting

NAME = "denormalize"
HELP = "fold batch norm into weights and biases"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    rewriting.add_files(parser)
    rewriting.add_save_cfg(parser)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...surgery import denormalize

    net, changes = denormalize(rewriting.load(args))
    return rewriting.save(net, args, changes)
