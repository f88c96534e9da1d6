"""`pydarknet detector test DATA CFG WEIGHTS [IMAGE...]`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import options
from . import detect


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and all options of `detect`."""
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("cfg", metavar="CFG")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("images", metavar="IMAGE", nargs="*", help=detect.IMAGES)
    options.add_names(parser, data=False)
    detect.add_image_options(parser)


def run(args: argparse.Namespace) -> int:
    """As `detect`."""
    return detect.run(args)
