"""`pydarknet detector demo DATA CFG WEIGHTS [VIDEO]`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import options
from . import demo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and all options of `demo`."""
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("cfg", metavar="CFG")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("video", metavar="VIDEO", nargs="?", help=demo.VIDEO)
    options.add_names(parser, data=False)
    demo.add_film_options(parser)


def run(args: argparse.Namespace) -> int:
    """As `demo`."""
    return demo.run(args)
