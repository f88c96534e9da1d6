"""`pydarknet init`: a cfg for one's own data."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ..parser import whole

TEMPLATE = "yolov2-tiny"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("data", metavar="DATA", help="a .data file: train, valid, classes, names")
    parser.add_argument(
        "--from", dest="template", default=TEMPLATE, metavar="CFG", help=f"the network to adapt (default: {TEMPLATE})"
    )
    parser.add_argument("--size", type=whole(32), metavar="PIXELS", help="input width and height, a multiple of 32")
    parser.add_argument(
        "--max-batches",
        type=whole(1),
        metavar="N",
        help="iterations; default: 2000 a class, at least 6000; of a classifier 160 times all images, at least 2000",
    )
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of k-means (default: 0)")
    parser.add_argument("--out", metavar="FILE", help="the new cfg; default: DATA's name with .cfg; -: print it")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...errors import ExportError
    from ...formats.atomic import write_text
    from ...train.template import make_cfg
    from ..messages import say

    out = None if args.out == "-" else Path(args.out or Path(args.data).with_suffix(".cfg"))
    if out is not None and out.exists() and not args.force:  # anchors for many boxes take their time
        raise ExportError(f"{out}: is there already; --force replaces it, --out FILE takes another name")
    made = make_cfg(args.data, args.template, size=args.size, max_batches=args.max_batches, seed=args.seed)
    text = made.content.decode("utf-8", "surrogateescape")
    for line in made.choices:
        say(line, False)
    if out is None:
        print(text, end="")
        return 0
    write_text(out, text, ExportError)
    print(f"{out}: made of {args.template}")
    score = " --map" if made.validates else ""
    train = "classifier train" if made.classifies else "train"
    print(f"next: pydarknet {train} {shlex.join([args.data, str(out)])}{score}")
    return 0
