"""`pydarknet classifier predict DATA CFG WEIGHTS [IMAGE...]`, as Darknet's."""

from __future__ import annotations

import argparse

from .. import options
from .classify import add_class_options, classify_images
from .detect import IMAGES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and all options of `classify`."""
    options.add_network(parser, data_first=True)
    parser.add_argument("images", metavar="IMAGE", nargs="*", default=[], help=IMAGES)
    add_class_options(parser, "default: top= of the .data file, else 1")


def run(args: argparse.Namespace) -> int:
    """As `classify`."""
    from ..loading import load_network, read_data_file

    data = read_data_file(args.data, args.quiet)
    net = load_network(args, data)
    return classify_images(net, args, args.top or max(1, data.int_("top", 1)))
