"""`pydarknet rgbgr CFG WEIGHTS OUT`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import rewriting

NAME = "rgbgr"
HELP = "swap red and blue in the first convolution"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    rewriting.add_files(parser)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...surgery import rgbgr

    net = rewriting.load(args)
    rgbgr(net)
    return rewriting.save(net, args)
