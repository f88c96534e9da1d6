"""`pydarknet detect CFG WEIGHTS IMAGE...`."""

from __future__ import annotations

import argparse

from .. import options
from ..parser import whole

NAME = "detect"
HELP = "detect objects in images; asks for them if none is given"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and all options of detection in images."""
    parser.add_argument("cfg", metavar="CFG")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("images", metavar="IMAGE", nargs="*", help=IMAGES)
    options.add_names(parser, data=True)
    add_picture_options(parser)


IMAGES = "images, folders, patterns ('*.jpg'), lists of paths (.txt, .list), or - for paths on standard input"


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """The options that `detect` shares with `detector test`."""
    options.add_detection(parser)
    options.add_lines(parser)
    options.add_files(
        parser,
        "the drawn image (default: predictions.jpg); for several images a folder, without which none is drawn",
    )
    options.add_machine(parser)
    parser.add_argument(
        "--batch", type=whole(1, 4096), default=1, metavar="N", help="images to compute at once (default: 1)"
    )
    options.add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """0 if all went well, 1 if some of several images could not be read."""
    from ..loading import load_network, read_data_file, require_heads
    from ..pictures import detect_pictures
    from ..reading import wanted
    from ..saving import prepared

    data = read_data_file(args.data, args.quiet) if args.data else None
    with prepared(args, data):
        net = load_network(args, data)
        require_heads(net, "classify")
        return detect_pictures(net, wanted(args.images), args)
