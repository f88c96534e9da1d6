"""`pydarknet quantize CFG WEIGHTS --images FOLDER`: a file of 8-bit weights, for detecting on the CPU."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import options
from ..parser import whole

if TYPE_CHECKING:
    from ...images.image import Image
    from ...images.sources import Source

ENDING = ".int8"
SHARE = 0.25  # of the operations that may stay in floats, by --keep auto


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("cfg", metavar="CFG", help="a file, or a name of the package's own cfg/")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument(
        "--images", metavar="FOLDER", action="append", required=True,
        help="photographs such as the network is to see, some dozens: a folder, a list or an image; may be repeated",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", help=f"the file to write (default: that of WEIGHTS, with {ENDING})")
    parser.add_argument(
        "--keep", metavar="N,N|none|wide|auto[:SHARE]", type=layer_list,
        help="convolutional layers that stay in floats (default: those before the heads, or the last); wide: those "
        "and all of 128 channels and more, for --precision bf16; auto: those and the ones that gain most by it, with "
        "at most this SHARE of the operations (default: 0.25)",
    )  # fmt: skip
    parser.add_argument(
        "--tiles",
        action="store_true",
        help="compute 3x3 layers of 128 channels and more by tiles: in two thirds of the time, less exactly",
    )
    parser.add_argument(
        "--quick", action="store_true",
        help="choose scales by the layers' own values alone, not by what the network's output makes of them",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=whole(1), default=200, metavar="N", help="images that are looked at (default: 200)"
    )
    parser.add_argument("--dialect", metavar="NAME", help="which Darknet's batch norm (default: the cfg's)")
    options.add_fit(parser)
    parser.add_argument("-threads", "--threads", type=whole(1, 1024), metavar="N", help="threads (default: all)")
    options.add_quiet(parser, bar=False)


def layer_list(text: str) -> list[int] | float | Literal["wide"]:
    """Numbers of layers; an empty list for "none"; a share for "auto"."""
    if text == "wide":
        return "wide"
    name, _, share = text.partition(":")
    if name == "auto":
        try:
            found = float(share or SHARE)
        except ValueError:
            found = -1.0
        if 0 < found <= 1:
            return found
        raise argparse.ArgumentTypeError(f"expected a share above 0 and up to 1, such as auto:0.5; found {text!r}")
    words = [] if text == "none" else text.split(",")
    if not all(word.strip().isascii() and word.strip().isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"expected numbers of layers such as 13,20, or none; found {text!r}")
    return [int(word) for word in words]


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...catalog import find_weights
    from ...images.sources import expand
    from ...network import Network
    from ...quantize import quantize, wide_keep, worth_tiles
    from ..messages import say, warn
    from ..saving import refuse_inputs

    weights = find_weights(args.weights)
    out = args.out or str(weights.with_suffix(ENDING))
    args.weights = str(weights)
    refuse_inputs([out], args)
    source = expand(args.images, sys.stdin.buffer)
    net = Network(args.cfg, weights, threads=args.threads, dialect=args.dialect)
    warn(net.warnings, args.quiet)
    keep = wide_keep(net) if args.keep == "wide" else args.keep
    choice = quantize(
        net, images(source, net.inputs.c, args), out, keep=keep, fit=args.fit, made_from=weights.name,
        refined=not args.quick, tiles=args.tiles,
    )  # fmt: skip
    kept = len([layer for layer in net.layers if layer.records]) - len(choice.convolutions)
    tiled = sum(worth_tiles(net.layers[i]) for i in choice.convolutions) if args.tiles else 0
    by_tiles = f" ({tiled} of them by tiles)" if args.tiles else ""
    say(
        f"wrote {out}: {Path(out).stat().st_size / 1e6:.1f} MB; {len(choice.convolutions)} layers in 8 bits"
        f"{by_tiles}, {kept} in floats",
        args.quiet,
    )
    return 0


def images(source: Source, channels: int, args: argparse.Namespace) -> Iterator[Image]:
    """The first images that can be read; what can't is said."""
    from ...errors import ImageError
    from ...images.sources import load
    from ..messages import warn

    left = args.limit
    for path in source.paths:
        if not left:
            return
        try:
            yield load(path, channels)
            left -= 1
        except ImageError as error:
            warn([str(error)], args.quiet)
